import Foundation

/// A PNG file may say which program has made it: a chunk `tEXt` with the keyword `Software`.
private let softwareKeyword = Array("Software".utf8) + [0]
/// Signature and IHDR, always the first chunk and of one length.
private let headLength = 8 + 4 + 4 + 13 + 4

extension Image {
  /// The image as a PNG file that says which program has made it.
  /// - Precondition: the name is ASCII.
  public func png(software: String) -> Data {
    precondition(software.utf8.allSatisfy { $0 < 0x80 }, "tEXt holds Latin-1")
    let content = Array("tEXt".utf8) + softwareKeyword + Array(software.utf8)
    func integer(_ value: UInt32) -> [UInt8] {
      stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }
    var file = png()
    file.insert(
      contentsOf: integer(UInt32(content.count - 4)) + content + integer(checksum(content)),
      at: file.startIndex + headLength)
    return file
  }

  /// Which program has made a PNG file, if it says so behind its head as `png(software:)` does.
  /// - Parameter start: the file's first bytes; 256 are enough.
  public static func software(ofPNG start: Data) -> String? {
    let bytes = Array(start)
    guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]),
      bytes.count >= headLength + 8
    else { return nil }
    let length = bytes[headLength..<headLength + 4].reduce(0) { $0 << 8 | Int($1) }
    let chunk = bytes[(headLength + 4)...].prefix(4 + length)
    guard chunk.count == 4 + length, chunk.starts(with: Array("tEXt".utf8) + softwareKeyword)
    else { return nil }
    return String(validating: chunk.dropFirst(4 + softwareKeyword.count), as: UTF8.self)
  }
}

/// CRC-32, as PNG has it.
private func checksum(_ bytes: [UInt8]) -> UInt32 {
  ~bytes.reduce(~UInt32(0)) { sum, byte in
    (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in
      value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0)
    }
  }
}
