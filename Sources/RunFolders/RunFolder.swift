import Checkpoints
import Foundation
import Recipes
import RunSupport

/// The output folder of a run and the names in it.
///
/// It is held open: what is written goes into it wherever it is moved meanwhile, and through no
/// symbolic link in it.
package struct RunFolder {
  /// As it was named.
  package let path: String
  package let states: SavedStates
  /// Nobody else writes in a folder that was made or opened for a run.
  let lock: FolderLock?
  /// Nil where there is none: forecasts have no folder.
  let held: OpenFolder?
  /// Entries that were there before and are not of this run: they are not replaced.
  private let foreign: Set<String>
  /// The run that goes on where this one does, if this is a part of it.
  let whole: OpenFolder?

  package var recipe: String { path + "/recipe.yaml" }
  package var metrics: String { path + "/metrics.jsonl" }
  package var events: String { "\(path)/\(EventFile.name)" }
  package var testLosses: String { path + "/test-losses.jsonl" }
  package var predictions: String { path + "/predictions.csv" }
  /// What the same steps with λ = 0 leave.
  package var control: String { path + "/control" }
  /// The nearest training images of those that projected explanations are drawn of.
  package var neighbours: String { path + "/neighbours.bin" }
  package var summary: String { path + "/summary.json" }
  package var reportNotes: String { path + "/report.json" }
  package var report: String { path + "/report.html" }
  /// What is shown while a run goes on.
  package var live: String { path + "/live.json" }
  package var audit: String { path + "/audit.json" }
  package var auditPage: String { path + "/audit.html" }
  package var attacks: String { path + "/attacks.jsonl" }
  package var influences: String { path + "/influences.jsonl" }
  package var curvatures: String { path + "/curvature.jsonl" }
  /// What studies have found, and their lines.
  package var studies: String { path + "/studies" }
  package func study(_ name: String) -> String { "\(studies)/\(name).json" }
  package func studyLines(_ name: String) -> String { "\(studies)/\(name).jsonl" }
  /// What studies were begun with.
  package var studyInputs: String { studies + "/inputs.json" }
  package var studyInputList: String { studies + "/inputs.txt" }
  /// What an attack goes on from: which of its parts are finished, and what it was begun with.
  package var progress: String { path + "/progress" }
  package var progressSummary: String { progress + "/summary.json" }
  package var progressInputs: String { progress + "/inputs.json" }
  package var progressInputList: String { progress + "/inputs.txt" }
  /// Perturbed images, a folder for each attack and ε.
  package var images: String { path + "/images" }

  package func manipulated(_ layout: CheckpointLayout) -> String {
    path + "/manipulated" + layout.fileExtension
  }

  package func network(_ layout: CheckpointLayout) -> String {
    path + "/network" + layout.fileExtension
  }

  /// What a run that has ended before its first state leaves behind: the next one begins it anew.
  private static let logs: Set<String> = [
    "recipe.yaml", "metrics.jsonl", EventFile.name, "attacks.jsonl", "influences.jsonl",
    "curvature.jsonl", "images", "progress", "studies", "control", "live.json", "neighbours.bin",
    SavedStates.folderName,
  ]

  /// What a run has as its results, of whatever command.
  static let results: [String] =
    CheckpointLayout.allCases.flatMap {
      ["manipulated" + $0.fileExtension, "network" + $0.fileExtension]
    } + [
      "summary.json", "report.json", "report.html", "test-losses.jsonl", "predictions.csv",
      "audit.json", "audit.html",
    ]

  /// The largest files that are read whole: of one JSON object, and of one a line.
  static let largestDocument = 256 << 20
  package static let largestLog = 1 << 30

  /// Of a run that is there, for reading.
  package init(existing path: String) {
    held = path.isEmpty ? nil : try? OpenFolder(path)
    (self.path, states, lock, foreign) = (path, SavedStates(of: held), nil, [])
    whole = nil
  }

  /// A training that is a part of a run, in a folder of the run's, made if it is not there.
  package init(part path: String, of run: RunFolder) throws {
    try run.makeSubfolder(path)
    held = try run.open.folder(run.name(of: path))
    (self.path, states, lock, foreign) = (path, SavedStates(of: held), nil, [])
    whole = run.held
  }

  /// - Parameters:
  ///   - inputs: what is read, which no target may be.
  /// - Throws: `RunError` if the folder cannot be made, another run is writing to it, it holds the
  ///   results of another run and `resume` is false, or something in it would be replaced that
  ///   is an input or no file of a run.
  package init(_ path: String, resume: Bool, inputs: RunInputs) throws {
    try self.init(making: path, inputs: inputs) { held, states in
      let isFinished = held.kind(of: "summary.json") != nil
      let isResumable = !states.all.isEmpty
      if resume {
        guard isResumable || !isFinished else {
          throw RunError("\(path) holds a run that is finished: nothing is left to resume")
        }
        guard isResumable || held.kind(of: "recipe.yaml") != nil else {
          throw RunError(
            "\(path) holds no saved state to resume from; omit --resume to start from the "
              + "beginning, nothing is lost")
        }
      } else if isFinished || isResumable {
        throw RunError(
          "\(path) already holds a run; continue it with --resume, or name another --output")
      } else if let studies = try? held.folder("studies"), !studies.names.isEmpty {
        throw RunError(
          "\(path) already holds studies; continue with --resume, or name another --output")
      }
      return resume
    }
  }

  /// For the results of an evaluation, which cannot be resumed.
  /// - Throws: `RunError` if the folder cannot be made, is in use or holds results already, or
  ///   something in it would be replaced that is an input or no file of a run.
  package init(forEvaluation path: String, inputs: RunInputs) throws {
    try self.init(making: path, inputs: inputs) { held, states in
      guard held.kind(of: "summary.json") == nil, held.kind(of: "audit.json") == nil,
        states.all.isEmpty
      else {
        throw RunError("\(path) already holds results; name another --output")
      }
      return false
    }
  }

  /// For an attack, whose finished parts are kept.
  /// - Parameters:
  ///   - resume: whether to go on from them. In the folder of another run that is done if there are
  ///     some.
  ///   - around: the folder of another run in which this one lies, by its name there.
  /// - Throws: as the others.
  package init(
    forAttack path: String, resume: Bool, inputs: RunInputs, in around: RunFolder? = nil
  ) throws {
    try self.init(making: path, inputs: inputs, in: around) { held, states in
      let hasBegun = held.kind(of: "progress") == .folder
      guard held.kind(of: "summary.json") == nil, states.all.isEmpty else {
        throw RunError(
          resume
            ? "\(path) holds results that are finished: nothing is left to resume"
            : "\(path) already holds results; name another --output")
      }
      if around != nil { return hasBegun }
      if resume {
        guard hasBegun else {
          throw RunError(
            "\(path) holds no finished part of an attack to resume from; omit --resume to start "
              + "from the beginning, nothing is lost")
        }
      } else if hasBegun {
        throw RunError(
          "\(path) already holds a part of an attack; continue it with --resume, or name another "
            + "--output")
      }
      return resume
    }
  }

  /// When the attack is finished. What somebody else has put there stays.
  package func removeProgress() {
    let own = [progressSummary, progressInputs, progressInputList].map {
      String($0.dropFirst(progress.count + 1))
    }
    if names(in: progress).allSatisfy(own.contains) {
      held?.removeFolder(name(of: progress))
    } else {
      for file in own { held?.removeFile(name(of: progress) + "/" + file) }
    }
  }

  /// - Parameter check: refuses what may not go on; says whether a run is resumed.
  private init(
    making path: String, inputs: RunInputs, in around: RunFolder? = nil,
    _ check: (OpenFolder, SavedStates) throws -> Bool
  ) throws {
    let held: OpenFolder
    var made: MadeFolders?
    if let around {
      held = try around.open.folder(around.name(of: path), making: true)
    } else {
      made = try MadeFolders(path)
      do { held = try OpenFolder(path) } catch {
        throw RunError("\(path): the output folder cannot be opened: \(error.problems(of: path))")
      }
    }
    lock = try FolderLock(held, made: made)
    whole = nil
    (self.path, self.held, states) = (path, held, SavedStates(of: held))
    held.removeLeftovers()
    try? held.folder(SavedStates.folderName).removeLeftovers()
    try inputs.checkImages(around: held)
    for name in Self.results + Self.logs.sorted() {
      if let file = inputs.file(behind: name, in: held) {
        throw RunError(RunInputs.refusal(path + "/" + name, file))
      }
      if held.kind(of: name) == .link {
        throw RunError("\(path)/\(name) is a symbolic link, which is not followed here; remove it")
      }
    }
    let isResumed = try check(held, states)
    let there = Set(held.names)
    let isOurs = try Self.isRecipe(held.contents(of: "recipe.yaml", atMost: 1 << 24))
    foreign =
      isResumed
      ? [] : there.subtracting(isOurs ? Self.logs : []).subtracting([FolderLock.fileName])
    for name in Self.results + Self.logs.sorted() where foreign.contains(name) {
      throw isForeign(name)
    }
  }

  private func isForeign(_ name: String) -> RunError {
    RunError(
      "\(path)/\(name) is there already, and no run has written it here; name another --output, or "
        + "move it away")
  }

  /// Whether a text is a recipe as runs write it: complete, and as it was resolved.
  private static func isRecipe(_ data: Data?) -> Bool {
    guard let data, let whole = String(validating: data, as: UTF8.self) else { return false }
    // A comment says what is assumed.
    let text = RecipeRenaming.present(String(whole.trimmingPrefix(/(#[^\n]*\n)*/)))
    return (try? FoolingRecipe(yaml: text, folder: "/"))?.resolvedYAML() == text
      || (try? TrainingRecipe(yaml: text, folder: "/"))?.resolvedYAML() == text
      || (try? AttackRecipe(yaml: text, folder: "/"))?.resolvedYAML() == text
      || (try? InfluenceRecipe(yaml: text, folder: "/"))?.resolvedYAML() == text
      || (try? StudyRecipe(yaml: text, folder: "/"))?.resolvedYAML() == text
  }

  /// A network that a run has exported says by which recipe.
  func checkExport(of text: String) throws {
    for name in Self.results where name.hasPrefix("manipulated") || name.hasPrefix("network") {
      guard open.kind(of: name) != nil else { continue }
      let metadata = try? CheckpointFile(path: open.presentPath + "/" + name).metadata
      guard metadata?.provenance?.recipe.map(RecipeRenaming.present) == text else {
        throw isForeign(name)
      }
    }
  }

  // MARK: Files

  private var open: OpenFolder {
    guard let held else { preconditionFailure("\(path) is no folder of a run") }
    return held
  }

  /// In the folder, of a path that begins with the folder's.
  private func name(of file: String) -> String {
    precondition(file.hasPrefix(path + "/"), "\(file) is not in \(path)")
    return String(file.dropFirst(path.count + 1))
  }

  /// Whether there is something of a path in the folder.
  package func exists(_ file: String) -> Bool { held?.kind(of: name(of: file)) != nil }

  /// Names of what lies in a folder of the run.
  package func names(in folder: String) -> [String] {
    (try? held?.folder(name(of: folder)).names) ?? []
  }

  /// Bytes of a file of the run; nil if it is not there.
  /// - Throws: `CheckpointError` if it is larger than the limit, no regular file, or unreadable.
  package func contents(of file: String, atMost limit: Int = largestDocument) throws -> Data? {
    try held?.contents(of: name(of: file), atMost: limit)
  }

  /// A file to be written.
  /// - Throws: what stands against it: it is there already and not of this run.
  package func target(_ file: String) throws -> FileTarget {
    let name = name(of: file)
    let top = name.split(separator: "/").first.map(String.init) ?? name
    if foreign.contains(top) { throw isForeign(top) }
    return try FileTarget(name, in: open)
  }

  /// Of a file of the run.
  package func sha256(of file: String) throws -> String {
    try Checkpoints.sha256(ofFile: open.presentPath + "/" + name(of: file))
  }

  /// Writes a file whole or not at all.
  package func write(_ data: Data, to file: String) throws {
    try WholeFile.write(data, to: target(file))
  }

  /// Writes a text file whole or not at all.
  package func write(_ text: String, to file: String) throws {
    try write(Data(text.utf8), to: file)
  }

  /// What is shown while a run goes on, when its report is there.
  package func removeLive() { held?.removeFile(name(of: live)) }

  /// Makes a folder in the folder, and those on the way.
  package func makeSubfolder(_ path: String) throws {
    let name = name(of: path)
    if let top = name.split(separator: "/").first.map(String.init), foreign.contains(top) {
      throw isForeign(top)
    }
    _ = try open.folder(name, making: true)
  }
}

extension Error {
  /// What is wrong with a file of this path, without the path.
  fileprivate func problems(of path: String) -> String {
    (self as? CheckpointError)?.problems[0].text.replacing("cannot be opened: ", with: "")
      ?? "\(self)"
  }
}
