import Foundation
import ImageData
import Pictures
import Testing

@Suite struct ColorMapTests {
  private func color(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> Image.Pixel {
    Image.Pixel(red: red, green: green, blue: blue)
  }

  /// Values of matplotlib 3.11.
  @Test func perceptualMapsAreThePublishedOnes() {
    for (map, first, quarter, middle, last) in [
      (ColorMap.viridis, (68, 1, 84), (59, 82, 139), (33, 145, 140), (253, 231, 37)),
      (ColorMap.inferno, (0, 0, 4), (87, 16, 110), (188, 55, 84), (252, 255, 164)),
    ] {
      for (index, expected) in [(0, first), (64, quarter), (128, middle), (255, last)] {
        #expect(
          map.colors[index] == color(UInt8(expected.0), UInt8(expected.1), UInt8(expected.2)),
          "\(map.name) at \(index)")
      }
    }
  }

  /// CIELAB's L of an sRGB colour.
  private func lightness(_ color: Image.Pixel) -> Double {
    let linear = [color.red, color.green, color.blue].map { sample -> Double in
      let value = Double(sample) / 255
      return value > 0.04045 ? pow((value + 0.055) / 1.055, 2.4) : value / 12.92
    }
    let y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return y > 0.008856 ? 116 * cbrt(y) - 16 : 903.3 * y
  }

  @Test(arguments: ColorMap.sequential)
  func lightnessGrowsWithTheValue(map: ColorMap) {
    let steps = map.colors.map(lightness)
    // Rounding to 8 bits moves L by up to half a unit.
    #expect(zip(steps, steps.dropFirst()).allSatisfy { $1 > $0 - 0.5 })
    #expect(steps[255] - steps[0] > 70)
  }

  /// Moreland's table, as matplotlib has it in "coolwarm"; the tables interpolate 33 anchors.
  @Test func divergingMapIsMorelands() {
    for (index, expected) in [
      (0, (59, 76, 192)), (64, (141, 176, 254)), (127, (220, 221, 221)), (192, (244, 152, 122)),
      (255, (180, 4, 38)),
    ] {
      let found = ColorMap.coolWarm.colors[index]
      for (a, b) in [
        (found.red, expected.0), (found.green, expected.1), (found.blue, expected.2),
      ] {
        #expect(abs(Int(a) - b) <= 2, "\(index): \(found), expected \(expected)")
      }
    }
  }

  @Test func colorsOutsideTheRangeAreThoseOfItsEnds() {
    let map = ColorMap.viridis
    for value: Float in [-1, 0, -.infinity, .nan] { #expect(map.color(of: value) == map.colors[0]) }
    for value: Float in [1, 7, .infinity] { #expect(map.color(of: value) == map.colors[255]) }
    #expect(map.color(of: 0.5) == map.colors[128])
  }
}
