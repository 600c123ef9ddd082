import Checkpoints
import Evaluation
import Foundation
import Reports
import RunFolders
import RunSupport

extension RunReport {
  /// Reads what `trompe fool` or `trompe evaluate` has written into a folder.
  ///
  /// Only `summary.json` must be there: what another file would add is omitted without it.
  /// - Throws: `RunError` naming the file that is missing or cannot be read.
  public init(folder path: String) throws { try self.init(RunFolder(existing: path)) }

  package init(_ folder: RunFolder) throws {
    let path = folder.path
    guard let data = try folder.contents(of: folder.summary) else {
      throw RunError(
        "\(path) holds no summary.json; name the output folder of a finished trompe fool or "
          + "trompe evaluate")
    }
    let summary: Summary
    do { summary = try CheckedJSON.decode(Summary.self, from: data) } catch {
      let isTraining = (try? JSONDecoder().decode(TrainingSummary.self, from: data)) != nil
      let isAttack = (try? JSONDecoder().decode(AttackSummary.self, from: data)) != nil
      let isStudy = (try? JSONDecoder().decode(StudySummary.self, from: data)) != nil
      throw RunError(
        isTraining
          ? "\(path) holds a standard training, which has no heatmaps to report"
          : isAttack || isStudy
            ? "\(path) holds \(isAttack ? "an attack" : "a study"); its report is "
              + folder.report
            : "\(folder.summary) is not the summary of a run: \(error); \(Self.wayOut)")
    }
    if let impossible = summary.impossibleNumber {
      throw RunError("\(folder.summary): \(impossible); \(Self.wayOut)")
    }
    self.init(
      name: URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent,
      toolVersion: summary.toolVersion, fooling: summary.fooling,
      interpreter: summary.interpreter,
      original: Accuracy(
        top1: summary.accuracy.original.top1, top5: summary.accuracy.original.top5),
      manipulated: Accuracy(
        top1: summary.accuracy.manipulated.top1, top5: summary.accuracy.manipulated.top5),
      rates: summary.interpreters.map {
        Rate(
          interpreter: $0, original: summary.fsrOriginal[$0] ?? 0,
          manipulated: summary.fsr[$0] ?? 0, control: summary.control?.fsr[$0],
          vanished: summary.vanishedMaps?[$0].map(Shares.init),
          inside: summary.relevanceInside?[$0].map(Shares.init))
      }, images: summary.validationImages, skippedImages: summary.skippedImages)
    control = summary.control.map {
      Accuracy(top1: $0.accuracy.top1, top5: $0.accuracy.top5)
    }
    testedName = summary.testedName
    if summary.fooled.count > 1 { fooled = summary.fooled }
    classes = (summary.classes ?? []).map { own in
      ClassResult(
        name: own.name, images: own.images, accuracy: Shares(own.accuracy),
        fooled: own.fsr[summary.interpreter].map(Shares.init),
        vanished: own.vanishedMaps[summary.interpreter].map(Shares.init))
    }
    classWarnings = summary.classWarnings
    tables = summary.foolingTables.map { table in
      func text(_ value: Double) -> String {
        table.areShares
          ? String(format: "%.2f %%", 100 * value) : String(format: "%.3f", value)
      }
      return NetworkTable(
        title: table.title,
        rows: table.rows.map { name, values in
          NetworkTable.Row(
            name: name, original: text(values.original), manipulated: text(values.manipulated),
            control: values.control.map(text))
        })
    }
    if let comparisons = summary.metrics, !comparisons.isEmpty {
      metrics = StudyReport.Section(metrics: [(testedName, comparisons)])
    }
    if let budget = summary.budget {
      self.budget = budget.sentences(summary.fooled)
      frontier =
        budget.frontier.map { .init(drop: $0.drop, rate: $0.fsr, isFinal: false) }
        + (budget.atDrops ?? []).compactMap { kept in
          kept.part.map { part in
            .init(
              drop: part.drop, rate: summary.fooled.map { part.fsr[$0] ?? 0 }.min() ?? 0,
              isFinal: true)
          }
        }.sorted { $0.drop < $1.drop }
    }
    layer = summary.layer
    network = summary.architecture
    grid = summary.test.flatMap { $0.grid.count == 2 ? "\($0.grid[0])×\($0.grid[1])" : nil }
    func lines(_ file: String) throws -> [Data]? {
      try folder.contents(of: file, atMost: RunFolder.largestLog)?
        .split(separator: UInt8(ascii: "\n")).map { Data($0) }
    }
    if let lines = try lines(folder.testLosses) {
      testLosses = try Self.testLosses(
        lines, folder.testLosses, order: rates.map(\.interpreter))
    }
    if let lines = try lines(folder.metrics) {
      (steps, validations) = try Self.curves(lines, folder.metrics)
    }
    recipe = try folder.contents(of: folder.recipe).map { String(decoding: $0, as: UTF8.self) }
    facts = [
      Fact("Folder", URL(fileURLWithPath: path).standardizedFileURL.path),
      aim.map { Fact("Fooling", "\(summary.fooling), of \($0)") } ?? Fact("Test", summary.fooling),
    ]
    if let data = try folder.contents(of: folder.reportNotes) {
      let notes = try ReportNotes(data, path: folder.reportNotes)
      (test, gallery, mask) = (notes.test, notes.gallery, notes.mask)
      facts += notes.facts
    }
    facts += Self.facts(of: summary)
  }

  private static func facts(of summary: Summary) -> [Fact] {
    var facts: [Fact] = []
    if summary.steps > 0 {
      facts.append(
        Fact(
          "Training",
          "\(summary.steps) steps, "
            + String(format: "%.1f images per second", summary.imagesPerSecond)
            + ", seed \(summary.seed)"))
    }
    let minutes = String(format: "%.1f minutes", summary.seconds / 60)
    let memory = String(format: "%.2f GB", Double(summary.peakMemoryBytes) / 1e9)
    return facts + [
      Fact("Time", "\(minutes) in all, \(memory) of memory at most"),
      Fact("Version", "trompe \(summary.toolVersion)"),
    ]
  }

  /// Of a file that no run has written so.
  private static let wayOut = "put the file back as the run has written it, or run again"

  private static func testLosses(
    _ lines: [Data], _ path: String, order: [String]
  ) throws -> [TestLosses] {
    var found: [String: TestLosses] = [:]
    for line in lines {
      guard let loss = try? JSONDecoder().decode(TestLossLine.self, from: line) else {
        throw RunError(
          "\(path) has a line that is not a score: \(printableStart(of: line)); \(Self.wayOut)")
      }
      found[
        loss.interpreter,
        default: TestLosses(interpreter: loss.interpreter, original: [], manipulated: [])
      ].original.append(loss.original ?? .nan)
      found[loss.interpreter]?.manipulated.append(loss.manipulated ?? .nan)
    }
    return order.compactMap { found[$0] }
  }

  private static func curves(
    _ lines: [Data], _ path: String
  ) throws -> ([StepPoint], [ValidationPoint]) {
    var (steps, validations): ([StepPoint], [ValidationPoint]) = ([], [])
    for text in lines {
      guard let line = try? JSONDecoder().decode(MetricsLog.Line.self, from: text) else {
        throw RunError(
          "\(path) has a line that is no metric: \(printableStart(of: text)); \(Self.wayOut)")
      }
      if let loss = line.loss, let crossEntropy = line.crossEntropy {
        steps.append(
          StepPoint(
            step: line.step, loss: loss, crossEntropy: crossEntropy, penalty: line.penalty))
      } else if let top1 = line.top1 {
        validations.append(ValidationPoint(step: line.step, top1: top1, rates: line.fsr ?? [:]))
      }
    }
    return (steps, validations)
  }

  private static func printableStart(of line: Data) -> String {
    printable(String(decoding: line.prefix(60), as: UTF8.self))
  }
}

extension RunReport.Shares {
  fileprivate init(_ compared: Summary.Compared) {
    self.init(
      original: compared.original, manipulated: compared.manipulated, control: compared.control)
  }
}

/// The report of runs as a page.
public enum RunReports {
  /// - Parameter folders: output folders of `trompe fool` or `trompe evaluate`.
  /// - Throws: `RunError`; `RunReport.init(folder:)`.
  public static func html(of folders: [String]) throws -> String {
    guard !folders.isEmpty else { throw RunError("no run is given") }
    return try html(of: folders.map { RunFolder(existing: $0) })
  }

  package static func html(of folders: [RunFolder]) throws -> String {
    var reports = try folders.map { try RunReport($0) }
    // Runs of one name, `a/run` and `b/run`, are told apart by their paths.
    let names = reports.map(\.name)
    for index in reports.indices where names.count(where: { $0 == names[index] }) > 1 {
      reports[index].name = folders[index].path
    }
    return ReportPage(reports).html()
  }

  /// Writes the report of `folders` to `path`, whole or not at all, in place of an older report only.
  /// - Throws: `RunError` if there is something else of that name; `RunReport.init(folder:)`.
  public static func write(_ folders: [String], to path: String) throws {
    if let target = try? FileTarget(path, followsLink: false), target.kind == .file {
      let files = folders.flatMap { folder in
        ["summary.json", "report.json", "recipe.yaml", "metrics.jsonl", "test-losses.jsonl"].map {
          folder + "/" + $0
        }
      }
      try RunInputs(files: files).check(target: path)
      guard try isReport(target) else {
        throw RunError(
          "\(path) is there already and is no report of Trompe's; name another --output, or move it "
            + "away")
      }
    }
    let page = try html(of: folders)
    try WholeFile.write(Data(page.utf8), to: FileTarget(path, followsLink: false))
  }

  /// By the head of a page, as `PageFrame` writes it.
  private static func isReport(_ target: FileTarget) throws -> Bool {
    let start = try target.start(atMost: 4096)
    return String(decoding: start, as: UTF8.self)
      .contains("<meta name=\"generator\" content=\"trompe ")
  }
}
