import ArgumentParser
import Checkpoints
import Manipulation

struct FrontierCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "frontier",
    abstract: "Finds how much success each loss of accuracy buys.",
    usage: "trompe frontier [<recipe>] [<options>]",
    discussion: """
      One search under the smallest drop; the best state for every drop is kept on the way and \
      measured at the end, on images that had no part in the search. summary.json holds the numbers, \
      report.html the curve.

      Example:
        trompe frontier recipes/shapes-budget.yaml --drops 0.5,1,2
      """)

  @Option(
    help: ArgumentHelp(
      "Drops of top-1 accuracy in percentage points, with commas between.", valueName: "points"))
  var drops = "0.25,0.5,1,2,4"

  @OptionGroup var options: FoolOptions

  /// The numbers given.
  private func values() throws -> [Double] {
    try drops.split(separator: ",", omittingEmptySubsequences: false).map { text in
      guard let drop = Double(text.trimmingPrefix(" ")), drop > 0, drop <= 100 else {
        throw ValidationError(
          "--drops \(drops): \(printable(String(text))) is no number above 0 and up to 100; give "
            + "e.g. --drops 0.5,1,2.")
      }
      return drop
    }
  }

  func validate() throws { _ = try values() }

  func run() throws {
    let drops = try values()
    var recipe = try options.fooling()
    if recipe.budget == nil { recipe = try options.fooling(["budget.drop=1"]) }
    let summary = try options.detail.watching { stop, observe in
      try FoolingRun(
        recipe, on: ExecutorChoice.executor(for: recipe.compute),
        output: options.outputFolder, resume: options.resume, drops: drops, stop: stop,
        observe: observe
      ).run()
    }
    try Terminal.write(options.json ? JSON.text(summary) : summary.frontierTable)
  }
}

extension Summary {
  /// What each drop buys, within 80 columns.
  fileprivate var frontierTable: String {
    let rows = (budget?.atDrops ?? []).map { kept in
      [Format.decimals(kept.allowed, 2)]
        + (kept.part.map { part in
          [
            Format.percent(fooled.map { part.fsr[$0] ?? 0 }.min() ?? 0),
            Format.decimals(part.drop, 2),
            kept.learningRate.map(Format.significant) ?? "–", "\(kept.steps)",
          ]
        } ?? ["–", "–", "–", "–"])
    }
    let sentences = (budget?.sentences(fooled) ?? []).map { text in
      Format.wrapped("", printable(text), width: 80).map { $0[1] + "\n" }.joined()
    }.joined()
    return Format.table(
      [["points allowed", "success rate", "points lost", "learning rate", "steps"]] + rows)
      + "\n\(fooling) fooling of \(fooled.joined(separator: ", ")), on \(budget?.rest.images ?? 0) images that had no part "
      + "in the search\n" + sentences
  }
}
