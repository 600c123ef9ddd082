import ArgumentParser
import Manipulation

struct AttackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attack",
    abstract: "Changes images so that their explanations change and their classes do not.",
    discussion: """
      Takes images that the network classifies correctly and moves each sample by at most ε, so \
      that the heatmap changes and the label stays. Writes the perturbed images, a line for each \
      of them, a summary and a page with curves to the output folder. The network is not changed. \
      Where the images lie in no folders of classes, all are attacked, and the network's \
      predictions stand for labels. Ctrl-C stops and sums up what is finished; --resume goes on.

      Example:
        trompe attack recipes/shapes-attack.yaml --set attack.images=16

      docs/recipes.md lists the keys of a recipe.
      """)

  @OptionGroup var options: RecipeOptions

  @Flag(name: .long, help: "Keep the attacks that are finished already.")
  var resume = false

  @OptionGroup var detail: DetailOptions

  @Flag(help: "Print the result as JSON, as summary.json has it.")
  var json = false

  func run() throws {
    let recipe = try AttackRecipe(
      contentsOf: options.recipe, settings: options.settings, note: Terminal.note)
    let folder = options.outputFolder(resume: resume)
    var begun: AttackRun?
    func show(_ summary: AttackSummary) throws {
      try Terminal.write(json ? JSON.text(summary) : summary.table)
    }
    do {
      let summary = try detail.watching { stop, observe in
        let attack = try AttackRun(
          recipe, on: ExecutorChoice.executor(for: recipe.compute), output: folder,
          resume: resume, stop: stop, observe: observe)
        begun = attack
        return try attack.run()
      }
      try show(summary)
    } catch let error as RunStopped {
      if let finished = begun?.finished { try show(finished) }
      throw error
    }
  }
}
