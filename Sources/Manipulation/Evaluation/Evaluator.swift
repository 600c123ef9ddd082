import Foundation
import ImageData
import Networks
import Pictures
import TensorCPU

/// What one network does on one set of images.
public struct EvaluationResult: Hashable, Sendable {
  /// Images that were read.
  public var images = 0
  /// Share of images whose label has the largest logit, or one of the five largest.
  public var top1 = 0.0
  public var top5 = 0.0
  /// Mean over the images, in nats.
  public var crossEntropy = 0.0
  /// Of every image whose label was looked for, in the order of reading: how many classes come before
  /// the label's.
  public var labelRanks: [Int] = []
  /// t_i of every explained image, by interpreter.
  public var testLosses: [String: [Double]] = [:]
  /// Position in the source of every explained image, in the order of `testLosses`.
  public var explained: [Int] = []
  /// Share of the explained images' heatmaps without any relevance, by interpreter. Of the two maps
  /// of an image in active fooling each counts.
  public var vanishedMaps: [String: Double] = [:]
  /// What the fooling keeps of the original network's heatmaps: by interpreter, then by position.
  public var digests: [String: [Int: [Float]]] = [:]
  public var skipped: [SkippedImage] = []

  /// Fooling success rate by interpreter: the share of images with a test loss in `range`.
  public func fsr(_ range: ClosedRange<Double>) -> [String: Double] {
    testLosses.mapValues { losses in
      losses.isEmpty ? 0 : Double(losses.count { range.contains($0) }) / Double(losses.count)
    }
  }
}

/// Runs an evaluation program over a set of images.
struct Evaluator {
  let program: EvaluationProgram
  let preprocessing: Preprocessing
  let imageSize: ImageSize
  let threads: Int?

  /// Accuracy, and the test losses of a fooling if one is given. Images that show both classes of an
  /// active fooling have no label, and no accuracy is measured on them.
  ///
  /// - Parameters:
  ///   - original: the original network's digests; if `nil`, the network under test is the
  ///     original, and the result holds its digests.
  ///   - positions: where the source's images stand in the whole set if it is but a part of it, so
  ///     that each is explained with the same noise.
  ///   - gallery: is given the heatmaps of the images that it wants.
  ///   - changing: what the network is given in place of a batch's images.
  ///   - stop: ends the evaluation early by `RunStopped`.
  ///   - progress: called after every batch with the number of images done.
  func evaluate(
    _ source: any ImageSource, fooling: (any Fooling)? = nil,
    original: [String: [Int: [Float]]]? = nil, positions: [Int]? = nil,
    gallery: GalleryCollector? = nil, changing: ((Batch) -> [Float])? = nil,
    stop: StopRequest? = nil, progress: (_ done: Int) -> Void = { _ in }
  ) throws -> EvaluationResult {
    let loader = try BatchLoader(
      source, batchSize: program.batchSize, preprocessing: preprocessing, order: .evaluation,
      imageSize: imageSize, threads: threads)
    var result = EvaluationResult()
    if fooling != nil {
      for name in program.interpreters {
        result.testLosses[name] = []
        if original == nil { result.digests[name] = [:] }
      }
    }
    let hasLabels = fooling.map { $0.explained == .labels } ?? true
    var (hits1, hits5, loss) = (0, 0, 0.0)
    var relevance = RelevanceCount()
    while let batch = try loader.next() {
      if stop?.isRequested == true { throw RunStopped("stopped during evaluation") }
      let images = changing?(batch) ?? batch.images
      if let fooling {
        try test(
          fooling, batch, images, of: source, positions, original, gallery, &result, &relevance)
      } else {
        try program.run(images: images, labels: batch.labels)
      }
      let logits = hasLabels ? program.logits.values : []
      for image in 0..<(hasLabels ? batch.validCount : 0) {
        let row = logits[image * program.classes..<(image + 1) * program.classes]
        let ranked = Ranking(of: Int(batch.labels[image]), in: row)
        result.labelRanks.append(ranked.rank)
        hits1 += ranked.rank < 1 ? 1 : 0
        hits5 += ranked.rank < 5 ? 1 : 0
        loss += ranked.crossEntropy
      }
      result.images += batch.validCount
      progress(result.images)
    }
    result.skipped = loader.skipped
    guard result.images > 0 else { throw RunError("none of the images could be read") }
    result.top1 = Double(hits1) / Double(result.images)
    result.top5 = Double(hits5) / Double(result.images)
    result.crossEntropy = loss / Double(result.images)
    result.vanishedMaps = relevance.vanishedShares
    return result
  }

  private func test(
    _ fooling: any Fooling, _ batch: Batch, _ images: [Float], of source: any ImageSource,
    _ positions: [Int]?,
    _ original: [String: [Int: [Float]]]?, _ gallery: GalleryCollector?,
    _ result: inout EvaluationResult, _ relevance: inout RelevanceCount
  ) throws {
    let maps = try program.explain(
      (images, batch.labels), identities: batch.indices.map { positions?[$0] ?? $0 },
      fooling.explained)
    gallery?.take(
      positions: batch.indices, maps: maps, logits: program.logits.values, classes: program.classes)
    for (interpreter, name) in program.interpreters.enumerated() {
      for (image, index) in batch.indices.enumerated() {
        relevance.add(maps[interpreter][image], by: name)
        let heatmaps = maps[interpreter][image].map(\.defined)
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
      }
    }
    result.explained += batch.indices
  }
}

/// How many heatmaps there were, and how many of them without relevance.
private struct RelevanceCount {
  private var counts: [String: (maps: Int, vanished: Int)] = [:]

  mutating func add(_ maps: [Heatmap], by interpreter: String) {
    counts[interpreter, default: (0, 0)].maps += maps.count
    counts[interpreter]!.vanished += maps.count(where: \.hasVanished)
  }

  /// By interpreter.
  var vanishedShares: [String: Double] {
    counts.mapValues { Double($0.vanished) / Double(max($0.maps, 1)) }
  }
}

extension Heatmap {
  /// 0 everywhere if there are entries that are not finite: tested as a map without relevance.
  var defined: Heatmap {
    hasVanished
      ? Heatmap(height: height, width: width, values: [Float](repeating: 0, count: values.count))
      : self
  }
}

/// How a label stands among the logits of an image.
private struct Ranking {
  /// Number of classes that come before the label's: larger logits, and equal ones of a lower index.
  let rank: Int
  /// -log softmax at the label, in nats.
  let crossEntropy: Double

  init(of label: Int, in logits: ArraySlice<Float>) {
    let own = logits[logits.startIndex + label]
    var before = 0
    for (index, logit) in logits.enumerated() where index != label {
      // A label whose logit is not a number comes last.
      if !(logit < own), logit != own || index < label { before += 1 }
    }
    rank = before
    let largest = Double(logits.max() ?? 0)
    let sum = logits.reduce(0) { $0 + exp(Double($1) - largest) }
    crossEntropy = log(sum) + largest - Double(own)
  }
}
