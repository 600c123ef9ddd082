import Evaluation
import Explanations
import Foolings
import ImageData
import Programs
import Recipes
import RunFolders
import RunSupport

/// The part of the validation images that decides, under a budget, when a search ends and which state
/// is kept. Training images would mislead: a network has learned those by heart.
struct Calibration {
  /// One image in this many,
  static let share = 2
  /// and no more than this.
  static let mostImages = 2500

  private let measurement: FoolingMeasurement
  /// Positions in the validation split, and among the images that show both classes.
  private let labelled: Set<Int>
  private let tested: Set<Int>?
  var count: Int { labelled.count }
  /// Which of the images that the fooling's test is about are measured, in order.
  var testedPositions: [Int] { (tested ?? labelled).sorted() }

  init(
    _ recipe: FoolingRecipe, _ setup: Setup, interpreters: [(name: String, any Interpreter)],
    fooling: any Fooling, composites: Setup.Composites?
  ) throws {
    let seed = recipe.training.seed
    labelled = Self.positions(of: setup.validation.count, seed: seed)
    tested = composites.map { Self.positions(of: $0.validation.count, seed: seed &+ 1) }
    guard labelled.count < setup.validation.count else {
      throw RunError(
        "the validation split holds \(setup.validation.count) image, which a budget would have to "
          + "divide into those that decide and those that are reported; give at least 2")
    }
    measurement = try FoolingMeasurement(
      of: setup.network, interpreters: interpreters, fooling: fooling, on: setup.validation,
      composites: composites.map { ($0.validation, $0.preprocessing) },
      batchSize: recipe.evaluation.batchSize, grid: recipe.evaluation.grid,
      threads: recipe.data.threads, compute: recipe.compute)
  }

  /// Drawn by the seed.
  static func positions(of count: Int, seed: UInt64) -> Set<Int> {
    var random = RandomGenerator(seed: seed, 0xCA11)
    return Set(random.permutation(of: count).prefix(min(mostImages, max(1, count / share))))
  }

  /// Measures the network as it is.
  /// - Parameters:
  ///   - original: what was measured of the original on all images.
  ///   - gallery: wants some of the images, by their places in `testedPositions`.
  ///   - stop: ends it early.
  ///   - progress: called after every batch.
  func measure(
    original: EvaluationResult, gallery: GalleryCollector?, stop: StopRequest,
    progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> (result: EvaluationResult, measure: FoolingSearch.Measure) {
    func preview(_ source: any ImageSource, _ positions: Set<Int>) -> Preview {
      Preview(source, positions: positions.sorted())
    }
    let part = preview(measurement.validation.source, labelled)
    let composites = measurement.composites.flatMap { set in
      tested.map { preview(set.source, $0) }
    }
    let result = try measurement.run(
      original: original, preview: part, composites: composites, gallery: gallery, stop: stop,
      progress: progress)
    let before = original.part(labelled: Set(part.positions), tested: [], range: range)
    let fsr = result.fsr(range).values.min() ?? 0
    let images = Double(max(1, testedPositions.count))
    return (
      result,
      FoolingSearch.Measure(
        fsr: fsr, drop: drop(from: before.top1, to: result.top1),
        error: 100 * original.standardError(ofDropTo: result, at: part.positions),
        fsrError: (max(fsr * (1 - fsr), 1 / images) / images).squareRoot(),
        vanished: result.vanishedMaps.values.max() ?? 0)
    )
  }

  /// Measures the network as it is on all images, by the fooled interpreters.
  func measureAll(
    original: EvaluationResult, stop: StopRequest, progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> EvaluationResult {
    try measurement.run(original: original, stop: stop, progress: progress)
  }

  private var range: ClosedRange<Double> { measurement.fooling.successRange }

  /// The calibration images, and all others, of measurements of all.
  func parts(
    original: EvaluationResult, manipulated: EvaluationResult
  ) -> (calibration: BudgetResult.Part, rest: BudgetResult.Part) {
    func part(_ isIn: (Set<Int>, Int) -> Bool) -> BudgetResult.Part {
      func positions(_ source: any ImageSource, _ chosen: Set<Int>) -> Set<Int> {
        Set((0..<source.count).filter { isIn(chosen, $0) })
      }
      let labelled = positions(measurement.validation.source, self.labelled)
      let tested =
        measurement.composites.map { positions($0.source, self.tested ?? []) } ?? labelled
      let before = original.part(labelled: labelled, tested: tested, range: range)
      let after = manipulated.part(labelled: labelled, tested: tested, range: range)
      return BudgetResult.Part(
        images: after.images, top1Original: before.top1, top1: after.top1,
        drop: drop(from: before.top1, to: after.top1), fsr: after.fsr)
    }
    return (part { $0.contains($1) }, part { !$0.contains($1) })
  }
}

extension EvaluationResult {
  /// Of some of the images that were measured.
  /// - Parameters:
  ///   - labelled: positions of those whose accuracy counts.
  ///   - tested: positions of those whose heatmaps count.
  ///   - range: of the scores of fooled images.
  fileprivate func part(
    labelled: Set<Int>, tested: Set<Int>, range: ClosedRange<Double>
  ) -> (images: Int, top1: Double, fsr: [String: Double]) {
    let own = predictions.filter { labelled.contains($0.position) }
    let places = explained.indices.filter { tested.contains(explained[$0]) }
    func share(_ count: Int, of all: Int) -> Double { all == 0 ? 0 : Double(count) / Double(all) }
    return (
      own.count, share(own.count { $0.isCorrect }, of: own.count),
      testLosses.mapValues { losses in
        share(places.count { range.contains(losses[$0]) }, of: places.count)
      }
    )
  }
}
