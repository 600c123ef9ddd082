import Foundation
import Recipes
import Reports
import RunFolders
import RunSupport
import Runs
import TensorRuntime

/// The whole of `trompe study`: does a set of studies of several networks, one after the other, and makes
/// one report of them. What a study has found is written as soon as it is finished, and a run that was
/// stopped goes on with the next.
///
/// Runs on the calling thread, whose worker pool the executor uses.
public final class StudyRun {
  private let recipe: StudyRecipe
  private let executor: any Executor
  private let context: RunContext
  private var folder: RunFolder { context.folder }

  /// - Parameters:
  ///   - recipe: all that is done.
  ///   - executor: holds the networks and runs their programs.
  ///   - output: the folder for everything the run writes; made if it does not exist.
  ///   - resume: omit the studies that are finished in `output`.
  ///   - stop: ends the run after the batch, by `RunStopped`.
  ///   - observe: told of everything that happens, on the thread that runs.
  public init(
    _ recipe: StudyRecipe, on executor: any Executor, output: String, resume: Bool = false,
    stop: StopRequest = StopRequest(), observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    (self.recipe, self.executor) = (recipe, executor)
    context = RunContext(
      try RunFolder(output, resume: resume, inputs: recipe.inputs), resumes: resume, stop: stop,
      observe: observe)
  }

  /// - Throws: `RunStopped` if stopped, otherwise what went wrong, in one sentence. Studies that were
  ///   finished before are kept.
  public func run() throws -> StudySummary {
    try context.perform(study)
  }

  private func study() throws -> StudySummary {
    let stage = try StudyStage(recipe, on: executor, in: context)
    let text = recipe.resolvedYAML(for: stage.setup.network)
    context.note(stage.description)
    stage.setup.tellNotes(context.observe)
    stage.remarks.forEach(context.observe)
    try folder.checkRecipe(text)
    try folder.writeRecipe(text)
    try folder.makeSubfolder(folder.studies)
    try checkInputs(stage)
    var findings: [(name: String, found: StudyFindings)] = []
    for name in recipe.study.studies {
      let kind = try StudyKind.named(name)
      if let found = try StudyFindings(contentsOf: folder.study(name), in: folder) {
        context.note("\(name) is finished already")
        findings.append((name, found))
        continue
      }
      let begin = ContinuousClock.now
      var found = try kind.run(stage, LineLog(folder.studyLines(name), in: folder))
      found.seconds = (ContinuousClock.now - begin).seconds
      findings.append((name, found))
      try folder.write(found.json(), to: folder.study(name))
      try folder.write(report(findings, stage, text), to: folder.report)
      context.saved(folder.study(name))
    }
    let summary = StudySummary(
      networks: stage.subjects.enumerated().map { index, subject in
        StudySummary.Network(
          name: subject.name,
          original: stage.isOriginal(index) ? nil : stage.subjects[subject.original].name,
          file: subject.file, sha256: subject.sha256)
      },
      studies: Dictionary(
        findings.map { ($0.name, $0.found.numbers) }, uniquingKeysWith: { $1 }),
      interpreter: stage.interpreter.name, fooling: recipe.fooling?.name,
      peakMemoryBytes: largestResidentBytes(),
      seconds: findings.reduce(0) { $0 + $1.found.seconds }, seed: recipe.study.seed,
      toolVersion: Trompe.version,
      findings: findings.map { .init(study: $0.name, sentences: $0.found.section.findings) })
    try context.write(report(findings, stage, text), to: folder.report)
    try context.write(summary.json(), to: folder.summary)
    return summary
  }

  /// Notes what is studied, or compares it with what the finished studies were done with.
  private func checkInputs(_ stage: StudyStage) throws {
    let record = try InputRecord(recipe, stage)
    if try folder.hasBegun(
      with: record, as: folder.studyInputs, listed: folder.studyInputList, what: "the studies were")
    {
      return
    }
    guard !recipe.study.studies.contains(where: { folder.exists(folder.study($0)) }) else {
      throw RunError(
        "\(folder.studies) holds studies of an older version, which did not note the files that they "
          + "were done with; start again in another --output")
    }
    try folder.write(record.listing, to: folder.studyInputList)
    try folder.write(record.json(), to: folder.studyInputs)
  }

  private func report(
    _ findings: [(name: String, found: StudyFindings)], _ stage: StudyStage, _ text: String
  ) -> String {
    let done = Set(findings.map(\.name))
    let seconds = findings.map {
      "\($0.name) \(String(format: "%.1f", $0.found.seconds / 60))"
    }.joined(separator: ", ")
    let data =
      switch recipe.data.source {
      case .folders(_, let validation): validation
      case .shapes: recipe.data.description
      }
    let test: [RunReport.Fact] = recipe.fooling.map { [.init("Test", $0.name)] } ?? []
    let report = StudyReport(
      name: URL(fileURLWithPath: folder.path).standardizedFileURL.lastPathComponent,
      toolVersion: Trompe.version,
      subjects: stage.subjects.enumerated().map { index, subject in
        .init(
          name: subject.name,
          original: stage.isOriginal(index) ? nil : stage.subjects[subject.original].name,
          file: subject.file)
      },
      sections: findings.map(\.found.section),
      pending: recipe.study.studies.filter { !done.contains($0) },
      facts: [
        .init("Networks", stage.description),
        .init(
          "Interpreter",
          stage.interpreter.name + (recipe.interpreter.layer.map { " at \($0)" } ?? "")),
      ] + test + [
        .init("Data", data), .init("Minutes", seconds),
        .init("Seed", "\(recipe.study.seed)"), .init("Folder", folder.path),
        .init("Version", "trompe \(Trompe.version)"),
      ], recipe: text)
    return StudyReportPage(report).html()
  }
}
