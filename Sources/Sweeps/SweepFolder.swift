import Checkpoints
import Foundation
import Recipes
import RunFolders
import RunSupport

/// The output folder of a sweep: `sweep.json`, `runs/NAME.yaml` and `runs/NAME`, what the runs share in
/// `originals`, what they print in `logs`, and the results.
struct SweepFolder {
  let path: String
  private let held: OpenFolder
  /// Goes with the last use of the folder, if nothing was written.
  private let made: MadeFolders?

  var runs: String { path + "/runs" }
  var originals: String { path + "/originals" }
  var logs: String { path + "/logs" }
  var table: String { path + "/sweep.csv" }
  var summary: String { path + "/summary.json" }
  var report: String { path + "/report.html" }
  var plan: String { path + "/sweep.json" }

  func run(_ run: SweepPlan.Run) -> String { runs + "/" + run.name }
  func recipe(_ run: SweepPlan.Run) -> String { self.run(run) + ".yaml" }
  func log(_ run: SweepPlan.Run) -> String { logs + "/" + run.name + ".txt" }

  private static let planName = "sweep.json"
  private static let largest = 256 << 20

  /// Of a sweep that is there.
  /// - Throws: `RunError` if there is none.
  init(existing path: String) throws {
    self.path = path
    made = nil
    do { held = try OpenFolder(path) } catch {
      throw RunError("\(path): no such folder, so there is no sweep to collect")
    }
    guard held.kind(of: Self.planName) == .file else {
      throw RunError(
        "\(path) holds no sweep: \(Self.planName) is missing, which trompe sweep writes first")
    }
  }

  /// Made if it is not there, and gone again if nothing is written.
  init(making path: String) throws {
    self.path = path
    let made = try MadeFolders(path)
    held = try OpenFolder(path)
    self.made = made
  }

  var holdsSweep: Bool { held.kind(of: Self.planName) != nil }

  /// Whether there is anything in it that no sweep has written.
  var isForeign: Bool { !holdsSweep && !held.names.allSatisfy { $0.hasPrefix(".") } }

  /// The plan that the sweep began with.
  func begunPlan() throws -> SweepPlan {
    let data = try held.contents(of: Self.planName, atMost: Self.largest)
    guard let data, let plan = try? JSONDecoder().decode(SweepPlan.self, from: data),
      plan.runs.allSatisfy({ Self.isName($0.name) && $0.values.count == plan.grid.axes.count })
    else {
      throw RunError("\(self.plan) is no plan of a sweep; name another --output")
    }
    return plan
  }

  /// What is read from a file becomes part of paths.
  private static func isName(_ name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix(".") && !name.contains("/") && !name.contains("\0")
  }

  /// Writes the recipes of all runs, and then the plan: a sweep whose plan is there is complete.
  func begin(_ plan: SweepPlan, recipes: [String]) throws {
    for folder in ["runs", "originals", "logs"] { _ = try held.folder(folder, making: true) }
    for (run, recipe) in zip(plan.runs, recipes) {
      try WholeFile.write(
        Data(recipe.utf8), to: FileTarget("runs/\(run.name).yaml", in: held))
    }
    try write(SweepJSON.text(plan), to: Self.planName)
  }

  /// Whether the recipes are those that the sweep began with.
  /// - Returns: the first run whose recipe is another.
  func changedRecipe(_ plan: SweepPlan, recipes: [String]) throws -> SweepPlan.Run? {
    try zip(plan.runs, recipes).first { run, recipe in
      try held.contents(of: "runs/\(run.name).yaml", atMost: Self.largest) != Data(recipe.utf8)
    }?.0
  }

  /// Writes a result whole or not at all.
  func write(_ text: String, to name: String) throws {
    try WholeFile.write(Data(text.utf8), to: FileTarget(name, in: held))
  }

  /// - Returns: the result of a run; `nil` if it is not finished.
  func result(of run: SweepPlan.Run) throws -> Summary? {
    let name = "runs/\(run.name)/summary.json"
    guard !Runs.isResumable(self.run(run)),
      let data = try held.contents(of: name, atMost: Self.largest)
    else { return nil }
    guard let summary = try? JSONDecoder().decode(Summary.self, from: data) else {
      throw RunError(
        "\(path)/\(name) is no summary of a run; remove \(self.run(run)) to do it again")
    }
    return summary
  }

  /// The last sentence that a run has said: why it failed.
  func lastWords(of run: SweepPlan.Run) -> String? {
    guard let data = try? held.contents(of: "logs/\(run.name).txt", atMost: Self.largest) else {
      return nil
    }
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
    return lines.last { $0.hasPrefix("trompe: ") }.map { String($0.dropFirst(8)) }
      ?? lines.last.map(String.init)
  }
}

enum SweepJSON {
  /// Readable, with sorted keys.
  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }
}
