import ArgumentParser
import Manipulation

struct InfluenceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "influence",
    abstract: "Finds the training images that matter to an image, and changes which do.",
    discussion: """
      Computes the influence of training images on the loss at images that the network \
      classifies correctly, and changes these by at most ε so that the most helpful training \
      images lose their influence. Writes the perturbed images, a line for each of them, a \
      summary and a page with the most influential training images before and after.

      Example:
        trompe influence recipes/shapes-influence.yaml --set influence.images=8

      docs/recipes.md lists the keys of a recipe.
      """)

  @OptionGroup var options: SingleRunOptions

  @Flag(help: "Print the result as JSON, as summary.json has it.")
  var json = false

  func run() throws {
    let recipe = try InfluenceRecipe(
      contentsOf: options.recipe, settings: options.settings, note: Terminal.note)
    let summary = try options.detail.watching { stop, observe in
      try InfluenceRun(
        recipe, on: ExecutorChoice.executor(for: recipe.compute),
        output: options.outputFolder, stop: stop, observe: observe
      ).run()
    }
    try Terminal.write(json ? JSON.text(summary) : summary.table)
  }
}
