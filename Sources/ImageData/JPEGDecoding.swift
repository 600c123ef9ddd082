import CTurboJPEG

/// Decodes with the accurate integer DCT and smooth chroma upsampling, libjpeg's defaults, which
/// Pillow uses too: pixels are equal to Pillow's `Image.open(path).convert("RGB")`.
func decodeJPEG(_ bytes: [UInt8], name: String) throws(ImageError) -> Image {
  guard let decoder = tjInitDecompress() else {
    throw ImageError(path: name, reason: "the JPEG decoder could not be started")
  }
  defer { tjDestroy(decoder) }
  func message() -> String { String(cString: tjGetErrorStr2(decoder)) }

  var width: Int32 = 0
  var height: Int32 = 0
  var subsampling: Int32 = -1
  var colorSpace: Int32 = -1
  let header = tjDecompressHeader3(
    decoder, bytes, UInt(bytes.count), &width, &height, &subsampling, &colorSpace)
  // An unusual chroma subsampling is reported as an error, yet it can be decoded.
  guard header == 0 || (width > 0 && height > 0 && colorSpace >= 0) else {
    throw ImageError(path: name, reason: "not a readable JPEG file: \(message())")
  }
  let size = try checkedSize(width: Int(width), height: Int(height), name: name)

  let hasInk =
    colorSpace == Int32(TJCS_CMYK.rawValue) || colorSpace == Int32(TJCS_YCCK.rawValue)
  let format = hasInk ? TJPF_CMYK : TJPF_RGB
  let sampleCount = size.area * (hasInk ? 4 : Image.channels)
  var status: Int32 = 0
  let samples = [UInt8](unsafeUninitializedCapacity: sampleCount) { buffer, count in
    // Rows that a damaged file does not reach are never shown, but must not be uninitialised.
    buffer.initialize(repeating: 0)
    status = tjDecompress2(
      decoder, bytes, UInt(bytes.count), buffer.baseAddress, width, 0, height,
      Int32(format.rawValue), TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS)
    count = sampleCount
  }
  if status != 0 {
    let warned = tjGetErrorCode(decoder) == Int32(TJERR_WARNING.rawValue)
    if !(warned && isHarmless(message()) && endsWithMarker(bytes)) {
      throw ImageError(path: name, reason: "truncated or corrupt JPEG: \(message())")
    }
  }
  return Image(
    width: size.width, height: size.height,
    pixels: hasInk ? convertInvertedInksToRGB(samples) : samples)
}

/// Warnings about bytes that belong to no picture data. ImageNet holds such files, and they
/// decode whole.
private func isHarmless(_ warning: String) -> Bool {
  warning.contains("extraneous bytes before marker")
    || warning.contains("unknown JFIF revision")
    || warning.contains("bad ICC marker")
    || warning.contains("Unknown Adobe color transform")
}

/// Whether the end-of-image marker is where it should be. libjpeg reports its first warning only,
/// so a harmless one could hide that the file is truncated.
private func endsWithMarker(_ bytes: [UInt8]) -> Bool {
  let allowedTrailer = 4096
  let tail = bytes.suffix(allowedTrailer)
  return zip(tail, tail.dropFirst()).contains { $0 == 0xFF && $1 == 0xD9 }
}

/// CMYK as Adobe stores it (255 is no ink) to RGB, with Pillow's rounding:
/// each channel is k·c / 255 where k and c are what the inks leave of white.
private func convertInvertedInksToRGB(_ inks: [UInt8]) -> [UInt8] {
  let pixelCount = inks.count / 4
  return [UInt8](unsafeUninitializedCapacity: pixelCount * 3) { rgb, count in
    for pixel in 0..<pixelCount {
      let black = Int(inks[pixel * 4 + 3])
      for channel in 0..<3 {
        let product = (255 - Int(inks[pixel * 4 + channel])) * black + 128
        rgb[pixel * 3 + channel] = UInt8(max(0, black - (((product >> 8) + product) >> 8)))
      }
    }
    count = pixelCount * 3
  }
}
