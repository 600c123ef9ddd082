import ArgumentParser
import Manipulation

struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Studies manipulated networks, and makes one report.",
    usage: "trompe study <recipe> [<options>]",
    discussion: """
      Does the studies that the recipe names with a list of networks of one architecture: are \
      heatmaps still about the network, do manipulations survive noise, which other explanations \
      do they fool, how easily are they attacked? Each is written when it is finished; Ctrl-C \
      stops, and --resume goes on with the next.

      Example:
        trompe study recipes/shapes-study.yaml --set study.images=100

      docs/recipes.md lists the keys of a recipe.
      """)

  @OptionGroup var options: RecipeOptions

  @Flag(name: .long, help: "Omit the studies that are finished already.")
  var resume = false

  @Flag(help: "Print the result as JSON, as summary.json has it.")
  var json = false

  @OptionGroup var detail: DetailOptions

  func run() throws {
    let recipe = try StudyRecipe(
      contentsOf: options.recipe, settings: options.settings, note: Terminal.note)
    let folder = options.outputFolder(resume: resume)
    let summary = try detail.watching { stop, observe in
      try StudyRun(
        recipe, on: ExecutorChoice.executor(for: recipe.compute), output: folder,
        resume: resume, stop: stop, observe: observe
      ).run()
    }
    try Terminal.write(json ? JSON.text(summary) : summary.table)
  }
}
