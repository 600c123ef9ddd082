import Foundation
import ImageData
import TestSupport
import Testing

@Suite struct DecodingTests {
  /// Every kind of file gives the pixels that Pillow gives.
  @Test(arguments: [
    "rgb.png", "gray.png", "bilevel.png", "palette.png", "palette-transparent.png", "rgba.png",
    "gray-alpha.png", "gray16.png", "444.jpg", "422.jpg", "420.jpg", "progressive.jpg", "gray.jpg",
    "cmyk.jpg", "lossy.webp", "lossless.webp", "alpha.webp", "rgb.bmp", "palette.bmp", "gray.bmp",
    "rgba.bmp",
  ])
  func pixelsEqualPillows(file: String) throws {
    let expected = try #require(
      try Fixtures.decode([String: Fixtures.File].self, from: "files.json")[file])
    let image = try Image(contentsOf: Fixtures.path(file))
    #expect(image.size == ImageSize(width: expected.width, height: expected.height))
    #expect(crc32(image.pixels) == expected.crc32)
  }

  @Test(.enabled(if: Shared.isThere, "needs ../shared"))
  func photographsEqualPillows() throws {
    let photographs = try Fixtures.decode(Fixtures.Pillow.self, from: "pillow.json").photographs
    #expect(photographs.count == 5)
    for (path, expected) in photographs {
      let image = try Image(contentsOf: Shared.data(path))
      #expect(image.size == ImageSize(width: expected.width, height: expected.height))
      for point in expected.pixels {
        let pixel = image[point.x, point.y]
        #expect([pixel.red, pixel.green, pixel.blue] == point.rgb, "\(path) at \(point)")
      }
      #expect(crc32(image.pixels) == expected.crc32, "\(path)")
    }
  }

  @Test func formatIsDecidedByContentAndNotByName() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/really-a-png.JPEG"
      try Data(Fixtures.bytes("rgb.png")).write(to: URL(fileURLWithPath: path))
      #expect(try Image(contentsOf: path) == Image(contentsOf: Fixtures.path("rgb.png")))
    }
  }

  @Test func grayValuesEqualPillows() throws {
    let expected = try Fixtures.decode([String: String].self, from: "gray.json")["crc32"]
    #expect(crc32(pattern(width: 97, height: 61).luma) == expected)
  }

  /// A bottom-up file whose rows are put in the other order under a negative height is the same image.
  @Test func topRowMayComeFirstInBMP() throws {
    let bytes = try Fixtures.bytes("rgb.bmp")
    let image = try Image(decoding: bytes, name: "rgb.bmp")
    let rowSize = (3 * image.width + 3) / 4 * 4
    var turned = Array(bytes[..<54])
    turned.replaceSubrange(22..<26, with: [0xDE, 0xFF, 0xFF, 0xFF])  // -34
    for row in (0..<image.height).reversed() {
      turned += bytes[54 + row * rowSize..<54 + (row + 1) * rowSize]
    }
    #expect(try Image(decoding: turned, name: "turned.bmp") == image)
  }

  @Test func imagesThatAreNotReadAreCalledByTheirFormat() throws {
    func reason(_ bytes: [UInt8]) -> String? {
      #expect(throws: ImageError.self) { try Image(decoding: bytes, name: "") }?.reason
    }
    let readable = "JPEG, PNG, WebP and BMP files are read"
    #expect(reason(Array("GIF89a".utf8)) == "a file in GIF format; \(readable)")
    #expect(reason([0x49, 0x49, 0x2A, 0, 8, 0, 0, 0]) == "a file in TIFF format; \(readable)")
    #expect(
      reason([0, 0, 0, 0x1C] + Array("ftypavif".utf8)) == "a file in AVIF format; \(readable)")
    #expect(
      reason(try Fixtures.bytes("animated.webp"))
        == "an animated WebP file; only still images are read")
    var compressed = try Fixtures.bytes("palette.bmp")
    compressed[30] = 1
    #expect(
      reason(compressed)
        == "a BMP file of 8 bits a pixel and compression 1; uncompressed ones of 8, 24 and 32 bits "
        + "are read")
    var paletteOfTwo = try Fixtures.bytes("palette.bmp")
    paletteOfTwo[46] = 2
    #expect(reason(paletteOfTwo)?.contains("of a palette of 2") == true)
  }

  @Test(arguments: [
    "rgb.png", "palette.png", "420.jpg", "progressive.jpg", "cmyk.jpg", "lossy.webp",
    "lossless.webp", "rgb.bmp", "palette.bmp", "rgba.bmp",
  ])
  func everyTruncationIsAnError(file: String) throws {
    let bytes = try Fixtures.bytes(file)
    for length in stride(from: 0, to: bytes.count - 1, by: 37) {
      let error = #expect(throws: ImageError.self, "\(file) cut to \(length) bytes") {
        try Image(decoding: Array(bytes.prefix(length)), name: "cut")
      }
      #expect(error?.path == "cut")
    }
  }

  /// Damage may or may not be noticed, but it must end in pixels or in an `ImageError`.
  @Test(arguments: [
    "rgb.png", "420.jpg", "progressive.jpg", "gray16.png", "lossy.webp", "lossless.webp",
    "palette.bmp",
  ])
  func damagedFilesNeverDoHarm(file: String) throws {
    let bytes = try Fixtures.bytes(file)
    var generator = RandomGenerator(seed: 5)
    var refused = 0
    for _ in 0..<300 {
      var damaged = bytes
      for _ in 0..<4 {
        damaged[generator.integer(below: bytes.count)] = UInt8(generator.integer(below: 256))
      }
      do {
        _ = try Image(decoding: damaged, name: "damaged")
      } catch {
        refused += 1
        #expect(!error.reason.isEmpty)
      }
    }
    #expect(refused > 0)
  }

  @Test func aHeaderIsNotBelieved() throws {
    var png = try Fixtures.bytes("rgb.png")
    // The width, in the IHDR chunk.
    png.replaceSubrange(16..<20, with: [0x7F, 0xFF, 0xFF, 0xFF])
    let error = #expect(throws: ImageError.self) { try Image(decoding: png, name: "big.png") }
    #expect(
      error?.description
        == "big.png: its header claims 2147483647x34 pixels; the limit is 16384 a side and "
        + "100000000 in all")
    // Within the limit of a side, but not in all.
    png.replaceSubrange(16..<24, with: [0, 0, 0x3F, 0xFF, 0, 0, 0x3F, 0xFF])
    #expect(throws: ImageError.self) { try Image(decoding: png, name: "big.png") }
    // 65500 a side is the most that libjpeg itself would take.
    var jpeg = try Fixtures.bytes("420.jpg")
    let frame = try #require(
      jpeg.indices.dropLast(9).first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
    jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xDC, 0xFF, 0xDC])
    let refused = #expect(throws: ImageError.self) { try Image(decoding: jpeg, name: "big.jpg") }
    #expect(refused?.reason.contains("65500x65500") == true)
    // A lossy WebP can say 16383 a side, a BMP anything.
    var webP = try Fixtures.bytes("lossy.webp")
    webP.replaceSubrange(26..<30, with: [0xFF, 0x3F, 0xFF, 0x3F])
    let wide = #expect(throws: ImageError.self) { try Image(decoding: webP, name: "big.webp") }
    #expect(wide?.reason.contains("16383x16383") == true)
    var bmp = try Fixtures.bytes("rgb.bmp")
    bmp.replaceSubrange(18..<26, with: [0xFF, 0x3F, 0, 0, 0x01, 0x10, 0, 0])
    let short = #expect(throws: ImageError.self) { try Image(decoding: bmp, name: "big.bmp") }
    #expect(short?.reason.hasPrefix("truncated BMP: 4814 bytes, expected") == true)
  }

  @Test func errorsNameFileAndReason() throws {
    try withTemporaryFolder { folder in
      func message(_ name: String, _ content: String) throws -> String? {
        let path = "\(folder)/\(name)"
        try Data(content.utf8).write(to: URL(fileURLWithPath: path))
        return #expect(throws: ImageError.self) { try Image(contentsOf: path) }?.description
      }
      let empty = try message("empty.jpg", "")
      #expect(empty == "\(folder)/empty.jpg: the file is empty")
      let text = try message("text.jpg", "no picture")
      #expect(
        text == "\(folder)/text.jpg: no image that is known; JPEG, PNG, WebP and BMP files are read"
      )
      let missing = #expect(throws: ImageError.self) {
        try Image(contentsOf: folder + "/missing.png")
      }
      #expect(
        missing?.description
          == "\(folder)/missing.png: cannot be read: No such file or directory")
      let directory = #expect(throws: ImageError.self) { try Image(contentsOf: folder) }
      #expect(directory?.description == "\(folder): not a file")
    }
  }

  @Test func pngWritingKeepsEveryPixel() throws {
    let image = pattern(width: 37, height: 11)
    #expect(try Image(decoding: [UInt8](image.png()), name: "memory") == image)
    try withTemporaryFolder { folder in
      try image.writePNG(to: folder + "/a.png")
      try image.writePNG(to: folder + "/a.png")
      #expect(try Image(contentsOf: folder + "/a.png") == image)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.png"])
      let error = #expect(throws: ImageError.self) { try image.writePNG(to: folder + "/no/a.png") }
      #expect(error?.path == folder + "/no/a.png")
    }
    // Noise does not compress: the bound on the file's size must hold all the same.
    var generator = RandomGenerator(seed: 1)
    let noise = Image(
      width: 300, height: 200,
      pixels: (0..<180_000).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
    #expect(try Image(decoding: [UInt8](noise.png()), name: "noise") == noise)
  }

  /// What is lost is small where the picture is smooth, and more at a lower quality.
  @Test func jpegsAreReadBackAlmostAsTheyWere() throws {
    var picture = Image(width: 120, height: 75, color: .black)
    for y in 0..<75 {
      for x in 0..<120 {
        picture[x, y] = Image.Pixel(red: UInt8(2 * x), green: UInt8(3 * y), blue: UInt8(x + y))
      }
    }
    var sizes: [Int] = []
    for quality in [30, 82, 95] {
      let file = picture.jpeg(quality: quality)
      sizes.append(file.count)
      let back = try Image(decoding: [UInt8](file), name: "memory")
      #expect(back.size == picture.size)
      var error = 0
      for (a, b) in zip(back.pixels, picture.pixels) { error += abs(Int(a) - Int(b)) }
      #expect(Double(error) / Double(picture.pixels.count) < (quality < 50 ? 6.0 : 2.0))
    }
    #expect(sizes == sizes.sorted() && sizes[0] < sizes[2])
    #expect(
      try Image(decoding: [UInt8](Image(width: 1, height: 1, color: .white).jpeg()), name: "")[0, 0]
        == .white)
  }
}
