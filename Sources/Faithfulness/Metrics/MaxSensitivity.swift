import ImageData

/// How far does a heatmap move when the image hardly does?
///
/// max over samples of ‖h(x) − h(x + δ)‖/‖h(x)‖, δ uniform in ±radius for every sample of the network's
/// input. At least 0, lower is better. Yeh et al. 2019; Quantus's `MaxSensitivity`.
/// - Note: `radius` is in units of the preprocessed input, as in Quantus.
public struct MaxSensitivity: HeatmapMetric {
  public static let standardSamples = 200  // Quantus
  public static let standardRadius = 0.2  // Quantus

  public let samples: Int
  public let radius: Double

  public init(samples: Int = standardSamples, radius: Double = standardRadius) {
    (self.samples, self.radius) = (samples, radius)
  }

  public func cost(_ size: ImageSize, layers: Int) -> MetricCost {
    MetricCost(explanations: samples)
  }

  public func result(
    of images: ExplainedImages, by network: any MetricNetwork, seed: UInt64
  ) throws -> MetricResult {
    try result(of: images, by: network) { image, sample, noise in
      var random = RandomGenerator(
        seed: seed, MetricStream.noise.rawValue, images.identities[image], sample)
      // 24 bits are as many as a float keeps.
      for place in noise.indices {
        noise[place] = Float(radius * (Double(random.next() >> 40) * 0x1p-23 - 1))
      }
    }
  }

  /// The same with given noise.
  /// - Parameters:
  ///   - images: with their heatmaps.
  ///   - network: that the heatmaps are of.
  ///   - noise: fills in what is added to an image, [H, W, C], by image and sample.
  public func result(
    of images: ExplainedImages, by network: any MetricNetwork,
    noise: @escaping (_ image: Int, _ sample: Int, UnsafeMutableBufferPointer<Float>) -> Void
  ) throws -> MetricResult {
    let versions = PerturbedImages(of: images, versions: samples) { image, sample, target in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: target.count) { added in
        noise(image, sample, added)
        for place in target.indices { target[place] += added[place] }
      }
    }
    let lengths = images.heatmaps.map { length($0.values, nil) }
    var largest = [Double](repeating: 0, count: images.count)
    try network.explain(versions) { index, heatmap in
      let image = index / samples
      let moved = heatmap.finite.resizedBilinearly(to: images.size)
      largest[image] = max(largest[image], length(images.heatmaps[image].values, moved.values))
    }
    return MetricResult(zip(largest, lengths).map { $1 > 0 ? $0 / $1 : nil })
  }
}

/// ‖a − b‖, or ‖a‖.
private func length(_ a: [Float], _ b: [Float]?) -> Double {
  var sum = 0.0
  if let b {
    for (x, y) in zip(a, b) { sum += Double(x - y) * Double(x - y) }
  } else {
    for x in a { sum += Double(x) * Double(x) }
  }
  return sum.squareRoot()
}
