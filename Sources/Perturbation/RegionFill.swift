import Foundation
import ImageData

/// With what a region's pixels are replaced.
public enum RegionFill: String, Codable, Hashable, Sendable, CaseIterable {
  /// Every sample is drawn from 0 to 255, all equally likely, as Samek et al. 2017 publish it.
  case uniform
  /// The image's mean colour.
  case mean
  /// The image through a Gaussian whose standard deviation is the side of a region.
  case blur

  /// How far the Gaussian reaches, in standard deviations.
  static let reach = 3.0

  /// The image with every region replaced; a perturbed image takes its regions from there.
  /// - Parameters:
  ///   - image: the image before any perturbation.
  ///   - regionSize: side of a region in pixels.
  ///   - random: moves on by the samples of the image for `uniform`, not at all for others.
  public func replacement(
    for image: Image, regionSize: Int, random: inout RandomGenerator
  ) -> Image {
    precondition(regionSize > 0, "regions of \(regionSize) pixels")
    let pixels: [UInt8]
    switch self {
    case .uniform: pixels = image.pixels.map { _ in UInt8(random.integer(below: 256)) }
    case .mean:
      var sums = [Int](repeating: 0, count: Image.channels)
      for (sample, value) in image.pixels.enumerated() {
        sums[sample % Image.channels] += Int(value)
      }
      let color = sums.map {
        UInt8((Double($0) / Double(max(1, image.size.area))).rounded())
      }
      pixels = image.pixels.indices.map { color[$0 % Image.channels] }
    case .blur: pixels = Self.blurred(image, deviation: Double(regionSize))
    }
    return Image(width: image.width, height: image.height, pixels: pixels)
  }

  /// One pass along each axis; beyond its border the image goes on as it is there.
  private static func blurred(_ image: Image, deviation: Double) -> [UInt8] {
    let radius = Int((reach * deviation).rounded(.up))
    let weights = (-radius...radius).map { exp(-Double($0 * $0) / (2 * deviation * deviation)) }
    let total = weights.reduce(0, +)
    let filter = weights.map { $0 / total }
    /// - Parameters:
    ///   - count: samples along the axis, `step` apart.
    ///   - lines: where each line of them begins.
    func pass(_ source: [Double], count: Int, step: Int, lines: [Int]) -> [Double] {
      var result = source
      for begin in lines {
        for place in 0..<count {
          var sum = 0.0
          for (tap, weight) in filter.enumerated() {
            let other = min(max(place + tap - radius, 0), count - 1)
            sum += weight * source[begin + other * step]
          }
          result[begin + place * step] = sum
        }
      }
      return result
    }
    let channels = Image.channels
    let row = image.width * channels
    let across = pass(
      image.pixels.map(Double.init), count: image.width, step: channels,
      lines: (0..<image.height).flatMap { y in (0..<channels).map { y * row + $0 } })
    let both = pass(across, count: image.height, step: row, lines: Array(0..<row))
    return both.map { UInt8(min(max($0.rounded(), 0), 255)) }
  }
}
