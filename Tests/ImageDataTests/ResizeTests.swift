import ImageData
import TestSupport
import Testing

/// The picture that tools/make_image_fixtures.py calls `pattern`.
func pattern(width: Int, height: Int) -> Image {
  var pixels: [UInt8] = []
  for y in 0..<height {
    for x in 0..<width {
      for c in 0..<3 {
        pixels.append(
          UInt8(truncatingIfNeeded: x * x * 7 + y * 13 * (c + 1) + x * y * (3 + c) + c * 50))
      }
    }
  }
  return Image(width: width, height: height, pixels: pixels)
}

private func check(_ image: Image, against expected: Fixtures.Picture, _ name: String) {
  #expect(image.size == ImageSize(width: expected.width, height: expected.height))
  #expect(crc32(image.pixels) == expected.crc32, "\(name) itself")
  for result in expected.resized {
    let box = result.box.map { SourceBox(left: $0[0], top: $0[1], right: $0[2], bottom: $0[3]) }
    let size = ImageSize(width: result.width, height: result.height)
    #expect(
      crc32(image.resized(to: size, box: box).pixels) == result.crc32,
      "\(name) to \(size), box \(String(describing: box))")
  }
}

@Suite struct ResizeTests {
  @Test func patternEqualsPillowsBitForBit() throws {
    let expected = try Fixtures.decode(Fixtures.Pillow.self, from: "pillow.json").pattern
    #expect(expected.resized.count == 13)
    check(pattern(width: 97, height: 61), against: expected, "pattern")
  }

  @Test(.enabled(if: Shared.isThere, "needs ../shared"))
  func photographsEqualPillowsBitForBit() throws {
    let photographs = try Fixtures.decode(Fixtures.Pillow.self, from: "pillow.json").photographs
    for (path, expected) in photographs {
      #expect(expected.resized.count == 4)
      check(try Image(contentsOf: Shared.data(path)), against: expected, path)
    }
  }

  /// Halving 4 pixels: the triangle of radius 2 around 1 weighs the centres 0.5, 1.5, 2.5 by
  /// 3 : 3 : 1, so 0, 70, 140, 210 become (0 + 210 + 140) / 7 and its mirror image.
  @Test func halvingUsesATriangleOfTwicePixelWidth() {
    let row: [UInt8] = [0, 70, 140, 210].flatMap { [$0, $0, $0] }
    let result = Image(width: 4, height: 1, pixels: row)
      .resized(to: ImageSize(width: 2, height: 1))
    #expect(result.pixels == [50, 50, 50, 160, 160, 160])
  }

  /// Doubling 2 pixels: interpolation at 0.25, 0.75, 1.25, 1.75, clamped at the ends.
  @Test func doublingInterpolates() {
    let result = Image(width: 1, height: 2, pixels: [0, 0, 0, 100, 200, 40])
      .resized(to: ImageSize(width: 1, height: 4))
    #expect(result.pixels == [0, 0, 0, 25, 50, 10, 75, 150, 30, 100, 200, 40])
  }

  @Test func aConstantStaysConstant() {
    let white = Image(width: 33, height: 21, color: .white)
    for size in [(1, 1), (7, 50), (100, 3)] {
      #expect(
        white.resized(to: ImageSize(width: size.0, height: size.1))
          == Image(width: size.0, height: size.1, color: .white))
    }
  }

  @Test func cropFlipAndPad() {
    let image = pattern(width: 7, height: 5)
    let crop = image.cropped(x: 2, y: 1, to: ImageSize(width: 3, height: 4))
    let flipped = image.flippedHorizontally()
    let padded = image.padded(by: 2)
    #expect(padded.size == ImageSize(width: 11, height: 9))
    for y in 0..<4 {
      for x in 0..<3 { #expect(crop[x, y] == image[x + 2, y + 1]) }
    }
    for y in 0..<5 {
      for x in 0..<7 { #expect(flipped[x, y] == image[6 - x, y]) }
    }
    for y in 0..<9 {
      for x in 0..<11 {
        let inside = (2..<9).contains(x) && (2..<7).contains(y)
        #expect(padded[x, y] == (inside ? image[x - 2, y - 2] : .black))
      }
    }
  }
}
