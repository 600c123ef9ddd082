import CZip
import Foundation
import Synchronization

/// Bytes that lie in a file one after the other.
package struct FileRegion: Hashable, Sendable {
  package let descriptor: Int32
  /// Of the first byte, from the file's start.
  package let offset: Int
  package let count: Int

  package init(descriptor: Int32, offset: Int, count: Int) {
    (self.descriptor, self.offset, self.count) = (descriptor, offset, count)
  }
}

/// A zip archive opened for reading, of any size (ZIP64). PKWARE's APPNOTE.TXT 6.3
///
/// Nothing is unpacked to the disk: what is stored as it is, as in all files of PyTorch and Keras, is
/// read in its place, and what is deflated goes into a file in memory on demand. The list of
/// entries is checked whole when the archive is opened, against the archive's size.
package final class ZipArchive: Sendable {
  package struct Entry: Hashable, Sendable {
    package let name: String
    package let isDeflated: Bool
    package let checksum: UInt32
    package let storedSize: Int
    package let size: Int
    /// Of its own header, from the file's start.
    let headerOffset: Int
  }

  static let mostEntries = 200_000
  static let largestDirectory = 64 << 20
  /// What deflated entries may become together, whatever they are: weights, which deflate makes little
  /// smaller, of a small network.
  static let alwaysInflated = 64 << 20
  /// Beyond that, of the archive's size: floats become a few times larger, only repetitions more. They
  /// are inflated into memory, so that a small file must not ask for much.
  static let largestExpansion = 64
  static let largestInflated = 8 << 30
  /// The most that deflate can do: 258 bytes from two bits.
  static let deflateExpansion = 1032

  package static let signature: [UInt8] = [0x50, 0x4b, 0x03, 0x04]

  package let path: String
  /// By name.
  package let entries: [String: Entry]
  private let descriptor: Int32
  private let fileSize: Int

  private struct Inflated: Sendable {
    var file: Int32 = -1
    var count = 0
    var regions: [String: FileRegion] = [:]
  }
  private let inflated = Mutex(Inflated())

  /// - Throws: `CheckpointError` if there is no such file, it is of another format, or damaged.
  package convenience init(path: String) throws {
    try self.init(path: path, openRegularFile(path))
  }

  /// - Parameter file: closed by the archive, and if this throws.
  init(path: String, _ file: (descriptor: Int32, size: Int)) throws {
    (self.path, descriptor, fileSize) = (path, file.descriptor, file.size)
    do {
      entries = try Self.entries(path, file.descriptor, file.size)
    } catch {
      close(file.descriptor)
      throw error
    }
  }

  deinit {
    close(descriptor)
    inflated.withLock { if $0.file >= 0 { close($0.file) } }
  }

  // MARK: Entries

  /// Where the bytes of an entry lie, as long as the archive is open.
  ///
  /// - Throws: `CheckpointError` if there is no such entry, or it is damaged.
  func region(of name: String) throws -> FileRegion {
    guard let entry = entries[name] else {
      throw CheckpointError(path: path, dataset: name, "is missing in the zip archive")
    }
    let place = try place(of: entry)
    guard entry.isDeflated else {
      return FileRegion(descriptor: descriptor, offset: place, count: entry.size)
    }
    return try inflated.withLock { inflated in
      if let region = inflated.regions[name] { return region }
      if inflated.file < 0 { inflated.file = zip_memory_file() }
      guard inflated.file >= 0 else { throw failure(entry, systemReason()) }
      guard entry.size <= inflatedLimit - inflated.count else {
        throw failure(
          entry,
          "becomes \(entry.size) bytes, more than the limit of \(inflatedLimit) for what an "
            + "archive of \(fileSize) bytes has deflated; write it again without compression, as "
            + "Keras and PyTorch do")
      }
      let region = FileRegion(
        descriptor: inflated.file, offset: inflated.count, count: entry.size)
      let result = zip_inflate(
        descriptor, off_t(place), entry.storedSize, inflated.file, entry.size, entry.checksum)
      guard result == zip_done else {
        let reason =
          switch result {
          case zip_system_error: systemReason()
          case zip_other_size: "does not become the \(entry.size) bytes that the archive says"
          case zip_other_checksum: "is damaged: it has another checksum than the archive says"
          default: "is damaged: it cannot be inflated"
          }
        // What was appended is taken off again.
        ftruncate(inflated.file, off_t(inflated.count))
        lseek(inflated.file, off_t(inflated.count), SEEK_SET)
        throw failure(entry, reason)
      }
      inflated.count += entry.size
      inflated.regions[name] = region
      return region
    }
  }

  /// Of deflated entries together.
  private var inflatedLimit: Int {
    let (product, isTooMuch) = fileSize.multipliedReportingOverflow(by: Self.largestExpansion)
    return isTooMuch
      ? Self.largestInflated
      : min(Self.largestInflated, max(Self.alwaysInflated, product))
  }

  /// All bytes of an entry.
  ///
  /// - Throws: `CheckpointError` if there is no such entry, it is damaged, or larger than the limit.
  func data(of name: String, atMost limit: Int) throws -> Data {
    if let entry = entries[name], entry.size > limit {
      throw failure(entry, "has \(entry.size) bytes, more than the limit of \(limit)")
    }
    return try Data(region(of: name), path: path, name: name)
  }

  private func failure(_ entry: Entry, _ text: String) -> CheckpointError {
    CheckpointError(path: path, dataset: entry.name, text)
  }

  private func systemReason() -> String {
    "cannot be read: \(String(cString: strerror(errno)))"
  }

  /// Of an entry's first byte, behind its own header.
  private func place(of entry: Entry) throws -> Int {
    let headerSize = 30
    let header = try Data(
      FileRegion(
        descriptor: descriptor, offset: entry.headerOffset,
        count: min(headerSize, fileSize - entry.headerOffset)), path: path, name: entry.name)
    let fields = ZipFields(header)
    guard header.count == headerSize, header.starts(with: Self.signature) else {
      throw failure(entry, "has no header where the archive says")
    }
    let place = entry.headerOffset + headerSize + fields.number(26, 2) + fields.number(28, 2)
    guard place <= fileSize, entry.storedSize <= fileSize - place else {
      throw failure(
        entry, "claims \(entry.storedSize) bytes of an archive of \(fileSize) bytes")
    }
    return place
  }

  // MARK: Directory

  private static func entries(
    _ path: String, _ descriptor: Int32, _ fileSize: Int
  ) throws -> [String: Entry] {
    func bytes(_ offset: Int, _ count: Int) throws -> Data {
      try Data(
        FileRegion(descriptor: descriptor, offset: offset, count: count), path: path, name: nil)
    }
    let directory = try directory(path, fileSize, bytes)
    let data = try bytes(directory.offset, directory.size)
    let fields = ZipFields(data)
    var entries: [String: Entry] = [:]
    var place = 0
    for _ in 0..<directory.count {
      let fixed = 46
      guard data.count - place >= fixed, data[place..<place + 4].elementsEqual([0x50, 0x4b, 1, 2])
      else {
        throw CheckpointError(path: path, "is a zip archive whose list of entries is damaged")
      }
      let lengths = (
        fields.number(place + 28, 2), fields.number(place + 30, 2), fields.number(place + 32, 2)
      )
      let end = place + fixed + lengths.0 + lengths.1 + lengths.2
      guard end <= data.count else {
        throw CheckpointError(path: path, "is a zip archive whose list of entries is damaged")
      }
      let nameEnd = place + fixed + lengths.0
      guard let name = String(validating: data[place + fixed..<nameEnd], as: UTF8.self) else {
        throw CheckpointError(path: path, "has an entry whose name is not UTF-8")
      }
      let entry = try entry(
        name, fields, place, extra: nameEnd..<nameEnd + lengths.1, path, fileSize)
      guard entries.updateValue(entry, forKey: name) == nil else {
        throw CheckpointError(
          path: path, dataset: name,
          "is twice in the archive, so that readers may take different ones; write the file anew")
      }
      place = end
    }
    return entries
  }

  private static func entry(
    _ name: String, _ fields: ZipFields, _ place: Int, extra: Range<Int>, _ path: String,
    _ fileSize: Int
  ) throws -> Entry {
    func failure(_ text: String) -> CheckpointError {
      CheckpointError(path: path, dataset: name, text)
    }
    guard fields.number(place + 8, 2) & 1 == 0 else {
      throw failure("is encrypted, which is not read")
    }
    let method = fields.number(place + 10, 2)
    guard method == 0 || method == 8 else {
      throw failure("is compressed by method \(method); deflate (8) and none (0) are read")
    }
    // 32 bits of ones stand for a number of 64 bits among the extra fields, in this order.
    var numbers = [24, 20, 42].map { fields.number(place + $0, 4) }
    if numbers.contains(0xffff_ffff) {
      guard var wide = fields.extra(1, in: extra) else {
        throw failure("has no size of 64 bits, which it refers to")
      }
      for index in numbers.indices where numbers[index] == 0xffff_ffff {
        guard wide.count >= 8 else { throw failure("has no size of 64 bits, which it refers to") }
        numbers[index] = fields.number(wide.lowerBound, 8)
        wide = wide.lowerBound + 8..<wide.upperBound
      }
    }
    let (size, storedSize, offset) = (numbers[0], numbers[1], numbers[2])
    guard storedSize <= fileSize, offset < fileSize else {
      throw failure("claims \(storedSize) bytes at \(offset) of an archive of \(fileSize) bytes")
    }
    guard
      method == 0
        ? size == storedSize
        : size <= storedSize.multipliedReportingOverflow(by: deflateExpansion).partialValue
    else {
      throw failure(
        "claims to be \(size) bytes, which \(storedSize) stored bytes cannot become")
    }
    return Entry(
      name: name, isDeflated: method == 8, checksum: UInt32(fields.number(place + 16, 4)),
      storedSize: storedSize, size: size, headerOffset: offset)
  }

  /// Where the list of entries lies, by the record at the file's end.
  private static func directory(
    _ path: String, _ fileSize: Int, _ bytes: (Int, Int) throws -> Data
  ) throws -> (offset: Int, size: Int, count: Int) {
    let fixed = 22
    let tail = try bytes(
      max(0, fileSize - fixed - 0xffff), min(fileSize, fixed + 0xffff))
    let fields = ZipFields(tail)
    // Behind it only its comment, whose length it knows.
    guard
      let place = stride(from: tail.count - fixed, through: 0, by: -1).first(where: {
        tail[$0] == 0x50 && tail[$0 + 1] == 0x4b && tail[$0 + 2] == 5 && tail[$0 + 3] == 6
          && $0 + fixed + fields.number($0 + 20, 2) == tail.count
      })
    else {
      throw CheckpointError(
        path: path, "is a zip archive without its end, so it is incomplete or damaged")
    }
    var (count, size, offset) = (
      fields.number(place + 10, 2), fields.number(place + 12, 4), fields.number(place + 16, 4)
    )
    if count == 0xffff || size == 0xffff_ffff || offset == 0xffff_ffff, place >= 20,
      tail[place - 20..<place - 16].elementsEqual([0x50, 0x4b, 6, 7])
    {
      let wide = 56
      let start = fields.number(place - 12, 8)
      guard start <= fileSize - wide else {
        throw CheckpointError(path: path, "is a zip archive whose end is damaged")
      }
      let record = try bytes(start, wide)
      guard record.starts(with: [0x50, 0x4b, 6, 6]) else {
        throw CheckpointError(path: path, "is a zip archive whose end is damaged")
      }
      let fields = ZipFields(record)
      (count, size, offset) = (fields.number(32, 8), fields.number(40, 8), fields.number(48, 8))
    }
    guard size <= fileSize, offset <= fileSize - size else {
      throw CheckpointError(
        path: path,
        "is a zip archive whose list of entries claims \(size) bytes at \(offset) of \(fileSize)")
    }
    guard count <= mostEntries, size <= largestDirectory else {
      throw CheckpointError(
        path: path,
        "has \(count) entries in a list of \(size) bytes, more than the limit of \(mostEntries) and "
          + "\(largestDirectory)")
    }
    return (offset, size, count)
  }
}

/// Numbers of a zip archive's records: little-endian.
private struct ZipFields {
  let bytes: Data

  init(_ bytes: Data) { self.bytes = bytes }

  /// - Precondition: the bytes are there.
  func number(_ place: Int, _ count: Int) -> Int {
    var number: UInt64 = 0
    for index in (0..<count).reversed() { number = number << 8 | UInt64(bytes[place + index]) }
    return Int(clamping: number)
  }

  /// Where the extra field of this number has its contents.
  func extra(_ wanted: Int, in range: Range<Int>) -> Range<Int>? {
    var place = range.lowerBound
    while range.upperBound - place >= 4 {
      let (kind, length) = (number(place, 2), number(place + 2, 2))
      guard length <= range.upperBound - place - 4 else { return nil }
      if kind == wanted { return place + 4..<place + 4 + length }
      place += 4 + length
    }
    return nil
  }
}

extension Data {
  /// All bytes of a region.
  ///
  /// - Throws: `CheckpointError` if they cannot be read.
  init(_ region: FileRegion, path: String, name: String?) throws {
    self.init(count: region.count)
    guard region.count > 0 else { return }
    try withUnsafeMutableBytes { try region.read(into: $0, path: path, name: name) }
  }
}

extension FileRegion {
  /// Fills memory with bytes of the region.
  ///
  /// - Precondition: there are as many from `start` on.
  /// - Throws: `CheckpointError` if they cannot be read.
  func read(
    into buffer: UnsafeMutableRawBufferPointer, from start: Int = 0, path: String, name: String?
  ) throws {
    precondition(start + buffer.count <= count, "bytes beyond those of \(name ?? path)")
    var done = 0
    while done < buffer.count {
      let received = pread(
        descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + start + done))
      if received < 0 && errno == EINTR { continue }
      guard received > 0 else {
        let reason = received == 0 ? "the file ends before it" : String(cString: strerror(errno))
        throw CheckpointError(path: path, dataset: name, "cannot be read: \(reason)")
      }
      done += received
    }
  }
}
