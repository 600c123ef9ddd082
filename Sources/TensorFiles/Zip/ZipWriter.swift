import CZip
import Foundation

/// Writes a zip archive of entries that are stored as they are, without times: the same contents give
/// the same bytes. Numbers that do not fit 32 bits are written as ZIP64 has them.
struct ZipWriter {
  private let descriptor: Int32
  private let path: String
  private var offset = 0
  private var directory: [UInt8] = []
  private var count = 0

  /// 1 January 1980, the first day that the format knows.
  private static let date = 0x21
  private static let most32 = 0xffff_ffff
  private static let checksumOffset = 14

  /// - Parameters:
  ///   - descriptor: of an empty file, open for writing.
  ///   - path: for messages.
  init(_ descriptor: Int32, path: String) { (self.descriptor, self.path) = (descriptor, path) }

  /// Appends an entry.
  ///
  /// - Parameters:
  ///   - name: unlike all others.
  ///   - size: of the contents, in bytes.
  ///   - alignment: of the contents' first byte in the archive.
  ///   - fill: is given a function that takes the contents, one part after the other.
  /// - Throws: `CheckpointError` if it cannot be written, or what `fill` throws.
  mutating func add(
    _ name: String, size: Int, alignment: Int = 1,
    _ fill: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    let start = offset
    let isWide = size >= Self.most32
    let fixed = 30 + name.utf8.count + (isWide ? 20 : 0)
    // Filled up by an extra field that nobody knows, as PyTorch does it.
    var padding = (alignment - (start + fixed) % alignment) % alignment
    if padding > 0, padding < 4 { padding += alignment }
    var header: [UInt8] = ZipArchive.signature
    header.append(isWide ? 45 : 20, 2)
    header.append(0x0800, 2)  // Names are UTF-8.
    header.append(0, 2)
    header.append(0, 2)
    header.append(Self.date, 2)
    header.append(0, 4)  // The checksum follows.
    for _ in 0..<2 { header.append(isWide ? Self.most32 : size, 4) }
    header.append(name.utf8.count, 2)
    header.append((isWide ? 20 : 0) + padding, 2)
    header += Array(name.utf8)
    if isWide {
      header.append(1, 2)
      header.append(16, 2)
      for _ in 0..<2 { header.append(size, 8) }
    }
    if padding > 0 {
      header.append(0x4246, 2)
      header.append(padding - 4, 2)
      header += [UInt8](repeating: UInt8(ascii: "Z"), count: padding - 4)
    }
    try write(header)

    var (checksum, written) = (UInt32(0), 0)
    let (descriptor, path) = (self.descriptor, self.path)
    try fill { bytes in
      try WholeFile.write(bytes, to: descriptor, path)
      checksum = zip_crc32(checksum, bytes.baseAddress, bytes.count)
      written += bytes.count
    }
    precondition(written == size, "\(written) bytes for \(name) of \(size)")
    offset += size
    var field: [UInt8] = []
    field.append(Int(checksum), 4)
    guard pwrite(descriptor, field, 4, off_t(start + Self.checksumOffset)) == 4 else {
      throw WholeFile.systemError(path)
    }
    list(name, size: size, checksum: Int(checksum), start: start)
  }

  /// Appends an entry whose contents are at hand.
  mutating func add(_ name: String, _ contents: some Sequence<UInt8>, alignment: Int = 1) throws {
    let contents = Array(contents)
    try add(name, size: contents.count, alignment: alignment) { write in
      try contents.withUnsafeBytes { try write($0) }
    }
  }

  private mutating func list(_ name: String, size: Int, checksum: Int, start: Int) {
    var wide: [UInt8] = []
    if size >= Self.most32 { for _ in 0..<2 { wide.append(size, 8) } }
    if start >= Self.most32 { wide.append(start, 8) }
    directory += [0x50, 0x4b, 1, 2]
    for _ in 0..<2 { directory.append(wide.isEmpty ? 20 : 45, 2) }
    directory.append(0x0800, 2)
    directory.append(0, 2)
    directory.append(0, 2)
    directory.append(Self.date, 2)
    directory.append(checksum, 4)
    for _ in 0..<2 { directory.append(min(size, Self.most32), 4) }
    directory.append(name.utf8.count, 2)
    directory.append(wide.isEmpty ? 0 : wide.count + 4, 2)
    directory.append(0, 2)  // Comment, disk and attributes.
    directory.append(0, 2)
    directory.append(0, 2)
    directory.append(0, 4)
    directory.append(min(start, Self.most32), 4)
    directory += Array(name.utf8)
    if !wide.isEmpty {
      directory.append(1, 2)
      directory.append(wide.count, 2)
      directory += wide
    }
    count += 1
  }

  /// Writes the list of entries, with which the archive ends.
  mutating func finish() throws {
    let start = offset
    try write(directory)
    let size = directory.count
    var end: [UInt8] = []
    if start >= Self.most32 || size >= Self.most32 || count >= 0xffff {
      end += [0x50, 0x4b, 6, 6]
      end.append(44, 8)
      for _ in 0..<2 { end.append(45, 2) }
      for _ in 0..<2 { end.append(0, 4) }
      for _ in 0..<2 { end.append(count, 8) }
      end.append(size, 8)
      end.append(start, 8)
      end += [0x50, 0x4b, 6, 7]
      end.append(0, 4)
      end.append(start + size, 8)
      end.append(1, 4)
    }
    end += [0x50, 0x4b, 5, 6]
    for _ in 0..<2 { end.append(0, 2) }
    for _ in 0..<2 { end.append(min(count, 0xffff), 2) }
    end.append(min(size, Self.most32), 4)
    end.append(min(start, Self.most32), 4)
    end.append(0, 2)
    try write(end)
  }

  private mutating func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try WholeFile.write($0, to: descriptor, path) }
    offset += bytes.count
  }
}

extension [UInt8] {
  /// Little-endian.
  fileprivate mutating func append(_ number: Int, _ count: Int) {
    for index in 0..<count { append(UInt8(truncatingIfNeeded: number >> (8 * index))) }
  }
}
