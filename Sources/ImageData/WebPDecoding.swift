import CWebP

/// Decodes lossy and lossless WebP with libwebp's defaults (smooth chroma upsampling). Alpha is
/// dropped, not composed, as Pillow's `convert("RGB")` does. Animations are refused.
func decodeWebP(_ bytes: [UInt8], name: String) throws(ImageError) -> Image {
  var features = WebPBitstreamFeatures()
  let status = WebPGetFeatures(bytes, bytes.count, &features)
  guard status == VP8_STATUS_OK else {
    throw ImageError(path: name, reason: "truncated or corrupt WebP: its header cannot be read")
  }
  guard features.has_animation == 0 else {
    throw ImageError(path: name, reason: "an animated WebP file; only still images are read")
  }
  let size = try checkedSize(
    width: Int(features.width), height: Int(features.height), name: name)
  let sampleCount = size.area * Image.channels
  var isWhole = false
  let pixels = [UInt8](unsafeUninitializedCapacity: sampleCount) { buffer, count in
    buffer.initialize(repeating: 0)
    isWhole =
      WebPDecodeRGBInto(
        bytes, bytes.count, buffer.baseAddress, sampleCount,
        Int32(size.width * Image.channels)) != nil
    count = sampleCount
  }
  guard isWhole else { throw ImageError(path: name, reason: "truncated or corrupt WebP") }
  return Image(width: size.width, height: size.height, pixels: pixels)
}
