import ImageData

/// Does a heatmap's relevance add up to what the network loses?
///
/// Pearson's correlation over random subsets S of the samples between Σ_{i∈S} h_i and f(x) − f(x_S), f the
/// logit of the label, x_S the image whose samples in S are as dark as its darkest one. In [−1, 1], higher
/// is better. Bhatt, Weller, Moura 2020; Quantus's `FaithfulnessCorrelation`.
/// - Note: every channel of a pixel has the relevance of the pixel.
public struct FaithfulnessCorrelation: HeatmapMetric {
  public static let standardRuns = 100  // Quantus
  public static let standardSubset = 224  // Quantus

  /// Subsets of each image.
  public let runs: Int
  /// |S|, in samples: a pixel of three channels has three.
  public let subset: Int

  public init(runs: Int = standardRuns, subset: Int = standardSubset) {
    (self.runs, self.subset) = (runs, subset)
  }

  public func cost(_ size: ImageSize, layers: Int) -> MetricCost {
    MetricCost(classifications: runs + 1)
  }

  public func obstacle(_ size: ImageSize, channels: Int) -> String? {
    subset < size.area * channels
      ? nil
      : "subsets of \(subset) samples, but an image has \(size.area * channels); give a smaller subset"
  }

  public func result(
    of images: ExplainedImages, by network: any MetricNetwork, seed: UInt64
  ) throws -> MetricResult {
    let subsets = images.identities.map { identity in
      var random = RandomGenerator(seed: seed, MetricStream.subsets.rawValue, identity)
      var features = Array(0..<images.sampleCount)
      // The first of a permutation; where it begins does not matter to the next one.
      return (0..<runs).map { _ in
        for place in 0..<subset {
          features.swapAt(place, place + random.integer(below: features.count - place))
        }
        return Array(features[..<subset])
      }
    }
    return try result(of: images, by: network) { subsets[$0][$1] }
  }

  /// The same with given subsets.
  /// - Parameters:
  ///   - images: with their heatmaps.
  ///   - network: that the heatmaps are of.
  ///   - subsets: positions in [H, W, C] by image and run.
  public func result(
    of images: ExplainedImages, by network: any MetricNetwork,
    subsets: @escaping (_ image: Int, _ run: Int) -> [Int]
  ) throws -> MetricResult {
    let black = (0..<images.count).map(images.black)
    // The image as it is comes first.
    let versions = PerturbedImages(of: images, versions: runs + 1) { image, version, samples in
      guard version > 0 else { return }
      for sample in subsets(image, version - 1) { samples[sample] = black[image] }
    }
    var logits: [Double] = []
    try network.classify(versions) { logits.append($1.logit) }
    let scores = (0..<images.count).map { image in
      let clean = logits[image * (runs + 1)]
      let map = images.heatmaps[image].values
      return pearson(
        (0..<runs).map { run in
          subsets(image, run).reduce(0.0) { $0 + Double(map[$1 / images.channels]) }
        },
        (0..<runs).map { clean - logits[image * (runs + 1) + 1 + $0] })
    }
    return MetricResult(scores)
  }
}

/// Pearson's correlation; `nil` if either side is constant.
func pearson(_ a: [Double], _ b: [Double]) -> Double? {
  let count = Double(a.count)
  let (mean, other) = (a.reduce(0, +) / count, b.reduce(0, +) / count)
  var (ab, aa, bb) = (0.0, 0.0, 0.0)
  for (x, y) in zip(a, b) {
    ab += (x - mean) * (y - other)
    aa += (x - mean) * (x - mean)
    bb += (y - other) * (y - other)
  }
  return aa > 0 && bb > 0 ? ab / (aa.squareRoot() * bb.squareRoot()) : nil
}
