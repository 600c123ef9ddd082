import Evaluation
import Explanations
import Foundation
import Reports
import RunFolders

/// `transfer`: which explanations are fooled, though nobody meant it? The success rate of every network
/// by every single-pass explanation, or by those of `evaluation.interpreters`.
enum TransferStudy {
  /// One network.
  private struct Result: Encodable {
    let network: String
    let top1: Double
    let top5: Double
    /// By interpreter, shares in [0, 1].
    let fsr: [String: Double]
    let vanishedMaps: [String: Double]
  }
  private struct Line: Encodable {
    let network: String
    let interpreter: String
    let image: String
    let label: String
    let testLoss: Double
    let isFooled: Bool
  }

  package static let kind = StudyKind(
    .transfer, run: { try run(on: $0, $1) },
    forecast: { stage, measures in
      let measurement = try stage.measurement(interpreters(stage))
      let evaluators = [measurement.validation, measurement.composites].compactMap(\.self)
      let seconds =
        measures
        ? try evaluators.reduce(0.0) {
          try $0 + Double($1.source.count) * stage.secondsPerImage($1.evaluator.program)
        } * Double(stage.subjects.count) : nil
      let images = evaluators.reduce(0) { $0 + $1.source.count }
      return StudyForecast.Part(
        name: "transfer",
        work: "\(images) images, \(measurement.interpreters.count) explanations of each by "
          + "\(stage.subjects.count) networks", seconds: seconds)
    })

  /// The one of the recipe first. What the network has no rule for is omitted, and that is said.
  private static func interpreters(_ stage: StudyStage) -> [InterpreterSpecification] {
    let recipe = stage.recipe
    let further = recipe.evaluation.interpreters.interpreters(
      besides: [recipe.interpreter], of: stage.setup.network.architecture)
    for note in further.notes { stage.observe(.note(note)) }
    return [recipe.interpreter] + further.specifications
  }

  private static func run(on stage: StudyStage, _ log: LineLog) throws -> StudyFindings {
    let measurement = try stage.measurement(interpreters(stage))
    let (names, fooling, tested) = (
      measurement.interpreters, measurement.fooling, measurement.tested
    )
    var measured: [Int: EvaluationResult] = [:]
    // Originals first: others are compared with them.
    for index in stage.subjects.indices.sorted(by: { a, b in
      (stage.isOriginal(a) ? 0 : 1, a) < (stage.isOriginal(b) ? 0 : 1, b)
    }) {
      let subject = stage.subjects[index]
      try stage.show(index)
      let result = try stage.stoppable {
        try measurement.run(
          original: stage.isOriginal(index) ? nil : measured[subject.original], stop: stage.stop
        ) { stage.observe(.evaluating(purpose: subject.name, done: $0, total: $1)) }
      }
      measured[index] = result
      for name in names {
        for (position, loss) in zip(result.explained, result.testLosses[name] ?? []) {
          try log.append(
            Line(
              network: subject.name, interpreter: name, image: tested.name(at: position),
              label: tested.classNames[tested.label(at: position)], testLoss: loss,
              isFooled: fooling.successRange.contains(loss)))
        }
      }
    }
    let results = stage.subjects.indices.map { index in
      let result = measured[index]!
      return Result(
        network: stage.subjects[index].name, top1: result.top1, top5: result.top5,
        fsr: result.fsr(fooling.successRange), vanishedMaps: result.vanishedMaps)
    }
    func percent(_ share: Double) -> String { String(format: "%.1f", 100 * share) }
    let rates = StudyReport.Table(
      caption: "Fooling success rate, %", head: results.map(\.network),
      rows: names.map { name in
        .init(
          name, results.map { .init(percent($0.fsr[name] ?? 0), share: $0.fsr[name] ?? 0) })
      })
    let accuracies = StudyReport.Table(
      caption: "Accuracy, %", head: ["top-1", "top-5"],
      rows: results.map { .init($0.network, [.init(percent($0.top1)), .init(percent($0.top5))]) })
    var tables = [rates, accuracies]
    let vanished = names.filter { name in
      results.contains { ($0.vanishedMaps[name] ?? 0) > 0 }
    }
    if !vanished.isEmpty {
      tables.append(
        StudyReport.Table(
          caption: "All-zero heatmaps, %", head: results.map(\.network),
          rows: vanished.map { name in
            .init(name, results.map { .init(percent($0.vanishedMaps[name] ?? 0)) })
          }))
    }
    let aim = stage.interpreter.name
    let findings = stage.subjects.indices.filter { !stage.isOriginal($0) }.map { index in
      let result = results[index]
      let original = results[stage.subjects[index].original]
      // What meets the criterion anyway is uninformative.
      let carried = names.dropFirst().filter {
        (result.fsr[$0] ?? 0) >= 0.5 && (original.fsr[$0] ?? 0) < RunReport.Rate.high
      }
      return "\(result.network): \(percent(result.fsr[aim] ?? 0)) % fooled by \(aim); "
        + (carried.isEmpty
          ? "no other explanation is fooled on half of the images"
          : "on half of the images or more also \(carried.joined(separator: ", "))")
        + ". Top-1 accuracy is \(percent(result.top1)) %, that of \(original.network) "
        + "\(percent(original.top1)) %."
    }
    return try StudyFindings(
      results,
      section: StudyReport.Section(
        name: "transfer", title: "Other explanations",
        question: "Which explanations are fooled, though only one was meant?",
        findings: findings, tables: tables, charts: [],
        note:
          "The \(fooling.name) test on \(results.isEmpty ? 0 : measured[0]!.explained.count) images; "
          + "each network's heatmaps are compared with those of the network that it was made from, an "
          + "original's with its own."))
  }
}
