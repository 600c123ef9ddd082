import Foundation
import ImageData

/// 256 colours for values from the smallest to the largest.
public struct ColorMap: Hashable, Sendable {
  public let name: String
  public let colors: [Image.Pixel]

  /// Dark violet, green, yellow: lightness grows evenly with the value.
  public static let viridis = ColorMap(name: "viridis", hexadecimal: PerceptualColors.viridis)
  /// Black, violet, orange, light yellow: lightness grows evenly with the value.
  public static let inferno = ColorMap(name: "inferno", hexadecimal: PerceptualColors.inferno)
  /// Blue below, gray at, red above zero.
  public static let coolWarm = ColorMap(
    name: "cool-warm",
    colors: (0..<256).map { DivergingColors.coolWarm(at: Double($0) / 255) })

  /// For relevance that is never negative.
  public static let sequential: [ColorMap] = [.inferno, .viridis]

  /// The colour of a value in [0, 1]; values outside have that of the nearest end.
  public func color(of value: Float) -> Image.Pixel {
    guard value > 0 else { return colors[0] }  // NaN too
    return colors[min(255, Int((min(value, 1) * 255).rounded()))]
  }

  private init(name: String, colors: [Image.Pixel]) {
    precondition(colors.count == 256, "\(name) has \(colors.count) colours")
    (self.name, self.colors) = (name, colors)
  }

  private init(name: String, hexadecimal: String) {
    let digits = hexadecimal.utf8.map { UInt8($0 < 58 ? $0 - 48 : $0 - 87) }
    let samples = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    self.init(
      name: name,
      colors: stride(from: 0, to: samples.count, by: 3).map {
        Image.Pixel(red: samples[$0], green: samples[$0 + 1], blue: samples[$0 + 2])
      })
  }
}
