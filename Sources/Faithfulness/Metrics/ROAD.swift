import Foundation
import ImageData

/// Does the network still know the class when the most relevant pixels are gone without a trace?
///
/// The share of images whose label is still predicted after the most relevant p % of the pixels are filled
/// by noisy linear imputation, and its mean over p = 1, 3, …, 99. In [0, 1], lower is better. Rong et al.
/// 2022 (remove and debias); Quantus's `ROAD`.
/// - Note: Quantus takes the share of the first batch only, and version 0.6 fails for images of several
///   channels with one map; here all images count, and pixels are taken with all their channels.
public struct ROAD: HeatmapMetric {
  public static let standardPercentages = stride(from: 1.0, to: 100, by: 2).map(\.self)  // Quantus
  public static let standardNoise = 0.01  // Quantus

  /// How much of an image is filled, in percent.
  public let percentages: [Double]
  /// Standard deviation of what is added to filled samples.
  public let noise: Double

  public init(percentages: [Double] = standardPercentages, noise: Double = standardNoise) {
    (self.percentages, self.noise) = (percentages, noise)
  }

  public func cost(_ size: ImageSize, layers: Int) -> MetricCost {
    MetricCost(classifications: percentages.count)
  }

  /// Pixels of a share of the image, rounded down as Quantus does.
  private func pixels(_ percentage: Double, of size: ImageSize) -> Int {
    Int(Double(size.area) * percentage / 100)
  }

  public func obstacle(_ size: ImageSize, channels: Int) -> String? {
    guard let most = percentages.max(), pixels(most, of: size) >= size.area else { return nil }
    return
      "\(most) % of an image are all of it, so nothing is left to fill it from; give less than 100"
  }

  public func result(
    of images: ExplainedImages, by network: any MetricNetwork, seed: UInt64
  ) throws -> MetricResult {
    try result(of: images, by: network) { image, percentage, count in
      var random = RandomGenerator(
        seed: seed, MetricStream.imputation.rawValue, images.identities[image], percentage)
      return (0..<count).map { _ in Float(random.normal()) }
    }
  }

  /// The same with given noise.
  /// - Parameters:
  ///   - images: with their heatmaps.
  ///   - network: that the heatmaps are of.
  ///   - noise: `count` standard normal numbers by image and position among the percentages: of the pixels
  ///     in the order of their relevance, [C, pixels].
  public func result(
    of images: ExplainedImages, by network: any MetricNetwork,
    noise: @escaping @Sendable (_ image: Int, _ percentage: Int, _ count: Int) -> [Float]
  ) throws -> MetricResult {
    var rows = [[Double?]](repeating: [], count: images.count)
    // A group at a time, so that the filled images of a large set need not be held at once.
    for begin in stride(from: 0, to: images.count, by: Self.group) {
      let group = begin..<min(begin + Self.group, images.count)
      let filled = fill(group, of: images, noise: noise)
      let part = images.part(group)
      let versions = PerturbedImages(of: part, versions: percentages.count) {
        image, place, samples in
        _ = samples.update(fromContentsOf: filled[image * percentages.count + place])
      }
      try network.classify(versions) { index, output in
        rows[begin + index / percentages.count].append(output.isPredicted ? 1 : 0)
      }
    }
    return MetricResult(
      rows.map(MetricResult.mean),
      curve: MetricResult.curve(
        rows, percentages.map { (String(format: "%g %%", $0), $0 / 100) }))
  }

  private static let group = 16

  /// Images in the order of `group`, each with all percentages.
  private func fill(
    _ group: Range<Int>, of images: ExplainedImages,
    noise: @Sendable (_ image: Int, _ percentage: Int, _ count: Int) -> [Float]
  ) -> [[Float]] {
    let size = images.size
    let counts = percentages.map { pixels($0, of: size) }
    nonisolated(unsafe) var filled = [[Float]](
      repeating: [], count: group.count * percentages.count)
    filled.withUnsafeMutableBufferPointer { target in
      nonisolated(unsafe) let target = target
      DispatchQueue.concurrentPerform(iterations: group.count) { row in
        let image = group.lowerBound + row
        let order = images.pixelsByRelevance(of: image)
        var imputation = LinearImputation(
          Array(images.samples(of: image)), size: size, channels: images.channels)
        // Solutions of fewer pixels are good beginnings.
        for place in counts.indices.sorted(by: { counts[$0] < counts[$1] }) {
          let pixels = order[..<counts[place]]
          let numbers = noise(image, place, pixels.count * images.channels)
          var samples = imputation.filled(pixels)
          for channel in 0..<images.channels {
            for (index, pixel) in pixels.enumerated() {
              samples[pixel * images.channels + channel] +=
                Float(self.noise) * numbers[channel * pixels.count + index]
            }
          }
          target[row * percentages.count + place] = samples
        }
      }
    }
    return filled
  }
}

extension ExplainedImages {
  /// Some of the images.
  func part(_ range: Range<Int>) -> ExplainedImages {
    ExplainedImages(
      samples: Array(samples[range.lowerBound * sampleCount..<range.upperBound * sampleCount]),
      size: size, labels: Array(labels[range]), heatmaps: Array(heatmaps[range]),
      identities: Array(identities[range]))
  }
}
