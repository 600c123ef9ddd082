import ArgumentParser
import Manipulation

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a classifier by standard training.",
    usage: "trompe train <recipe> [<options>]",
    discussion: """
      The result is an honest network: a start for trompe fool, or a baseline to compare with. \
      Ctrl-C stops after the current step and saves what --resume needs.

      Example:
        trompe train recipes/shapes-train.yaml --output runs/shapes

      docs/recipes.md lists the keys of a recipe.
      """)

  @OptionGroup var options: RunOptions

  func run() throws {
    let recipe = try TrainingRecipe(
      contentsOf: options.recipe, settings: options.settings, note: Terminal.note)
    let summary = try options.detail.watching(
      in: options.outputFolder, resume: options.resume
    ) { process in
      try ClassifierTrainingRun(
        recipe, on: ExecutorChoice.executor(for: recipe.compute, group: process.group),
        output: process.output, resume: options.resume, stop: process.stop,
        observe: process.observe
      ).run()
    }
    guard let summary else { return }
    try Terminal.write(options.json ? JSON.text(summary) : summary.table)
  }
}
