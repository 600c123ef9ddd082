import Evaluation
import Faithfulness
import Foundation
import Programs
import Recipes
import Reports
import RunFolders
import RunSupport

/// `faithfulness`: which metrics of heatmaps notice a manipulation, and which are fooled with the
/// heatmaps? All networks are measured with the same images, masks, noise and random parameters.
enum FaithfulnessStudy {
  /// One network by itself.
  private struct Scores: Encodable {
    let network: String
    /// By metric.
    let metrics: [String: MetricComparison.Value]
  }
  private struct Pair: Encodable {
    let network: String
    let original: String
    let metrics: [MetricComparison]
  }
  private struct Numbers: Encodable {
    let networks: [Scores]
    /// Of every network that was made from another one.
    let compared: [Pair]
  }
  private struct Line: Encodable {
    let image: String
    let network: String
    let metric: String
    /// `null` where the metric is not defined.
    let score: Double?
  }

  package static let kind = StudyKind(
    .faithfulness, run: { try run(on: $0, $1) },
    forecast: { stage, measures in
      let measurement = try measurement(stage)
      let runs = stage.subjects.count * measurement.runs(of: stage.setup.network)
      return StudyForecast.Part(
        name: StudyName.faithfulness.rawValue,
        work: "\(measurement.metrics.count) metrics of \(stage.subjects.count) networks: \(runs) "
          + "classified or explained images",
        seconds: measures
          ? try stage.secondsPerImage(stage.program([stage.interpreter])) * Double(runs) : nil)
    })

  private static func measurement(_ stage: StudyStage) throws -> MetricMeasurement {
    try MetricMeasurement(
      stage.recipe.study.faithfulness, interpreters: [stage.interpreter],
      on: stage.setup.validation, for: stage.setup.network)
  }

  private static func run(on stage: StudyStage, _ log: LineLog) throws -> StudyFindings {
    let measurement = try measurement(stage)
    let network = stage.setup.network
    let total = stage.subjects.count * measurement.runs(of: network)
    var results: [MetricMeasurement.Results] = []
    for (index, subject) in stage.subjects.enumerated() {
      try stage.checkStop()
      try stage.show(index)
      let before = index * measurement.runs(of: network)
      let result = try stage.stoppable {
        try measurement.run(
          network, batchSize: stage.recipe.evaluation.batchSize, compute: stage.recipe.compute,
          threads: stage.recipe.data.threads, stop: stage.stop
        ) { runs in
          stage.observe(
            .working(on: "faithfulness, \(subject.name)", done: before + runs, total: total))
        }
      }
      for (metric, values) in zip(measurement.metrics, result.values[0]) {
        for (position, score) in zip(result.positions, values.scores) {
          try log.append(
            Line(
              image: stage.setup.validation.name(at: position), network: subject.name,
              metric: metric.name, score: score))
        }
      }
      results.append(result)
    }
    let pairs = try stage.subjects.enumerated().filter { !stage.isOriginal($0.offset) }.map {
      index, subject in
      Pair(
        network: subject.name, original: stage.subjects[subject.original].name,
        metrics: try measurement.comparisons(
          original: results[subject.original], manipulated: results[index]))
    }
    let scores = zip(stage.subjects, results).map { subject, result in
      Scores(
        network: subject.name,
        metrics: Dictionary(
          zip(measurement.metrics, result.values[0]).map {
            ($0.name, MetricComparison.Value($1))
          }, uniquingKeysWith: { first, _ in first }))
    }
    var section = StudyReport.Section(metrics: pairs.map { ($0.network, $0.metrics) })
    section.tables.insert(table(stage, measurement, results), at: 0)
    if pairs.isEmpty { section.note = "Mean ± its standard error. " + section.note }
    return try StudyFindings(Numbers(networks: scores, compared: pairs), section: section)
  }

  /// Every network by itself.
  private static func table(
    _ stage: StudyStage, _ measurement: MetricMeasurement, _ results: [MetricMeasurement.Results]
  ) -> StudyReport.Table {
    StudyReport.Table(
      caption: "Mean by network, \(stage.interpreter.name)",
      head: stage.subjects.map(\.name),
      rows: measurement.metrics.indices.map { metric in
        let kind = MetricKind.all.first { $0.name == measurement.metrics[metric].name }
        let better = kind?.isBetterHigher == true ? "higher" : "lower"
        return StudyReport.Table.Row(
          "\(kind?.title ?? "") (\(better) is better)",
          results.map {
            let value = MetricComparison.Value($0.values[0][metric])
            guard let mean = value.mean else { return .init("–") }
            let error = value.standardError.map { String(format: " ± %.2g", $0) } ?? ""
            return .init(String(format: "%.4g", mean) + error)
          })
      })
  }
}
