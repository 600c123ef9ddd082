import Evaluation
import Foundation
import ImageData
import Recipes
import Reports
import RunFolders
import RunSupport

/// Success rate and accuracy of every network under noise of growing strength, drawn several times.
struct NoiseSweep {
  /// One network under noise of one strength.
  package struct Point: Codable, Hashable {
    package struct Value: Codable, Hashable {
      /// Over the draws.
      package let mean: Double
      /// Standard deviation over the draws.
      package let deviation: Double

      package init(_ values: [Double]) {
        let count = Double(max(1, values.count))
        let mean = values.reduce(0, +) / count
        self.mean = mean
        deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
      }
    }
    package let network: String
    /// σ.
    package let strength: Double
    package let draws: Int
    /// Fooling success rate, a share in [0, 1].
    package let fsr: Value
    package let top1: Value
    package let top5: Value
    /// Share of all-zero heatmaps.
    package let vanishedMaps: Value

    package init(
      network: String, strength: Double, draws: Int, fsr: Value, top1: Value, top5: Value,
      vanishedMaps: Value
    ) {
      self.network = network
      self.strength = strength
      self.draws = draws
      self.fsr = fsr
      self.top1 = top1
      self.top5 = top5
      self.vanishedMaps = vanishedMaps
    }
  }

  /// One image in one draw.
  private struct Line: Encodable {
    let network: String
    let strength: Double
    let draw: Int
    let image: String
    /// Omitted where images show two classes.
    let label: String?
    let isCorrect: Bool?
    let testLoss: Double
    let isFooled: Bool
  }

  package let name: String
  package let noise: StudySection.Noise

  /// Draws of a strength: without noise there is nothing to draw.
  package func draws(_ strength: Double) -> Int { strength > 0 ? noise.draws : 1 }

  /// Measured networks, noise and all.
  package func evaluations(of subjects: Int) -> Int {
    subjects * noise.strengths.reduce(0) { $0 + draws($1) }
  }

  /// - Parameter prepare: shows a network under noise, and says how its images are to be changed.
  /// - Returns: by network, then by strength.
  package func run(
    on stage: StudyStage, _ log: LineLog,
    prepare: (_ index: Int, _ strength: Double, _ draw: Int) throws -> ((Batch) -> [Float])?
  ) throws -> [[Point]] {
    let measurement = try stage.measurement([stage.recipe.interpreter])
    let total = evaluations(of: stage.subjects.count)
    var originals: [Int: EvaluationResult] = [:]
    var done = 0
    return try stage.subjects.indices.map { index in
      let original = stage.subjects[index].original
      if originals[original] == nil {
        try stage.show(original)
        originals[original] = try stage.stoppable {
          try measurement.run(original: nil, stop: stage.stop) {
            stage.observe(
              .evaluating(purpose: stage.subjects[original].name, done: $0, total: $1))
          }
        }
      }
      return try noise.strengths.map { strength in
        var results: [EvaluationResult] = []
        for draw in 0..<draws(strength) {
          stage.observe(.working(on: name, done: done, total: total))
          let changing = try prepare(index, strength, draw)
          let result = try stage.stoppable {
            try measurement.run(
              original: originals[original], changing: changing, stop: stage.stop
            ) { _, _ in }
          }
          try write(result, measurement, stage.subjects[index].name, strength, draw, log)
          results.append(result)
          done += 1
        }
        let point = Point(
          results, network: stage.subjects[index].name, strength: strength, measurement)
        stage.observe(
          .note(
            String(
              format: "%@, %@, σ %g: FSR %.2f %%, top-1 %.2f %%", name, point.network, strength,
              100 * point.fsr.mean, 100 * point.top1.mean)))
        return point
      }
    }
  }

  private func write(
    _ result: EvaluationResult, _ measurement: FoolingMeasurement, _ network: String,
    _ strength: Double,
    _ draw: Int, _ log: LineLog
  ) throws {
    let tested = measurement.tested
    let hasLabels = measurement.fooling.explained.areOfLabelledImages
    let range = measurement.fooling.successRange
    let losses = result.testLosses[measurement.interpreters[0]] ?? []
    for (place, position) in result.explained.enumerated() {
      try log.append(
        Line(
          network: network, strength: strength, draw: draw, image: tested.name(at: position),
          label: hasLabels ? tested.classNames[tested.label(at: position)] : nil,
          isCorrect: hasLabels ? result.predictions[place].isCorrect : nil, testLoss: losses[place],
          isFooled: range.contains(losses[place])))
    }
  }

  /// Tables and charts of a sweep.
  package func section(
    _ points: [[Point]], title: String, question: String, unit: String, note: String,
    subjects: [StudyStage.Subject]
  ) -> StudyReport.Section {
    func chart(_ title: String, _ value: (Point) -> Point.Value) -> StudyReport.Chart {
      StudyReport.Chart(
        title: title, xTitle: unit, isShare: true,
        series: points.map { own in
          StudyReport.Series(
            name: own[0].network,
            points: own.sorted { $0.strength < $1.strength }.map {
              .init(x: $0.strength, y: value($0).mean, spread: value($0).deviation)
            })
        })
    }
    func table(_ caption: String, _ value: (Point) -> Point.Value) -> StudyReport.Table {
      StudyReport.Table(
        caption: caption, head: noise.strengths.map { "σ \(short($0))" },
        rows: points.map { own in
          StudyReport.Table.Row(
            own[0].network,
            own.map { point in
              let shown = value(point)
              let spread =
                point.draws > 1 ? String(format: " ± %.1f", 100 * shown.deviation) : ""
              return .init(
                String(format: "%.1f", 100 * shown.mean) + spread, share: shown.mean)
            })
        })
    }
    return StudyReport.Section(
      name: name, title: title, question: question,
      findings: points.enumerated().compactMap { index, own in
        subjects[index].original == index ? nil : sentence(own)
      },
      tables: [
        table("Fooling success rate, %", \.fsr), table("Top-1 accuracy, %", \.top1),
      ],
      charts: [chart("Fooling success rate", \.fsr), chart("Top-1 accuracy", \.top1)],
      note: note
        + " \(noise.draws) draws of each strength; ± and bands are their standard deviation.")
  }

  /// What becomes of a manipulation.
  private func sentence(_ points: [Point]) -> String? {
    guard let first = points.min(by: { $0.strength < $1.strength }),
      let last = points.max(by: { $0.strength < $1.strength })
    else { return nil }
    func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
    let start = "\(first.network): \(percent(first.fsr.mean)) fooled at σ \(short(first.strength))"
    guard last.strength > first.strength else { return start + "." }
    return start
      + ", \(percent(last.fsr.mean)) at σ \(short(last.strength)), where top-1 accuracy is "
      + "\(percent(last.top1.mean)) instead of \(percent(first.top1.mean))."
  }

  /// What the sweep will take: nearly all of it are evaluations.
  package func forecast(on stage: StudyStage, measures: Bool) throws -> StudyForecast.Part {
    let measurement = try stage.measurement([stage.recipe.interpreter])
    let evaluators = [measurement.validation, measurement.composites].compactMap(\.self)
    let originals = stage.subjects.indices.count(where: stage.isOriginal)
    let passes = originals + evaluations(of: stage.subjects.count)
    let images = evaluators.reduce(0) { $0 + $1.source.count }
    let seconds =
      measures
      ? try evaluators.reduce(0.0) {
        try $0 + Double($1.source.count) * stage.secondsPerImage($1.evaluator.program)
      } * Double(passes) : nil
    return StudyForecast.Part(
      name: name, work: "\(passes) evaluations of \(images) images", seconds: seconds)
  }
}

extension NoiseSweep.Point {
  fileprivate init(
    _ results: [EvaluationResult], network: String, strength: Double,
    _ measurement: FoolingMeasurement
  ) {
    let interpreter = measurement.interpreters[0]
    let range = measurement.fooling.successRange
    (self.network, self.strength, draws) = (network, strength, results.count)
    fsr = Value(results.map { $0.fsr(range)[interpreter] ?? 0 })
    top1 = Value(results.map(\.top1))
    top5 = Value(results.map(\.top5))
    vanishedMaps = Value(results.map { $0.vanishedMaps[interpreter] ?? 0 })
  }
}
