import ArgumentParser
import Manipulation

struct AttackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attack",
    abstract: "Changes images so that their explanations change and their classes do not.",
    discussion: """
      Takes images that the network classifies correctly and moves each sample by at most ε, so \
      that the heatmap changes and the label stays. Writes the perturbed images, a line for each \
      of them, a summary and a page with curves to the output folder. The network is not changed.

      Example:
        trompe attack recipes/shapes-attack.yaml --set attack.images=16

      docs/recipes.md lists the keys of a recipe.
      """)

  @OptionGroup var options: SingleRunOptions

  @Flag(help: "Print the result as JSON, as summary.json has it.")
  var json = false

  func run() throws {
    let recipe = try AttackRecipe(contentsOf: options.recipe, settings: options.settings)
    let summary = try options.detail.watching { stop, observe in
      try AttackRun(recipe, output: options.outputFolder, stop: stop, observe: observe).run()
    }
    try Terminal.write(json ? JSON.text(summary) : summary.table)
  }
}
