/// Decodes uncompressed BMP files of 8 (palette), 24 and 32 bits a pixel, bottom row first or top row
/// first. The fourth byte of 32-bit pixels is dropped. Microsoft's BITMAPINFOHEADER and its larger
/// successors are read; compressed files, other depths and the header of OS/2 are refused by name.
func decodeBMP(_ bytes: [UInt8], name: String) throws(ImageError) -> Image {
  func refusal(_ reason: String) -> ImageError { ImageError(path: name, reason: reason) }
  guard bytes.count >= BMPHeader.size else {
    throw refusal("truncated BMP: \(bytes.count) bytes hold no header")
  }
  let header = BMPHeader(bytes)
  guard BMPHeader.sizes.contains(header.infoSize) else {
    throw refusal(
      "a BMP file with a header of \(header.infoSize) bytes; those of 40 to 124 bytes are read")
  }
  guard header.height != Int(Int32.min) else { throw refusal("its header claims no height") }
  let size = try checkedSize(width: header.width, height: abs(header.height), name: name)
  let isPlain =
    header.compression == BMPHeader.uncompressed
    || header.compression == BMPHeader.bitFields && header.bits == 32 && header.hasUsualMasks(bytes)
  guard isPlain, [8, 24, 32].contains(header.bits) else {
    throw refusal(
      "a BMP file of \(header.bits) bits a pixel and compression \(header.compression); "
        + "uncompressed ones of 8, 24 and 32 bits are read")
  }
  let rowSize = (size.width * header.bits + 31) / 32 * 4
  guard header.dataOffset >= BMPHeader.size,
    header.dataOffset <= bytes.count - min(bytes.count, rowSize * size.height)
  else {
    throw refusal(
      "truncated BMP: \(bytes.count) bytes, expected \(rowSize * size.height) bytes of pixels from "
        + "byte \(header.dataOffset)")
  }
  var palette: ArraySlice<UInt8> = []
  if header.bits == 8 {
    let start = BMPHeader.fileHeaderSize + header.infoSize
    let count = header.colors == 0 ? 256 : header.colors
    guard count <= 256, start + 4 * count <= bytes.count else {
      throw refusal("a BMP file with a palette of \(header.colors) colours")
    }
    palette = bytes[start..<start + 4 * count]
  }
  var pixels = [UInt8](repeating: 0, count: size.area * Image.channels)
  var target = 0
  for row in 0..<size.height {
    // A positive height: the bottom row comes first.
    let stored = header.height > 0 ? size.height - 1 - row : row
    var source = header.dataOffset + stored * rowSize
    for _ in 0..<size.width {
      if header.bits == 8 {
        let color = Int(bytes[source])
        guard 4 * color < palette.count else {
          throw refusal(
            "a BMP file that refers to colour \(color) of a palette of \(palette.count / 4)")
        }
        let entry = palette.startIndex + 4 * color
        for channel in 0..<3 { pixels[target + channel] = palette[entry + 2 - channel] }
      } else {
        for channel in 0..<3 { pixels[target + channel] = bytes[source + 2 - channel] }
      }
      source += header.bits / 8
      target += Image.channels
    }
  }
  return Image(width: size.width, height: size.height, pixels: pixels)
}

/// BITMAPFILEHEADER and the first 40 bytes of what follows it, little-endian. Microsoft, "Bitmap
/// Storage".
struct BMPHeader {
  static let fileHeaderSize = 14
  static let size = 54
  /// BITMAPINFOHEADER, its two undocumented successors, BITMAPV4HEADER and BITMAPV5HEADER.
  static let sizes: Set<Int> = [40, 52, 56, 108, 124]
  /// BI_RGB
  static let uncompressed = 0
  /// BI_BITFIELDS
  static let bitFields = 3

  let dataOffset: Int
  let infoSize: Int
  let width: Int
  /// Negative if the top row comes first.
  let height: Int
  let bits: Int
  let compression: Int
  let colors: Int

  /// - Precondition: `bytes` has `size` of them.
  init(_ bytes: [UInt8]) {
    func word(_ offset: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
    }
    dataOffset = Int(word(10))
    infoSize = Int(word(14))
    width = Int(Int32(bitPattern: word(18)))
    height = Int(Int32(bitPattern: word(22)))
    bits = Int(word(26) >> 16)
    compression = Int(word(30))
    colors = Int(word(46))
  }

  /// Whether red, green and blue are where they are without masks.
  func hasUsualMasks(_ bytes: [UInt8]) -> Bool {
    let usual: [UInt8] = [0, 0, 0xFF, 0, 0, 0xFF, 0, 0, 0xFF, 0, 0, 0]
    return bytes.count >= BMPHeader.size + usual.count
      && bytes[BMPHeader.size..<BMPHeader.size + usual.count].elementsEqual(usual)
  }
}
