import ArgumentParser
import Manipulation

struct CurvatureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "curvature",
    abstract: "Measures how curved a network is where its explanations are attacked.",
    discussion: """
      Takes the recipe of an attack. At images that the network classifies correctly it reports \
      the largest eigenvalues of the Hessian of the loss or of the logit in the image, and the \
      curvature along the first step of each attack.

      Example:
        trompe curvature recipes/shapes-attack.yaml --set attack.images=16

      docs/recipes.md lists the keys of a recipe.
      """)

  @OptionGroup var options: SingleRunOptions

  func run() throws {
    let recipe = try AttackRecipe(
      contentsOf: options.recipe, settings: options.settings, note: Terminal.note)
    let summary = try options.detail.watching { stop, observe in
      try CurvatureRun(
        recipe, on: ExecutorChoice.executor(for: recipe.compute),
        output: options.outputFolder, stop: stop, observe: observe
      ).run()
    }
    try Terminal.write(summary.table)
  }
}
