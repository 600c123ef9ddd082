import Foundation

/// Reading image files.
///
/// The format is decided by the file's first bytes, never by its name. Nothing in a header is
/// believed before it is checked against `DecodingLimits`. Pixels come as they are stored: an Exif
/// orientation is not applied.
extension Image {
  /// What a file may claim before it is refused unread.
  public enum DecodingLimits {
    /// Longest side in pixels.
    public static let side = 16_384
    /// Most pixels: 100 megapixels, 300 MB decoded.
    public static let pixels = 100_000_000
    /// Largest file in bytes.
    public static let fileSize = 512 << 20
  }

  /// Decodes the JPEG, PNG, WebP or BMP file at `path`.
  /// - Throws: `ImageError` when the file cannot be read, is of another kind, is truncated or
  ///   corrupt, or is larger than `DecodingLimits` allows.
  public init(contentsOf path: String) throws(ImageError) {
    try self.init(contentsOf: FilePath(path))
  }

  init(contentsOf path: FilePath) throws(ImageError) {
    try self.init(decoding: readFile(path), name: path.description)
  }

  /// Decodes a JPEG, PNG, WebP or BMP file held in memory; `name` stands for it in errors.
  public init(decoding bytes: [UInt8], name: String) throws(ImageError) {
    guard !bytes.isEmpty else { throw ImageError(path: name, reason: "the file is empty") }
    switch ImageFormat(bytes) {
    case .jpeg: self = try decodeJPEG(bytes, name: name)
    case .png: self = try decodePNG(bytes, name: name)
    case .webP: self = try decodeWebP(bytes, name: name)
    case .bmp: self = try decodeBMP(bytes, name: name)
    case .other(let kind):
      throw ImageError(path: name, reason: "a file in \(kind) format; \(ImageFormat.readable)")
    case nil:
      throw ImageError(path: name, reason: "no image that is known; \(ImageFormat.readable)")
    }
  }
}

let jpegSignature: [UInt8] = [0xFF, 0xD8, 0xFF]
let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

/// The size that a header claims, if it is one we are willing to allocate.
func checkedSize(width: Int, height: Int, name: String) throws(ImageError) -> ImageSize {
  let size = ImageSize(width: width, height: height)
  guard width > 0, height > 0 else {
    throw ImageError(path: name, reason: "its header claims \(size) pixels")
  }
  guard
    width <= Image.DecodingLimits.side, height <= Image.DecodingLimits.side,
    size.area <= Image.DecodingLimits.pixels
  else {
    throw ImageError(
      path: name,
      reason: "its header claims \(size) pixels; the limit is \(Image.DecodingLimits.side) a "
        + "side and \(Image.DecodingLimits.pixels) in all")
  }
  return size
}

/// The bytes of a regular file. Opened without blocking, so that a named pipe is an error and
/// not a wait for ever.
private func readFile(_ path: FilePath) throws(ImageError) -> [UInt8] {
  let name = path.description
  func failure() -> ImageError {
    ImageError(path: name, reason: "cannot be read: \(String(cString: strerror(errno)))")
  }
  let descriptor = path.open(O_RDONLY | O_NONBLOCK | O_CLOEXEC)
  guard descriptor >= 0 else { throw failure() }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw failure() }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw ImageError(path: name, reason: "not a file")
  }
  let size = Int(status.st_size)
  guard size <= Image.DecodingLimits.fileSize else {
    throw ImageError(
      path: name,
      reason: "has \(size) bytes; the limit is \(Image.DecodingLimits.fileSize)")
  }
  // Of no bytes, Swift's array would write its count into storage that all empty arrays share.
  guard size > 0 else { return [] }
  var failed = false
  let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
    while count < size {
      let got = read(descriptor, buffer.baseAddress! + count, size - count)
      if got > 0 {
        count += got
      } else if got == 0 {
        break  // The file shrank meanwhile; the decoder will say that it is truncated.
      } else if errno != EINTR {
        failed = true
        break
      }
    }
  }
  if failed { throw failure() }
  return bytes
}
