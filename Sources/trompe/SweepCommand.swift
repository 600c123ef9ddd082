import ArgumentParser
import Foundation
import Manipulation
import TensorCPU

struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Runs a recipe over a grid of its keys, and over seeds.",
    usage: """
      trompe sweep <recipe> [--grid <key=values>] [--seeds <count>] [<options>]
      trompe sweep --collect <folder>
      """,
    discussion: """
      A run of trompe fool for every combination of the values and for every seed, as many at a \
      time as memory and cores allow; what all measure alike of the original network is measured \
      once. sweep.csv has a row for each run, summary.json means and standard deviations over the \
      seeds, report.html success against accuracy. Ctrl-C stops, and --resume goes on.

      Jobs of an array share one folder. Each does its part, begins and goes on by the same \
      command, and whichever is last leaves the table of all.

      Example:
        trompe sweep recipes/shapes-location-gradcam.yaml --seeds 3 -o runs/sweep \\
          --grid training.learningRate=1e-4,1e-3 --grid fooling.lambda=1,4,16

        sbatch --array=1-8 --wrap 'trompe sweep first.yaml --output sweep \\
          --grid fooling.lambda=1,4,16 \\
          --array $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT'
      """)

  @Argument(
    help: "The recipe of a manipulation, a YAML file.",
    completion: .file(extensions: ["yaml", "yml"]))
  var recipe: String?

  @Option(
    help: ArgumentHelp(
      "A key of the recipe and its values; may be repeated. Values are written as for --set.",
      valueName: "key=value,…"))
  var grid: [String] = []

  @Option(help: "Seeds of each combination, counted up from the recipe's.")
  var seeds = 1

  @Option(
    name: .shortAndLong,
    help: "Folder for the results. (default: runs/ and the recipe's name with -sweep)",
    completion: .directory)
  var output: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Replace or add a key of the recipe in all runs; may be repeated.", valueName: "key=value"))
  var settings: [String] = []

  @Option(
    help: ArgumentHelp(
      "Runs at a time. (default: what cores and free memory allow)", valueName: "count"))
  var atOnce: Int?

  @Option(
    help: ArgumentHelp("Do only every N-th run from the I-th on.", valueName: "I/N"))
  var array: String?

  @Flag(name: .long, help: "Go on with the sweep in the folder.")
  var resume = false

  @Option(
    help: ArgumentHelp(
      "Make table and page of the runs of a sweep that are finished; do none.", valueName: "folder"),
    completion: .directory)
  var collect: String?

  @Flag(help: "Print the result as JSON, as summary.json has it.")
  var json = false

  @OptionGroup var detail: DetailOptions

  func validate() throws {
    if let atOnce, atOnce < 1 {
      throw ValidationError("--at-once is \(atOnce), expected 1 or more.")
    }
    guard collect == nil else {
      guard recipe == nil, grid.isEmpty, array == nil, output == nil, !resume else {
        throw ValidationError(
          "--collect makes the table of a sweep that is there: give it the folder, and no recipe.")
      }
      return
    }
    guard recipe != nil else { throw ValidationError("Give a recipe, or --collect with a folder.") }
  }

  func run() throws {
    if let collect {
      let summary = try SweepRun.collect(collect)
      return try show(summary, folder: collect)
    }
    guard let recipe else { preconditionFailure("validated") }
    let part = try array.map { try SweepPart($0) }
    let further = try settings.map { try RecipeSetting($0) }
    let first = try FoolingRecipe(recipe, settings: further, note: Terminal.note)
    let grid = try SweepGrid(grid, seeds: seeds, from: first.training.seed)
    let folder = output ?? Self.standardFolder(recipe)
    let cores = CPUExecutor.defaultThreads
    let summary = try detail.watching { stop, observe in
      let sweep = try SweepRun(
        recipe, grid, output: folder, resume: resume, part: part,
        threads: { first, runs in
          if let atOnce { return max(1, cores / min(atOnce, runs)) }
          return try Self.pace(first, cores: cores, runs: runs).threads
        }, stop: stop, observe: observe
      ) { try FoolingRecipe(recipe, settings: further + $0) }
      let most =
        try atOnce
        ?? min(
          max(1, cores / sweep.threads), Self.pace(first, cores: cores, runs: cores).atOnce)
      return try sweep.run(atOnce: most) { try ProcessWorker($0) }
    }
    try show(summary, folder: folder)
  }

  private static func standardFolder(_ recipe: String) -> String {
    "runs/" + ((recipe as NSString).lastPathComponent as NSString).deletingPathExtension + "-sweep"
  }

  /// How many runs fit into this machine.
  private static func pace(
    _ recipe: FoolingRecipe, cores: Int, runs: Int
  ) throws -> SweepRun.Pace {
    let forecast = try RunForecast(
      recipe, on: ExecutorChoice.executor(for: recipe.compute), measures: false)
    return SweepRun.Pace(
      cores: cores, runBytes: forecast.memory.total + programBytes,
      freeBytes: FreeMemory.bytes.map { $0 * 9 / 10 }, runs: runs)
  }

  /// Images that are decoded ahead, and the program itself; the demo takes half of it.
  private static let programBytes = 256 << 20

  private func show(_ summary: SweepSummary, folder: String) throws {
    try Terminal.write(json ? JSON.text(summary) : summary.text(folder: folder))
  }
}

extension SweepSummary {
  /// The points with means and standard deviations, within 80 columns.
  fileprivate func text(folder: String) -> String {
    func spread(_ value: Spread, _ scale: Double) -> String {
      Format.decimals(scale * value.mean, 2)
        + (value.standardDeviation.map { " ± " + Format.decimals(scale * $0, 2) } ?? "")
    }
    let rows = points.map { point in
      [
        name(of: point.values), "\(point.seeds.count)", spread(point.fsr, 100),
        spread(point.drop, 1), point.isParetoOptimal ? "*" : "",
      ]
    }
    let missing = runs - results.count
    return Format.table([["point", "seeds", "FSR, %", "points lost", ""]] + rows, text: [0, 4])
      + "\n* Pareto-optimal: no other point loses as little and fools as much\n"
      + (missing > 0
        ? "\(missing) of \(runs) \(runs == 1 ? "run is" : "runs are") not finished\n" : "")
      + "\(folder)/sweep.csv, \(folder)/report.html\n"
  }
}
