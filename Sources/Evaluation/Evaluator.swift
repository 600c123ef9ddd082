import Foolings
import Foundation
import ImageData
import Networks
import Pictures
import Programs
import RunSupport
import Similarity
import TensorRuntime

/// What one network does on one set of images.
public struct EvaluationResult: Codable, Hashable, Sendable {
  /// What the network predicts for one image that has a label.
  public struct Prediction: Codable, Hashable, Sendable {
    /// Of the image in its source.
    public var position: Int
    public var label: Int
    /// How many classes come before the label's.
    public var rank: Int
    /// The class of the largest logit, the first of equals.
    public var predicted: Int
    /// Probability of the predicted class and of the label, in [0, 1].
    public var confidence: Double
    public var labelConfidence: Double

    package init(
      position: Int, label: Int, rank: Int, predicted: Int, confidence: Double,
      labelConfidence: Double
    ) {
      self.position = position
      self.label = label
      self.rank = rank
      self.predicted = predicted
      self.confidence = confidence
      self.labelConfidence = labelConfidence
    }
    public var isCorrect: Bool { rank == 0 }
  }
  /// Of no images.
  package init() {}

  /// Images that were read.
  public var images = 0
  /// Share of images whose label has the largest logit, or one of the five largest.
  public var top1 = 0.0
  public var top5 = 0.0
  /// Mean over the images, in nats.
  public var crossEntropy = 0.0
  /// Of every image whose label was looked for, in the order of reading.
  public var predictions: [Prediction] = []
  /// t_i of every explained image, by interpreter.
  public var testLosses: [String: [Double]] = [:]
  /// Position in the source of every explained image, in the order of `testLosses`.
  public var explained: [Int] = []
  /// Of every explained image, by interpreter: the share of its relevance where the fooling puts it,
  /// the mean of its maps that have relevance; `nil` if there is none. Empty where the fooling names
  /// no place.
  public var relevanceInside: [String: [Double?]] = [:]
  /// Of every explained image, by interpreter: how many of its maps are all-zero. Active
  /// fooling looks at two of each.
  public var vanished: [String: [Int]] = [:]
  /// Maps of each explained image.
  public var mapsPerImage = 1
  /// Maps with entries that are not finite, by interpreter; they count among the vanished.
  public var nonFiniteMaps: [String: Int] = [:]
  /// What the fooling keeps of the original network's heatmaps: by interpreter, then by position.
  public var digests: [String: [Int: [Float]]] = [:]
  public var skipped: [SkippedImage] = []
  /// Of a trigger fooling: under each of its triggers. `testLosses` are then of triggered images, the
  /// largest of several triggers.
  public var triggered: [TriggerMeasurement] = []
  /// Of a target-map fooling, by interpreter: for every explained image its map's likeness to the target,
  /// one number for each of `SimilarityMeasures.toTarget`.
  public var targetLikeness: [String: [[Double]]] = [:]
  /// Of a target-map fooling: logits by position.
  public var outputs: [Int: [Float]] = [:]
  /// Of a target-map fooling that is measured through a projection, in the result of the original network:
  /// the maps as they are compared, by interpreter, then by position.
  public var comparedMaps: [String: [Int: [Float]]] = [:]
  /// In that of another network, by interpreter: for every explained image its map's likeness to the
  /// original's, one number for each of `SimilarityMeasures.toTarget`.
  public var originalLikeness: [String: [[Double]]] = [:]

  /// Fooling success rate by interpreter: the share of images with a score in `range`.
  public func fsr(_ range: ClosedRange<Double>) -> [String: Double] {
    testLosses.mapValues { losses in
      losses.isEmpty ? 0 : Double(losses.count { range.contains($0) }) / Double(losses.count)
    }
  }

  /// Share of all-zero heatmaps among those of the explained images, by interpreter.
  public var vanishedMaps: [String: Double] {
    vanished.mapValues { counts in
      counts.isEmpty ? 0 : Double(counts.reduce(0, +)) / Double(counts.count * mapsPerImage)
    }
  }

  /// Scores and distances of the same images where they stand elsewhere: image i at `positions[i]`.
  package func moved(to positions: [Int]) -> EvaluationResult {
    var moved = self
    moved.explained = explained.map { positions[$0] }
    for index in triggered.indices {
      moved.triggered[index].distances = triggered[index].distances.mapValues { pairs in
        pairs.mapValues { distances in
          Dictionary(uniqueKeysWithValues: distances.map { (positions[$0.key], $0.value) })
        }
      }
    }
    return moved
  }

  /// Mean share of relevance where the fooling puts it, over the images that have any, by interpreter.
  public var meanRelevanceInside: [String: Double] {
    relevanceInside.compactMapValues { shares in
      let known = shares.compactMap(\.self)
      return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }
  }
}

/// Runs an evaluation program over a set of images.
package struct Evaluator {
  package let program: EvaluationProgram
  package let preprocessing: Preprocessing
  package let imageSize: ImageSize
  package let threads: Int?
  /// Processes that each evaluate a part of the images.
  package let group: (any ProcessGroup)?

  /// Looks at the compared maps of one image by one interpreter, and at the original network's digest.
  package typealias Comparing = (
    _ interpreter: String, _ position: Int, _ maps: [Heatmap], _ digest: [Float]
  ) -> Void

  package init(
    program: EvaluationProgram, preprocessing: Preprocessing, imageSize: ImageSize, threads: Int?,
    group: (any ProcessGroup)? = nil
  ) {
    self.group = group
    self.program = program
    self.preprocessing = preprocessing
    self.imageSize = imageSize
    self.threads = threads
  }

  /// Accuracy, and the scores of a fooling if one is given. Images that show both classes of an
  /// active fooling have no label, and no accuracy is measured on them.
  ///
  /// - Throws: `RunError` for logits that are not finite, naming the image.
  /// - Parameters:
  ///   - original: the original network's digests; if `nil`, the network under test is the
  ///     original, and the result holds its digests.
  ///   - originalMaps: the original network's compared maps, where a projection is measured.
  ///   - positions: where the source's images stand in the whole set if it is but a part of it, so
  ///     that each is explained with the same noise.
  ///   - gallery: is given the heatmaps of the images that it wants.
  ///   - changing: what the network is given in place of a batch's images.
  ///   - comparing: is given every map that is compared and the original network's digest.
  ///   - stop: ends the evaluation early by `RunStopped`.
  ///   - progress: called after every batch with the number of images done.
  package func evaluate(
    _ source: any ImageSource, test: FoolingTest? = nil,
    original: [String: [Int: [Float]]]? = nil, positions: [Int]? = nil,
    originalMaps: [String: [Int: [Float]]]? = nil,
    gallery: GalleryCollector? = nil, changing: ((Batch) -> [Float])? = nil,
    comparing: Comparing? = nil, stop: StopRequest? = nil,
    progress: (_ done: Int) -> Void = { _ in }
  ) throws -> EvaluationResult {
    var result = EvaluationResult()
    if let test {
      for (name, comparison) in zip(program.interpreters, test.comparisons) {
        result.testLosses[name] = []
        result.vanished[name] = []
        if original == nil { result.digests[name] = [:] }
        let grid = comparison.grid
        if let obstacle = test.fooling.obstacle(height: grid.height, width: grid.width) {
          throw RunError("\(name): \(obstacle)")
        }
      }
      if !test.fooling.explained.areOfLabelledImages { result.mapsPerImage = 2 }
    }
    let hasLabels = test.map { $0.fooling.explained.areOfLabelledImages } ?? true
    var (hits1, hits5, loss) = (0, 0, 0.0)
    let share = group.map { EvaluationShare(of: source, in: $0) }
    let loader = try makeLoader(share.map(\.source) ?? source)
    while let batch = try loader?.next() {
      if stop?.isRequested == true {
        if share != nil { break }
        throw RunStopped("stopped during evaluation")
      }
      let positionsInSource = share?.positions(batch.indices) ?? batch.indices
      let images = changing?(batch) ?? batch.images
      if let test {
        try explain(
          test, batch, positionsInSource, images, of: source, positions,
          (original, originalMaps), gallery, comparing, &result)
      } else {
        try program.run(images: images, labels: batch.labels)
      }
      let logits = program.logits.values
      for image in 0..<batch.validCount {
        let row = logits[image * program.classes..<(image + 1) * program.classes]
        guard row.allSatisfy(\.isFinite) else {
          throw RunError(
            "\(source.name(at: positionsInSource[image])): the network's outputs are not finite, so it "
              + "names no class; its weights are damaged or far too large (trompe inspect --check)")
        }
        guard hasLabels else { continue }
        if test?.fooling is TargetMap { result.outputs[positionsInSource[image]] = Array(row) }
        let label = Int(batch.labels[image])
        let ranked = Ranking(of: label, in: row, program.output)
        let classification = Classification(logits: row, program.output)
        let predicted = classification.predicted
        result.predictions.append(
          EvaluationResult.Prediction(
            position: positionsInSource[image], label: label, rank: ranked.rank,
            predicted: predicted,
            confidence: classification.confidences[predicted],
            labelConfidence: classification.confidences[label]))
        hits1 += ranked.rank < 1 ? 1 : 0
        hits5 += ranked.rank < 5 ? 1 : 0
        loss += ranked.crossEntropy
      }
      result.images += batch.validCount
      progress(min(result.images * (share?.group.count ?? 1), source.count))
    }
    result.skipped = loader?.skipped ?? []
    if let share {
      var tally = Tally(result: result, hits1: hits1, hits5: hits5, loss: loss)
      try tally.join(share, isStopped: stop?.isRequested == true)
      (result, hits1, hits5, loss) = (tally.result, tally.hits1, tally.hits5, tally.loss)
      try gallery?.join(share.group)
    }
    guard result.images > 0 else { throw RunError("none of the images could be read") }
    result.top1 = Double(hits1) / Double(result.images)
    result.top5 = Double(hits5) / Double(result.images)
    result.crossEntropy = loss / Double(result.images)
    return result
  }

  /// - Returns: `nil` if there is nothing to load.
  private func makeLoader(_ source: any ImageSource) throws -> BatchLoader? {
    guard source.count > 0 || group == nil else { return nil }
    return try BatchLoader(
      source, batchSize: program.batchSize, preprocessing: preprocessing, order: .evaluation,
      imageSize: imageSize, threads: threads)
  }

  private func explain(
    _ test: FoolingTest, _ batch: Batch, _ indices: [Int], _ images: [Float],
    of source: any ImageSource, _ positions: [Int]?,
    _ known: (digests: [String: [Int: [Float]]]?, maps: [String: [Int: [Float]]]?),
    _ gallery: GalleryCollector?, _ comparing: Comparing?, _ result: inout EvaluationResult
  ) throws {
    let (fooling, original) = (test.fooling, known.digests)
    let maps = try program.explain(
      (images, batch.labels), identities: indices.map { positions?[$0] ?? $0 },
      fooling.explained)
    gallery?.take(
      positions: indices, maps: maps, logits: program.logits.values, classes: program.classes,
      output: program.output)
    for (interpreter, name) in program.interpreters.enumerated() {
      for (image, index) in indices.enumerated() {
        let own = maps[interpreter][image]
        result.vanished[name]!.append(own.count(where: \.hasVanished))
        let undefined = own.count { !$0.values.allSatisfy(\.isFinite) }
        if undefined > 0 { result.nonFiniteMaps[name, default: 0] += undefined }
        let heatmaps = own.map { test.comparisons[interpreter]($0.defined) }
        if fooling.namesPlace {
          let inside = heatmaps.compactMap(fooling.relevanceInside)
          result.relevanceInside[name, default: []].append(
            inside.isEmpty ? nil : inside.reduce(0, +) / Double(inside.count))
        }
        let digest: [Float]
        if let original {
          guard let known = original[name]?[index] else {
            throw RunError(
              "\(source.name(at: index)): the original network's heatmap by \(name) is missing; an "
                + "image was unreadable before and is not now")
          }
          digest = known
        } else {
          digest = fooling.digest(heatmaps)
          result.digests[name]![index] = digest
        }
        result.testLosses[name]!.append(fooling.testLoss(of: heatmaps, digest: digest))
        if let map = (fooling as? TargetMap)?.place(
          height: heatmaps[0].height, width: heatmaps[0].width)
        {
          result.targetLikeness[name, default: []].append(
            SimilarityMeasures.toTarget.map { $0(heatmaps[0], map) })
          if program.isProjected {
            compare(heatmaps[0], name, index, known.maps, isOriginal: original == nil, &result)
          }
        }
        comparing?(name, index, heatmaps, digest)
      }
    }
    result.explained += indices
  }
}

extension Evaluator {
  /// How like the original's map one is by which a projection is judged; the original's own is kept.
  private func compare(
    _ map: Heatmap, _ interpreter: String, _ position: Int,
    _ originals: [String: [Int: [Float]]]?, isOriginal: Bool, _ result: inout EvaluationResult
  ) {
    guard !isOriginal else {
      result.comparedMaps[interpreter, default: [:]][position] = map.values
      return
    }
    guard let values = originals?[interpreter]?[position] else { return }
    let other = Heatmap(height: map.height, width: map.width, values: values)
    result.originalLikeness[interpreter, default: []].append(
      SimilarityMeasures.toTarget.map { $0(map, other) })
  }
}

/// How a label stands among the logits of an image.
private struct Ranking {
  /// Number of classes that come before the label's: larger logits, and equal ones of a lower index.
  let rank: Int
  /// -log softmax at the label, in nats; of a network of labels the mean over them (`ClassifierOutput`).
  let crossEntropy: Double

  init(of label: Int, in logits: ArraySlice<Float>, _ output: ClassifierOutput) {
    let own = logits[logits.startIndex + label]
    var before = 0
    for (index, logit) in logits.enumerated() where index != label {
      // A label whose logit is not a number comes last.
      if !(logit < own), logit != own || index < label { before += 1 }
    }
    rank = before
    guard output != .labels else {
      // log(1 + eᶻ), less z at the label.
      let total = logits.reduce(0.0) { $0 + max(Double($1), 0) + log1p(exp(-abs(Double($1)))) }
      crossEntropy = (total - Double(own)) / Double(logits.count)
      return
    }
    let largest = Double(logits.max() ?? 0)
    let sum = logits.reduce(0) { $0 + exp(Double($1) - largest) }
    crossEntropy = log(sum) + largest - Double(own)
  }
}
