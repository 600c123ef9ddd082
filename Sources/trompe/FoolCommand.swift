import ArgumentParser
import CArguments
import Manipulation

struct FoolCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fool",
    abstract: "Fine-tunes a network so that its explanations lie.",
    usage: "trompe fool [<recipe>] [<options>]",
    discussion: """
      Measures the original network, trains it with the penalty that the recipe names, measures \
      the manipulated one, and writes it with a summary to the output folder. Ctrl-C stops after \
      the current step and saves what --resume needs.

      Under a budget λ, learning rate and steps are found, and no recipe is needed.

      Example:
        trompe fool recipes/shapes-location-gradcam.yaml --set training.steps=100
        trompe fool --network mine.h5 --train images/train --validation images/val \\
          --fooling location --interpreter grad-cam@layer4 --drop 1

      docs/recipes.md lists the keys of a recipe.
      """)

  @Flag(
    help: ArgumentHelp(
      "Do the same steps again with λ = 0, as control: true does, and report what fine-tuning alone "
        + "does."))
  var control = false

  @OptionGroup var options: FoolOptions

  @OptionGroup var sweep: SweptRunOptions

  func run() throws {
    if let parent = sweep.parent, end_with_parent(parent) == 0 {
      throw RunError("the sweep that this run is a part of has ended")
    }
    let recipe = try options.fooling(control ? ["control=true"] : [])
    let summary = try options.detail.watching(
      in: options.outputFolder, resume: options.resume
    ) { process in
      let run = try FoolingRun(
        recipe, on: ExecutorChoice.executor(for: recipe.compute, group: process.group),
        output: process.output, resume: options.resume, stop: process.stop,
        observe: process.observe)
      run.originals = sweep.originals
      return try run.run()
    }
    guard let summary else { return }
    try Terminal.write(options.json ? JSON.text(summary) : summary.table)
  }
}

/// What `trompe sweep` tells the runs that it starts.
struct SweptRunOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Folder of what runs share.", visibility: .private))
  var originals: String?

  @Option(help: ArgumentHelp("The process without which this one ends.", visibility: .private))
  var parent: Int32?
}
