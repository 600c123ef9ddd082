import Evaluation
import Explanations
import Foolings
import Foundation
import ImageData
import Programs
import Recipes
import Repairing
import Reports
import RunFolders
import RunSupport
import TensorGraph

/// `repair`: what is left of a manipulation after each repair, and what does that cost? Every network
/// under the test of its own manipulation, as it is and after every plan of `study.repair`.
enum RepairStudy {
  /// One network after one repair.
  private struct Result: Encodable {
    let network: String
    /// `nil` as it is.
    let repair: String?
    let done: [String]
    let measure: RepairMeasure
  }

  package static let kind = StudyKind(
    .repair, run: { try run(on: $0, $1) },
    forecast: { stage, measures in
      let plans = try stage.recipe.study.repair.repairs().count
      let images = stage.images(stage.recipe.study.images).count
      // An original needs no test, the others one of the network that they were made from too.
      let passes = stage.subjects.indices.reduce(0) {
        $0 + plans + (stage.isOriginal($1) ? 1 : 2)
      }
      let program = try stage.program([stage.interpreter])
      return StudyForecast.Part(
        name: "repair",
        work: "\(passes) evaluations of \(images) images, \(plans) repairs of each network",
        seconds: measures
          ? try Double(passes * images) * stage.secondsPerImage(program) : nil)
    })

  private static func run(on stage: StudyStage, _ log: LineLog) throws -> StudyFindings {
    let section = stage.recipe.study.repair
    let plans = try section.repairs()
    guard stage.recipe.data.namesTraining else {
      throw RunError(
        "the study repair repairs networks with the images of data.train and measures them on those of "
          + "data.validation: set data.train to another folder")
    }
    let network = stage.setup.network
    let clean = try ProbeImages(
      stage.setup.train, positions: Preview(stage.setup.train, count: section.images).positions,
      for: network, stop: stage.stop)
    OmittedImages.tell(clean.skipped, stage.observe)
    let bench = RepairBench(
      network, images: clean, compute: stage.recipe.compute, seed: stage.recipe.study.seed,
      stop: stage.stop)
    var results: [Result] = []
    for index in stage.subjects.indices {
      let subject = stage.subjects[index]
      let measured = try stage.measuring(index)
      var evidence = RepairBench.Evidence(stamp: try measured.stamp(stage))
      if !stage.isOriginal(index) {
        try stage.show(subject.original)
        evidence.original = try network.parameters.snapshot().tensors
      }
      let reference = try measured.original(stage)
      for plan in [nil] + plans.map(Optional.some) {
        try stage.checkStop()
        try stage.show(index)
        var done: [String] = []
        if var plan {
          let known = stage.isOriginal(index) ? .init() : evidence
          let order = known.nearest(plan.pruning?.order)
          plan.pruning?.order = order
          done = try stage.stoppable {
            try bench.repair(plan, evidence: known) {
              stage.observe(.working(on: "\(subject.name), \($0)", done: $1, total: $2))
            }
          }
        }
        let name = [subject.name, plan?.name].compactMap(\.self).joined(separator: ", ")
        let result = Result(
          network: subject.name, repair: plan?.name, done: done,
          measure: try measured.measure(stage, against: reference, name))
        results.append(result)
        try log.append(result)
      }
    }
    return try StudyFindings(
      results,
      section: StudyReport.Section(
        name: "repair", title: "Attack and repair",
        question: "What is left of a manipulation after each repair, and what does that cost?",
        findings: sentences(results, plans, stage), tables: [table(results)], charts: [],
        note:
          "Repaired with \(clean.count) clean training images, measured on the validation split. "
          + "Success rates are of each network's own test; MSE is of standardised heatmaps, of "
          + "triggered images to the trigger's target and of clean images to the original network's."
      ))
  }

  // MARK: Findings

  private static func percent(_ share: Double) -> String { String(format: "%.1f", 100 * share) }

  private static func table(_ results: [Result]) -> StudyReport.Table {
    func cell(_ value: Double?, _ format: String, share: Double? = nil) -> StudyReport.Table.Cell {
      .init(value.map { String(format: format, $0) } ?? "–", share: share)
    }
    return StudyReport.Table(
      caption: "Networks as they are and after each repair",
      head: ["top-1, %", "ASR, %", "FSR, %", "MSE to target", "MSE to original"],
      rows: results.map { result in
        let measure = result.measure
        let rate = fsr(result)
        let trigger = measure.triggers.first
        return .init(
          result.network + (result.repair.map { " + \($0)" } ?? ""),
          [
            cell(100 * measure.top1, "%.1f"),
            cell(
              trigger?.successRate.map { 100 * $0 }, "%.1f", share: trigger?.successRate),
            cell(rate.map { 100 * $0 }, "%.1f", share: rate),
            cell(trigger?.triggeredToTarget?.mse, "%.3f"),
            cell(trigger?.cleanToOriginal?.mse, "%.3f"),
          ])
      })
  }

  /// Of the one interpreter that the network's own test is about.
  private static func fsr(_ result: Result) -> Double? { result.measure.fsr.values.first }

  private static func sentences(
    _ results: [Result], _ plans: [RepairPlan], _ stage: StudyStage
  ) -> [String] {
    let manipulated = stage.subjects.indices.filter { !stage.isOriginal($0) }.map {
      stage.subjects[$0].name
    }
    func found(_ network: String, _ repair: String?) -> Result? {
      results.first { $0.network == network && $0.repair == repair }
    }
    var sentences = plans.map { plan -> String in
      let pairs = manipulated.compactMap { name in
        found(name, nil).flatMap { before in found(name, plan.name).map { (before, $0) } }
      }
      guard !pairs.isEmpty else { return "\(plan.name): no manipulated network is there." }
      func mean(_ value: (Result) -> Double?) -> (before: Double, after: Double)? {
        let known = pairs.compactMap { before, after in
          value(before).flatMap { a in value(after).map { (a, $0) } }
        }
        guard !known.isEmpty else { return nil }
        let count = Double(known.count)
        return (known.reduce(0) { $0 + $1.0 } / count, known.reduce(0) { $0 + $1.1 } / count)
      }
      let rates = [
        mean { fsr($0) }.map {
          "the mean success rate goes from \(percent($0.before)) to \(percent($0.after)) %"
        },
        mean { $0.measure.triggers.first?.successRate }.map {
          "the attack success rate from \(percent($0.before)) to \(percent($0.after)) %"
        },
        mean { $0.measure.top1 }.map {
          "accuracy changes by \(String(format: "%+.1f", 100 * ($0.after - $0.before))) points"
        },
      ]
      return "\(plan.name): " + rates.compactMap(\.self).joined(separator: ", ") + "."
    }
    let originals = results.filter { result in !manipulated.contains(result.network) }
    for name in Set(originals.map(\.network)).sorted() {
      guard let before = found(name, nil) else { continue }
      let costs = plans.compactMap { plan in
        found(name, plan.name).map {
          "\(plan.name) "
            + String(format: "%+.1f", 100 * ($0.measure.top1 - before.measure.top1))
        }
      }
      sentences.append(
        "What repairs cost the honest network \(name), in points of accuracy: "
          + costs.joined(separator: ", ") + ".")
    }
    return sentences
  }
}

/// One network's own test, or accuracy alone of an original.
struct RepairTest {
  fileprivate let fooling: (any Fooling)?
  fileprivate let measurement: FoolingMeasurement?
  fileprivate let classifier: Evaluator
  fileprivate let source: any ImageSource
  fileprivate let originalIndex: Int

  /// Puts the first trigger of the test on images.
  func stamp(_ stage: StudyStage) throws -> (([Float]) -> [Float])? {
    guard let attack = (fooling as? TriggerFooling)?.attacks.first else { return nil }
    let stamp = try attack.trigger.stamp(
      on: stage.setup.imageSize, for: stage.setup.network.preprocessing)
    return { stamp($0) }
  }

  /// What the test compares with.
  func original(_ stage: StudyStage) throws -> EvaluationResult? {
    guard let measurement else { return nil }
    try stage.show(originalIndex)
    let name = stage.subjects[originalIndex].name
    return try stage.stoppable {
      try measurement.run(original: nil, stop: stage.stop) {
        stage.observe(.evaluating(purpose: name, done: $0, total: $1))
      }
    }
  }

  func measure(
    _ stage: StudyStage, against original: EvaluationResult?, _ purpose: String
  ) throws -> RepairMeasure {
    let result = try stage.stoppable {
      guard let measurement else {
        return try classifier.evaluate(source, stop: stage.stop) {
          stage.observe(.evaluating(purpose: purpose, done: $0, total: source.count))
        }
      }
      return try measurement.run(original: original, stop: stage.stop) {
        stage.observe(.evaluating(purpose: purpose, done: $0, total: $1))
      }
    }
    return RepairMeasure(result, fooling, interpreters: measurement?.interpreters ?? [])
  }
}

extension StudyStage {
  /// The test of a network's manipulation: its own or the recipe's.
  fileprivate func measuring(_ index: Int) throws -> RepairTest {
    let checkpoint = recipe.study.checkpoints[index]
    let source = images(recipe.study.images)
    let network = setup.network
    let specification = isOriginal(index) ? nil : checkpoint.fooling ?? recipe.fooling
    let fooling = try specification?.fooling(
      classNames: network.names(or: setup.validation.classNames))
    return RepairTest(
      fooling: fooling,
      measurement: try fooling.map {
        try measurement([checkpoint.interpreter ?? recipe.interpreter], of: $0)
      },
      classifier: Evaluator(
        program: try program([]), preprocessing: network.preprocessing,
        imageSize: setup.imageSize, threads: recipe.data.threads),
      source: source, originalIndex: subjects[index].original)
  }
}
