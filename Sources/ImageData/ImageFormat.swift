/// What kind of image file it is, by its first bytes.
enum ImageFormat: Hashable, Sendable {
  case jpeg, png, webP, bmp
  /// Another one that is known by name and not read.
  case other(String)

  /// For messages.
  static let readable = "JPEG, PNG, WebP and BMP files are read"

  /// So many first bytes decide.
  static let signatureSize = 32

  /// `nil` if the bytes begin as no image that is known here.
  init?(_ bytes: some Collection<UInt8>) {
    let start = Array(bytes.prefix(ImageFormat.signatureSize))
    func has(_ text: String, at offset: Int = 0) -> Bool {
      start.dropFirst(offset).starts(with: Array(text.utf8))
    }
    if start.starts(with: jpegSignature) {
      self = .jpeg
    } else if start.starts(with: pngSignature) {
      self = .png
    } else if has("RIFF"), has("WEBP", at: 8) {
      self = .webP
    } else if has("BM"), start.count >= 18,
      // Two letters alone could be the beginning of any text.
      [12, 16, 40, 52, 56, 64, 108, 124].contains(start[14]), start[15...17].allSatisfy({ $0 == 0 })
    {
      self = .bmp
    } else if let name = ImageFormat.others.first(where: { entry in
      start.dropFirst(entry.offset).starts(with: entry.bytes)
    })?.name {
      self = .other(name)
    } else {
      return nil
    }
  }

  private static let others: [(name: String, offset: Int, bytes: [UInt8])] = [
    ("GIF", 0, Array("GIF87a".utf8)), ("GIF", 0, Array("GIF89a".utf8)),
    ("TIFF", 0, [0x49, 0x49, 0x2A, 0]), ("TIFF", 0, [0x4D, 0x4D, 0, 0x2A]),
    ("TIFF", 0, [0x49, 0x49, 0x2B, 0]), ("TIFF", 0, [0x4D, 0x4D, 0, 0x2B]),
    ("HEIF", 4, Array("ftyphe".utf8)), ("HEIF", 4, Array("ftypmif1".utf8)),
    ("AVIF", 4, Array("ftypav".utf8)),
    ("JPEG 2000", 0, [0, 0, 0, 0x0C, 0x6A, 0x50, 0x20, 0x20]),
    ("JPEG 2000", 0, [0xFF, 0x4F, 0xFF, 0x51]),
    ("JPEG XL", 0, [0xFF, 0x0A]), ("JPEG XL", 0, [0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20]),
    ("Photoshop", 0, Array("8BPS".utf8)), ("OpenEXR", 0, [0x76, 0x2F, 0x31, 0x01]),
    ("QOI", 0, Array("qoif".utf8)), ("ICO", 0, [0, 0, 1, 0]),
    ("portable bitmap", 0, Array("P4\n".utf8)), ("portable graymap", 0, Array("P5\n".utf8)),
    ("portable pixmap", 0, Array("P6\n".utf8)),
  ]

  /// File name extensions of images in lower case, whether they are read or not: a file that bears
  /// one of them is a sample of its class, whatever its content turns out to be.
  static let extensions: Set<String> = [
    "jpg", "jpeg", "jpe", "jfif", "jif", "pjpeg", "pjp", "png", "apng", "webp", "bmp", "dib", "gif",
    "tif", "tiff", "heic", "heif", "avif", "jp2", "j2k", "jpx", "jxl", "ppm", "pgm", "pbm", "pnm",
    "tga", "ico", "psd", "exr", "qoi", "svg",
  ]
}
