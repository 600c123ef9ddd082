import Foundation
import ImageData

/// How does the probability of the label change as pixels are taken or given, the most relevant first?
///
/// Petsiuk, Das, Saenko 2018, Section 4.1, and their released code.
public struct PixelCurve: HeatmapMetric {
  public enum Direction: Hashable, Sendable {
    /// From the image to the fill: a faithful heatmap makes the probability fall fast.
    case deletion
    /// From the fill to the image: a faithful heatmap makes it rise fast.
    case insertion
  }
  /// What stands where a pixel is missing.
  public enum Fill: String, Codable, Hashable, Sendable, CaseIterable {
    /// 0 of the preprocessed input: the mean colour, where the preprocessing subtracts one.
    case zero
    /// The image's darkest sample: that of Quantus's `PixelFlipping`.
    case black
    /// The image through a Gaussian of 11 taps and σ = 5 pixels.
    case blur
  }

  public let direction: Direction
  /// Pixels that change at once; a row of the image if `nil`.
  public let step: Int?
  public let fill: Fill

  /// - Parameters:
  ///   - direction: whether pixels are taken or given.
  ///   - step: pixels that change at once; as many as a row has if `nil`.
  ///   - fill: what stands where a pixel is missing; that of the released code if `nil`: 0 for deletion,
  ///     a blurred image for insertion.
  public init(_ direction: Direction, step: Int? = nil, fill: Fill? = nil) {
    (self.direction, self.step) = (direction, step)
    self.fill = fill ?? (direction == .deletion ? .zero : .blur)
  }

  private func pixels(atOnce size: ImageSize) -> Int { min(step ?? size.width, size.area) }

  private func steps(_ size: ImageSize) -> Int {
    (size.area + pixels(atOnce: size) - 1) / pixels(atOnce: size)
  }

  public func cost(_ size: ImageSize, layers: Int) -> MetricCost {
    MetricCost(classifications: steps(size) + 1)
  }

  /// The area under the curve of the label's probability over the share of pixels that have changed, by
  /// the trapezoidal rule: in [0, 1]; of deletion lower is better, of insertion higher.
  public func result(
    of images: ExplainedImages, by network: any MetricNetwork, seed: UInt64
  ) throws -> MetricResult {
    let (count, pixels) = (steps(images.size), pixels(atOnce: images.size))
    let orders = (0..<images.count).map(images.pixelsByRelevance)
    let fills = (0..<images.count).map { fill(of: $0, in: images) }
    let channels = images.channels
    let versions = PerturbedImages(of: images, versions: count + 1) { image, step, samples in
      let changed = min(step * pixels, images.size.area)
      let missing =
        direction == .deletion ? orders[image][..<changed] : orders[image][changed...]
      for pixel in missing {
        for sample in pixel * channels..<(pixel + 1) * channels {
          samples[sample] = fills[image][sample]
        }
      }
    }
    var probabilities: [Double] = []
    try network.classify(versions) { probabilities.append($1.probability) }
    let rows = (0..<images.count).map {
      Array(probabilities[$0 * (count + 1)..<($0 + 1) * (count + 1)])
    }
    return MetricResult(
      rows.map(Self.area),
      curve: MetricResult.curve(
        rows,
        (0...count).map {
          let share = Double(min($0 * pixels, images.size.area)) / Double(images.size.area)
          return (String(format: "%.4g", share), share)
        }))
  }

  /// (Σ p − p_0/2 − p_n/2)/n, steps being of one length.
  static func area(_ curve: [Double]) -> Double {
    (curve.reduce(0, +) - curve[0] / 2 - curve[curve.count - 1] / 2) / Double(curve.count - 1)
  }

  private func fill(of image: Int, in images: ExplainedImages) -> [Float] {
    switch fill {
    case .zero: [Float](repeating: 0, count: images.sampleCount)
    case .black: [Float](repeating: images.black(of: image), count: images.sampleCount)
    case .blur:
      Self.blurred(
        Array(images.samples(of: image)), size: images.size, channels: images.channels)
    }
  }

  private static let taps = 11
  private static let deviation = 5.0

  /// Weights of the released code: an impulse of 11 taps through a Gaussian of σ = 5 that is cut off at 4σ
  /// and reflected at the ends of the taps.
  package static let kernel: [Double] = {
    let reach = Int((4 * deviation).rounded())
    let weights = (-reach...reach).map { exp(-Double($0 * $0) / (2 * deviation * deviation)) }
    let total = weights.reduce(0, +)
    return (0..<taps).map { tap in
      (-reach...reach).reduce(0.0) { sum, offset in
        // … 1 0 | 0 1 … n−1 | n−1 n−2 …
        let place = (((tap + offset) % (2 * taps)) + 2 * taps) % (2 * taps)
        let source = place < taps ? place : 2 * taps - 1 - place
        return source == taps / 2 ? sum + weights[offset + reach] / total : sum
      }
    }
  }()

  /// Beyond the image there is 0, as in the released code.
  package static func blurred(_ samples: [Float], size: ImageSize, channels: Int) -> [Float] {
    let half = taps / 2
    func pass(_ source: [Double], length: Int, stride: Int) -> [Double] {
      var target = [Double](repeating: 0, count: source.count)
      for place in source.indices {
        let position = place / stride % length
        for tap in max(0, half - position)..<min(taps, length - position + half) {
          target[place] += kernel[tap] * source[place + (tap - half) * stride]
        }
      }
      return target
    }
    let across = pass(samples.map(Double.init), length: size.width, stride: channels)
    return pass(across, length: size.height, stride: size.width * channels).map(Float.init)
  }
}
