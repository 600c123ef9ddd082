import Checkpoints
import Evaluation
import Foolings
import Foundation
import ImageData
import RunFolders
import RunSupport

/// What was measured of the networks of one comparison.
struct MeasuredNetworks {
  package let original: EvaluationResult
  package let manipulated: EvaluationResult
  /// Of the same steps with λ = 0.
  package var control: EvaluationResult?

  /// A number of each.
  package func compared(_ value: (EvaluationResult) -> Double) -> Summary.Compared {
    Summary.Compared(
      original: value(original), manipulated: value(manipulated), control: control.map(value))
  }
}

extension Summary {
  /// What only a run knows of itself.
  struct Circumstances {
    var budget: BudgetResult?
    /// Names of the interpreters that are fooled; empty in an evaluation.
    var fooled: [String] = []
    let architecture: String
    /// Whether the network under test is known to be manipulated.
    let isManipulated: Bool
    let original: NetworkFile
    let tested: NetworkFile
    /// Sections of the recipe.
    let settings: JSONValue
    /// Of training; 0 without any.
    var steps = 0
    var imagesPerSecond = 0.0
    var seed: UInt64 = 0
    let seconds: Double
  }

  /// - Parameters:
  ///   - results: of the evaluations.
  ///   - classNames: of all the network's classes.
  init(
    _ results: MeasuredNetworks, of measurement: FoolingMeasurement, classNames: [String],
    _ run: Circumstances
  ) {
    let (original, manipulated) = (results.original, results.manipulated)
    let fooling = measurement.fooling
    let range = fooling.successRange
    func accuracy(_ result: EvaluationResult) -> Accuracy {
      Accuracy(top1: result.top1, top5: result.top5)
    }
    func drop(_ result: EvaluationResult) -> Accuracy {
      Accuracy(
        top1: 100 * (original.top1 - result.top1), top5: 100 * (original.top5 - result.top5))
    }
    let names = manipulated.testLosses.keys
    let grid = measurement.test.comparisons.first?.grid
    self.init(
      accuracy: Accuracies(
        original: accuracy(original), manipulated: accuracy(manipulated), drop: drop(manipulated)),
      fsr: manipulated.fsr(range), fsrOriginal: original.fsr(range),
      control: results.control.map {
        Control(accuracy: accuracy($0), drop: drop($0), fsr: $0.fsr(range))
      },
      budget: run.budget,
      relevanceInside: fooling.namesPlace
        ? Dictionary(
          uniqueKeysWithValues: names.map { name in
            (name, results.compared { $0.meanRelevanceInside[name] ?? 0 })
          }) : nil,
      vanishedMaps: Dictionary(
        uniqueKeysWithValues: names.map { name in
          (name, results.compared { $0.vanishedMaps[name] ?? 0 })
        }),
      classes: Self.classes(
        results, range, interpreters: Array(names),
        tested: measurement.composites == nil, classNames: classNames),
      architecture: run.architecture, fooling: fooling.name,
      interpreter: measurement.interpreters[0],
      fooledInterpreters: run.fooled.count > 1 ? run.fooled : nil,
      test: grid.map {
        Test(lower: range.lowerBound, upper: range.upperBound, grid: [$0.height, $0.width])
      },
      isManipulated: run.isManipulated, originalFile: run.original, testedFile: run.tested,
      settings: run.settings, validationImages: manipulated.images,
      skippedImages: manipulated.skipped.count, steps: run.steps, seconds: run.seconds,
      imagesPerSecond: run.imagesPerSecond, peakMemoryBytes: largestResidentBytes(),
      seed: run.seed, toolVersion: Trompe.version)
    targetMap =
      fooling is TargetMap
      ? TargetMapResult(
        results, interpreters: measurement.interpreters,
        output: measurement.validation.evaluator.program.output) : nil
    triggers = (fooling as? TriggerFooling).map {
      TriggerResult.all(
        results, of: $0, interpreters: measurement.interpreters, classNames: classNames)
    }
  }

  /// - Parameter tested: whether heatmaps are of the images that have labels.
  private static func classes(
    _ results: MeasuredNetworks, _ range: ClosedRange<Double>, interpreters: [String],
    tested: Bool, classNames: [String]
  ) -> [ClassResult] {
    // The images of a class stand at the same places in every network's result only if all could be
    // read each time, so each result is looked through by itself.
    typealias Tally = (images: Int, correct: Int, fooled: [String: Int], vanished: [String: Int])
    func tallies(_ result: EvaluationResult) -> [Int: Tally] {
      var tallies: [Int: Tally] = [:]
      for (place, prediction) in result.predictions.enumerated() {
        var own = tallies[prediction.label] ?? (0, 0, [:], [:])
        own.images += 1
        own.correct += prediction.isCorrect ? 1 : 0
        if tested {
          for name in interpreters {
            if let losses = result.testLosses[name], range.contains(losses[place]) {
              own.fooled[name, default: 0] += 1
            }
            own.vanished[name, default: 0] += result.vanished[name]?[place] ?? 0
          }
        }
        tallies[prediction.label] = own
      }
      return tallies
    }
    let all = [results.original, results.manipulated, results.control].map { $0.map(tallies) }
    func compared(_ label: Int, _ value: (Tally) -> Int) -> Compared {
      func share(_ network: Int) -> Double? {
        all[network].map { tallies in
          tallies[label].map { Double(value($0)) / Double($0.images) } ?? 0
        }
      }
      return Compared(original: share(0) ?? 0, manipulated: share(1) ?? 0, control: share(2))
    }
    return (all[1] ?? [:]).keys.sorted().map { label in
      func each(_ value: @escaping (Tally, String) -> Int) -> [String: Compared] {
        guard tested else { return [:] }
        return Dictionary(
          uniqueKeysWithValues: interpreters.map { name in
            (name, compared(label) { value($0, name) })
          })
      }
      return ClassResult(
        name: label < classNames.count ? classNames[label] : "\(label)", index: label,
        images: all[1]?[label]?.images ?? 0, accuracy: compared(label) { $0.correct },
        fsr: each { $0.fooled[$1] ?? 0 }, vanishedMaps: each { $0.vanished[$1] ?? 0 })
    }
  }
}

/// Largest resident size of this process so far.
public func largestResidentBytes() -> Int {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return Int(usage.ru_maxrss) * 1024  // Linux counts in KiB
}

extension Duration {
  public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
