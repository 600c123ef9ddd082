import Foundation
import Recipes
import Reports
import RunFolders
import RunSupport

/// One run of a sweep, on its way.
public protocol SweepWorker: AnyObject {
  /// 0 if the run is finished, something else if it ended early; `nil` while it goes on.
  var exitCode: Int32? { get }
  /// Asks it to save what it needs to go on, and to end.
  func stop()
}

/// What a worker is started with.
public struct SweepTask: Hashable, Sendable {
  /// Of its recipe.
  public let recipe: String
  /// For its results.
  public let output: String
  /// Whether a state to go on from is in `output`.
  public let resumes: Bool
  /// Where the runs of a sweep keep what they measure of the original network.
  public let originals: String
  /// A file for what it prints; appended to.
  public let log: String
}

/// The whole of `trompe sweep`: a run for each point of a grid and each seed, several at a time, and one
/// table of them.
public final class SweepRun {
  /// How often workers are looked at.
  private static let interval = 0.05
  /// Failures that an error names at most.
  private static let namedFailures = 5

  private let folder: SweepFolder
  private let plan: SweepPlan
  private let part: SweepPart?
  private let context: RunContext
  private var observe: (RunEvent) -> Void { context.observe }

  /// What is done by how many at a time.
  public struct Pace: Hashable, Sendable {
    /// Threads of a run whose recipe does not say.
    public var threads: Int
    public var atOnce: Int

    /// - Parameters:
    ///   - cores: of this machine.
    ///   - runBytes: memory that a run takes.
    ///   - freeBytes: memory that there is; not known if `nil`.
    ///   - runs: that there are.
    public init(cores: Int, runBytes: Int, freeBytes: Int?, runs: Int) {
      let fit = freeBytes.map { max(1, $0 / max(1, runBytes)) } ?? cores
      atOnce = max(1, min(cores, fit, runs))
      threads = max(1, cores / atOnce)
    }
  }

  /// - Parameters:
  ///   - recipe: of all runs, for messages.
  ///   - grid: what changes from run to run.
  ///   - output: the folder for everything; made if it is not there.
  ///   - resume: go on with the sweep in `output`.
  ///   - part: which runs are done here; all if `nil`. Parts may begin and go on in any order.
  ///   - threads: of a run, if its recipe does not say; asked once, when the sweep begins.
  ///   - make: the recipe under settings of the grid.
  ///   - stop: ends the sweep when its runs have saved their states.
  ///   - observe: told of everything that happens.
  /// - Throws: `RecipeError` for a point of the grid that is no recipe, `RunError` for a folder that holds
  ///   something else.
  public init(
    _ recipe: String, _ grid: SweepGrid, output: String, resume: Bool, part: SweepPart?,
    threads: (_ first: FoolingRecipe, _ runs: Int) throws -> Int,
    stop: StopRequest = StopRequest(), observe: @escaping (RunEvent) -> Void = { _ in },
    make: ([RecipeSetting]) throws -> FoolingRecipe
  ) throws {
    let draft = try SweepPlan.Draft(recipe, grid, make: make)
    self.part = part
    context = RunContext(nil, resumes: resume, stop: stop, observe: observe)
    if let part, part.count > draft.runs.count {
      throw RunError(
        "--array \(part.index)/\(part.count): the sweep has \(draft.runs.count) runs, fewer than jobs"
      )
    }
    folder = try SweepFolder(making: output)
    guard !folder.isForeign else {
      throw RunError("\(output) holds other files than a sweep's; name another --output")
    }
    if folder.holdsSweep {
      guard resume || part != nil else {
        throw RunError(
          "\(output) already holds a sweep; continue it with --resume, or name another --output")
      }
      plan = try folder.begunPlan()
      if let difference = draft.plan(threads: plan.threads).difference(from: plan) {
        throw RunError("\(output) holds another sweep: \(difference); name another --output")
      }
      if let run = try folder.changedRecipe(plan, recipes: draft.recipes(threads: plan.threads)) {
        throw RunError(
          "\(output) was begun with another recipe (\(folder.recipe(run))); put the recipe back, or "
            + "name another --output")
      }
    } else {
      guard !resume else {
        throw RunError("\(output) holds no sweep to resume; omit --resume to begin one")
      }
      let each = try threads(draft.runs[0].recipe, draft.runs.count)
      plan = draft.plan(threads: each)
      try folder.begin(plan, recipes: draft.recipes(threads: each))
    }
  }

  /// Threads of each run, as the sweep began.
  public var threads: Int { plan.threads }

  /// - Parameters:
  ///   - atOnce: runs at a time, at most.
  ///   - start: begins a run.
  /// - Returns: what is finished when no run is left.
  /// - Throws: `RunStopped` if stopped, `RunError` with the runs that failed. What was finished before is
  ///   in the table.
  public func run(
    atOnce: Int, start: (SweepTask) throws -> any SweepWorker
  ) throws -> SweepSummary {
    let mine = plan.runs.enumerated().filter { part?.contains($0.offset) ?? true }.map(\.element)
    var waiting = try mine.filter { try folder.result(of: $0) == nil }
    let before = mine.count - waiting.count
    tellPlan(mine.count, before: before, atOnce: atOnce)
    var working: [(run: SweepPlan.Run, worker: any SweepWorker)] = []
    var failures: [String] = []
    var (finished, isStopping) = (before, false)
    defer { for one in working { one.worker.stop() } }
    while !working.isEmpty || !waiting.isEmpty && !context.stop.isRequested {
      if context.stop.isRequested, !isStopping {
        for one in working { one.worker.stop() }
        isStopping = true
      }
      while !context.stop.isRequested, working.count < atOnce, !waiting.isEmpty {
        let run = waiting.removeFirst()
        working.append((run, try start(task(run))))
      }
      for (run, worker) in working {
        guard let code = worker.exitCode else { continue }
        working.removeAll { $0.run == run }
        if code == 0, let summary = try folder.result(of: run) {
          finished += 1
          tell(SweepSummary.Result(run, summary))
          observe(.working(on: "runs", done: finished, total: mine.count))
        } else if !isStopping {
          failures.append(
            "\(run.name): \(folder.lastWords(of: run) ?? "ended with code \(code)")")
          observe(.warning(failures[failures.count - 1]))
        }
      }
      Thread.sleep(forTimeInterval: Self.interval)
    }
    let summary = try Self.collect(folder, plan)
    if context.stop.isRequested, summary.results.count < plan.runs.count {
      throw RunStopped(
        "stopped after \(finished) of \(mine.count) runs; go on with the same command and --resume "
          + "--output \(folder.path)")
    }
    guard failures.isEmpty else {
      throw RunError(
        "\(failures.count) of \(mine.count) runs failed; what they printed is in \(folder.logs): "
          + (failures.prefix(Self.namedFailures)
          + (failures.count > Self.namedFailures
            ? ["and \(failures.count - Self.namedFailures) more"] : []))
          .joined(separator: "; "))
    }
    return summary
  }

  private func task(_ run: SweepPlan.Run) -> SweepTask {
    SweepTask(
      recipe: folder.recipe(run), output: folder.run(run),
      resumes: Runs.isResumable(folder.run(run)), originals: folder.originals,
      log: folder.log(run))
  }

  private func tellPlan(_ count: Int, before: Int, atOnce: Int) {
    let own = part.map { ", of which part \($0.index) of \($0.count) has \(count)" } ?? ""
    context.note(
      "\(plan.runs.count) runs: \(plan.grid.points.count) points of the grid, "
        + "\(plan.grid.seeds.count) \(plan.grid.seeds.count == 1 ? "seed" : "seeds")\(own); "
        + "\(atOnce) at a time with \(plan.threads) \(plan.threads == 1 ? "thread" : "threads") each"
    )
    if before > 0 { context.note("\(before) of them are finished already") }
  }

  private func tell(_ result: SweepSummary.Result) {
    func percent(_ share: Double) -> String { String(format: "%.2f %%", 100 * share) }
    context.note(
      "\(result.name): FSR \(percent(result.fsr)), \(String(format: "%.2f", result.drop)) points of "
        + "top-1 lost")
  }

  // MARK: Results

  /// Makes the results of a sweep's folder from the runs that are finished.
  /// - Throws: `RunError` if it is no sweep, none of its runs is finished, or two began with other files.
  public static func collect(_ path: String) throws -> SweepSummary {
    let folder = try SweepFolder(existing: path)
    let summary = try collect(folder, folder.begunPlan())
    guard !summary.results.isEmpty else {
      throw RunError("\(path): none of its \(summary.runs) runs is finished")
    }
    return summary
  }

  private static func collect(_ folder: SweepFolder, _ plan: SweepPlan) throws -> SweepSummary {
    var results: [SweepSummary.Result] = []
    /// By path, the digest and who read it.
    var files: [String: (sha256: String?, run: String)] = [:]
    for run in plan.runs {
      guard let summary = try folder.result(of: run) else { continue }
      results.append(SweepSummary.Result(run, summary))
      guard let file = summary.originalFile else { continue }
      let known = files[file.path] ?? (file.sha256, run.name)
      guard known.sha256 == file.sha256 else {
        throw RunError(
          "\(file.path) was another file for \(run.name) (SHA-256 \(file.sha256?.prefix(16) ?? "?")…) "
            + "than for \(known.run) (\(known.sha256?.prefix(16) ?? "?")…): their results do not "
            + "compare; put the file back and remove the runs of the other")
      }
      files[file.path] = known
    }
    let summary = SweepSummary(
      recipe: plan.recipe, grid: plan.grid, runs: plan.runs.count, results: results)
    guard !results.isEmpty else { return summary }
    try folder.write(summary.table, to: "sweep.csv")
    try folder.write(SweepJSON.text(summary), to: "summary.json")
    try folder.write(
      SweepReportPage(summary.report(title: (folder.path as NSString).lastPathComponent)).html(),
      to: "report.html")
    return summary
  }
}

extension SweepSummary {
  /// What the page shows.
  func report(title: String) -> SweepReport {
    SweepReport(
      name: title, toolVersion: toolVersion, recipe: recipe, runs: runs,
      axes: grid.axes.map(\.key),
      points: points.map { point in
        func spread(_ value: Spread) -> SweepReport.Spread {
          .init(mean: value.mean, standardDeviation: value.standardDeviation)
        }
        return SweepReport.Point(
          name: name(of: point.values), values: point.values, runs: point.seeds.count,
          drop: spread(point.drop), fsr: spread(point.fsr), isParetoOptimal: point.isParetoOptimal)
      },
      results: results.map { result in
        SweepReport.Result(
          folder: "runs/\(result.name)", values: result.values, seed: "\(result.seed)",
          drop: result.drop, fsr: result.fsr)
      })
  }
}
