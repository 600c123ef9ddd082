import CPNG
import Foundation

/// Decodes palette, gray and RGB of any bit depth, interlaced or not. Alpha is dropped, not
/// composed, and 16-bit samples keep their high byte; gamma and colour profiles are ignored.
///
/// - Note: equal to Pillow's `convert("RGB")` except for 16-bit gray, which Pillow saturates at
///   255 instead of scaling.
func decodePNG(_ bytes: [UInt8], name: String) throws(ImageError) -> Image {
  // Signature, then the IHDR chunk: length, type, width, height, 4 bytes each, big-endian.
  guard bytes.count >= 24 else {
    throw ImageError(path: name, reason: "truncated PNG: \(bytes.count) bytes hold no header")
  }
  func integer(at offset: Int) -> Int {
    bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
  }
  let size = try checkedSize(width: integer(at: 16), height: integer(at: 20), name: name)

  var message = [CChar](repeating: 0, count: Int(TROMPE_PNG_MESSAGE_SIZE))
  var status: Int32 = 0
  let sampleCount = size.area * Image.channels
  let pixels = [UInt8](unsafeUninitializedCapacity: sampleCount) { buffer, count in
    buffer.initialize(repeating: 0)
    status = trompe_png_decode(
      bytes, bytes.count, UInt32(size.width), UInt32(size.height), buffer.baseAddress, &message)
    count = sampleCount
  }
  guard status == 0 else {
    throw ImageError(path: name, reason: "truncated or corrupt PNG: \(text(message))")
  }
  return Image(width: size.width, height: size.height, pixels: pixels)
}

extension Image {
  /// The image as a PNG file.
  public func png() -> Data {
    var message = [CChar](repeating: 0, count: Int(TROMPE_PNG_MESSAGE_SIZE))
    var room = 0
    _ = trompe_png_encode(pixels, UInt32(width), UInt32(height), nil, &room, &message)
    var data = Data(count: room)
    let status = data.withUnsafeMutableBytes { buffer in
      trompe_png_encode(
        pixels, UInt32(width), UInt32(height), buffer.baseAddress, &room, &message)
    }
    // Room for the worst case was given, so only our own mistake can fail here.
    precondition(status == 0, "libpng cannot write \(size): \(text(message))")
    return data.prefix(room)
  }

  /// Writes the image as a PNG file. A reader sees the old file or the whole new one.
  /// - Throws: `ImageError` when the file cannot be written.
  public func writePNG(to path: String) throws(ImageError) {
    do {
      try png().write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ImageError(path: path, reason: "cannot be written: \(error.localizedDescription)")
    }
  }
}

private func text(_ message: [CChar]) -> String {
  String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
