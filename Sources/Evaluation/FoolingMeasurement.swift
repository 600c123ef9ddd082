import Explanations
import Foolings
import ImageData
import Programs
import Recipes
import RunSupport
import Similarity

/// Measures networks on the validation split: accuracy there, and the fooling's test on the images
/// that the fooling is about.
package struct FoolingMeasurement {
  package let validation: (evaluator: Evaluator, source: any ImageSource)
  /// Images that show both classes of an active fooling; `nil` if every image is explained for its
  /// own label.
  package let composites: (evaluator: Evaluator, source: any ImageSource)?
  package let test: FoolingTest
  package var fooling: any Fooling { test.fooling }

  /// The images that the fooling's test is about.
  package var tested: any ImageSource { composites?.source ?? validation.source }

  /// How often every image is measured: without triggers once.
  package var passes: Int { (fooling as? TriggerFooling)?.copies ?? 1 }

  /// How they are prepared.
  package var testedPreprocessing: Preprocessing {
    (composites ?? validation).evaluator.preprocessing
  }

  /// Names under which results are reported, the fooled one first.
  package var interpreters: [String] { (composites ?? validation).evaluator.program.interpreters }

  /// What the fooling says of the grids on which heatmaps are tested.
  package var notes: [String] {
    test.comparisons.reduce(into: []) { notes, comparison in
      let grid = comparison.grid
      guard let note = fooling.note(height: grid.height, width: grid.width),
        !notes.contains(note)
      else { return }
      notes.append(note)
    }
  }

  /// - Parameters:
  ///   - interpreters: by the name under which results are reported.
  ///   - composites: images that show both classes, and how they are prepared.
  ///   - grid: on which heatmaps are compared.
  package init(
    of network: LoadedNetwork, interpreters: [(name: String, any Interpreter)],
    fooling: any Fooling, on source: any ImageSource,
    composites: (source: any ImageSource, preprocessing: Preprocessing)?, batchSize: Int,
    grid: EvaluationGrid, threads: Int?, compute: ComputeSection
  ) throws {
    if composites != nil, let projected = interpreters.first(where: { !$0.1.projections.isEmpty }) {
      throw RunError(
        "\(projected.name): its neighbours are images of one class, and \(fooling.name) fooling "
          + "explains images that show two; leave projected out")
    }
    let size = network.architecture.inputShape
    func evaluator(
      _ interpreters: [(name: String, any Interpreter)], _ preprocessing: Preprocessing
    ) throws -> Evaluator {
      Evaluator(
        program: try EvaluationProgram(
          network, interpreters: interpreters, batchSize: batchSize,
          samplesAtOnce: compute.samplesAtOnce, policy: compute.evaluationPolicy),
        preprocessing: preprocessing, imageSize: ImageSize(width: size[1], height: size[0]),
        threads: threads, group: network.executor.group)
    }
    // Accuracy needs no heatmaps.
    validation = (
      try evaluator(composites == nil ? interpreters : [], network.preprocessing), source
    )
    self.composites = try composites.map {
      (try evaluator(interpreters, $0.preprocessing), $0.source)
    }
    test = (self.composites ?? validation).evaluator.program.test(fooling, grid: grid)
  }

  /// - Parameters:
  ///   - original: as `Evaluator.evaluate` has it.
  ///   - gallery: as `Evaluator.evaluate` has it; positions are those in `tested`.
  ///   - changing: as `Evaluator.evaluate` has it.
  ///   - preview: a part of the validation split to measure in its place.
  ///   - composites: a part of the images that show both classes, in their place.
  package func run(
    original: EvaluationResult?, preview: Preview? = nil, composites part: Preview? = nil,
    gallery: GalleryCollector? = nil,
    changing: ((Batch) -> [Float])? = nil, stop: StopRequest?,
    progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> EvaluationResult {
    if let triggers = fooling as? TriggerFooling {
      return try run(
        under: triggers, original: original, preview: preview, gallery: gallery, changing: changing,
        stop: stop, progress: progress)
    }
    let source = preview?.source ?? validation.source
    guard let composites else {
      return try validation.evaluator.evaluate(
        source, test: test, original: original?.digests(in: preview),
        positions: preview?.positions,
        originalMaps: original.map { EvaluationResult.values($0.comparedMaps, in: preview) },
        gallery: gallery, changing: changing, stop: stop, progress: { progress($0, source.count) })
    }
    let tiles = part?.source ?? composites.source
    let total = source.count + tiles.count
    var result = try validation.evaluator.evaluate(source, changing: changing, stop: stop) {
      progress($0, total)
    }
    let tested = try composites.evaluator.evaluate(
      tiles, test: test, original: original?.digests(in: part), positions: part?.positions,
      gallery: gallery,
      changing: changing, stop: stop
    ) { progress(source.count + $0, total) }
    (result.testLosses, result.explained) = (tested.testLosses, tested.explained)
    (result.digests, result.vanished) = (tested.digests, tested.vanished)
    (result.mapsPerImage, result.nonFiniteMaps) = (tested.mapsPerImage, tested.nonFiniteMaps)
    result.relevanceInside = tested.relevanceInside
    result.skipped += tested.skipped
    return result
  }
}

extension EvaluationResult {
  /// Digests by position in a part of the images, or in all: the two are not the same.
  package func digests(in part: Preview?) -> [String: [Int: [Float]]] {
    Self.values(digests, in: part)
  }

  /// The same of any numbers by interpreter and position.
  static func values(
    _ all: [String: [Int: [Float]]], in part: Preview?
  ) -> [String: [Int: [Float]]] {
    guard let part else { return all }
    return all.mapValues { own in
      Dictionary(
        uniqueKeysWithValues: part.positions.enumerated().compactMap { place, position in
          own[position].map { (place, $0) }
        })
    }
  }
}
