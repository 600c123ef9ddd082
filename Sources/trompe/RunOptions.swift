import ArgumentParser
import Foundation
import Manipulation

/// How much a command says while it works.
struct DetailOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Show warnings and results only.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Show every step.")
  var verbose = false

  func validate() throws {
    if quiet && verbose { throw ValidationError("Give --quiet or --verbose, not both.") }
  }

  /// Does `body` while its events are shown and Ctrl-C is listened to.
  func watching<Result>(
    _ body: (StopRequest, @escaping (RunEvent) -> Void) throws -> Result
  ) rethrows -> Result {
    let stop = StopRequest()
    StopSignals.watch(stop)
    let display = ProgressDisplay(quiet ? .quiet : verbose ? .verbose : .normal)
    defer { display.finish() }
    return try body(stop) { display.show($0) }
  }
}

/// The recipe of a run, and where its results go.
struct RecipeOptions: ParsableArguments {
  @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
  var recipe: String

  @Option(
    name: .shortAndLong,
    help: "Folder for the results. (default: runs/ and the recipe's name, numbered if taken)",
    completion: .directory)
  var output: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Replace or add a key of the recipe, e.g. compute.threads=1; may be repeated.",
      valueName: "key=value"))
  var settings: [String] = []

  /// The folder given, else one of the recipe's name under `runs`.
  func outputFolder(resume: Bool) -> String {
    output ?? OutputFolder.standard(forRecipe: recipe, resume: resume)
  }
}

/// What `trompe fool` and `trompe train` have in common.
struct RunOptions: ParsableArguments {
  @OptionGroup var run: RecipeOptions

  @Flag(
    help: "Write an event file for TensorBoard too, as output.tensorboard=true does.")
  var tensorboard = false

  @Flag(name: .long, help: "Go on from the state that a stopped run has saved.")
  var resume = false

  @Flag(help: "Print the result as JSON, as summary.json has it.")
  var json = false

  @OptionGroup var detail: DetailOptions

  var recipe: String { run.recipe }

  /// All that changes the recipe.
  var settings: [String] {
    run.settings + (tensorboard ? ["output.tensorboard=true"] : [])
  }

  var outputFolder: String { run.outputFolder(resume: resume) }
}

/// What commands that run a recipe in one go have in common.
struct SingleRunOptions: ParsableArguments {
  @OptionGroup var run: RecipeOptions

  @OptionGroup var detail: DetailOptions

  var recipe: String { run.recipe }
  var settings: [String] { run.settings }
  var outputFolder: String { run.outputFolder(resume: false) }
}

/// Output folders that nobody has named.
enum OutputFolder {
  /// `runs/name`, or the first of `runs/name-2`, `runs/name-3`, … that is free; to resume, the last
  /// that holds a state.
  static func standard(forRecipe recipe: String, resume: Bool) -> String {
    let file = (recipe as NSString).lastPathComponent
    let base = "runs/" + (file as NSString).deletingPathExtension
    func name(_ number: Int) -> String { number == 1 ? base : "\(base)-\(number)" }
    var number = 1
    var resumable = base
    while isTaken(name(number)) {
      if Runs.isResumable(name(number)) { resumable = name(number) }
      number += 1
    }
    return resume ? resumable : name(number)
  }

  private static func isTaken(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return false }
    guard isFolder.boolValue else { return true }
    return (try? FileManager.default.contentsOfDirectory(atPath: path))?.isEmpty != true
  }
}
