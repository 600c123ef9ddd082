import CHDF5
import Foundation
import TensorGraph

/// How much a file may ask of us before it is refused.
public struct HDF5Limits: Hashable, Sendable {
  /// Groups inside groups.
  public var depth = 32
  /// Links in all groups together.
  public var links = 100_000
  /// Elements of one dataset; 2³¹ floats are 8 GiB, fifteen times the largest VGG.
  public var elements = 1 << 31
  /// Bytes of one attribute.
  public var attributeBytes = 64 << 20

  public init() {}
}

/// An HDF5 file opened for reading.
///
/// A file may come from anywhere, so it is checked whole when it is opened: it may not refer to other
/// files (external links, external storage, virtual datasets), may not be cyclic, may use no filter
/// but deflate, lzf, shuffle and Fletcher-32, and each dataset's size must be backed by bytes that are
/// there. Soft links are refused too: they may lead through anything.
///
/// All methods may be called from any thread; they take turns in the HDF5 library.
public final class HDF5File: TensorContainer {
  public let path: String
  public let tensors: [StoredTensor]
  /// Names of all groups but the root, sorted.
  public let groups: [String]
  let limits: HDF5Limits
  /// The file from now on, whoever takes its name.
  let source: hdf5_source
  /// Of a file that this one is a part of: it keeps the descriptor open.
  private let archive: ZipArchive?
  /// Where plain numbers lie one after the other, in bytes from the file's start.
  private let offsets: [String: Int]
  private let chunkRows: [String: Int]
  /// Of the groups whose attributes could be read with the listing.
  let listedAttributes: [String: [String: HDF5Attribute]]

  /// - Throws: `CheckpointError` if there is no such file, it is no HDF5 file, it is damaged, or it
  ///   does one of the things above.
  public convenience init(path: String, limits: HDF5Limits = HDF5Limits()) throws {
    let file = try openRegularFile(path)
    try self.init(
      FileRegion(descriptor: file.descriptor, offset: 0, count: file.size), of: nil, path: path,
      limits: limits)
  }

  /// The same of a file in a folder that is held open.
  public convenience init(_ target: FileTarget, limits: HDF5Limits = HDF5Limits()) throws {
    let file = try openRegularFile(target.name, in: target.folder)
    try self.init(
      FileRegion(descriptor: file.descriptor, offset: 0, count: file.size), of: nil,
      path: target.path, limits: limits)
  }

  /// The same of an entry of an archive, which is read in its place.
  package convenience init(
    _ name: String, of archive: ZipArchive, limits: HDF5Limits = HDF5Limits()
  ) throws {
    try self.init(archive.region(of: name), of: archive, path: archive.path, limits: limits)
  }

  /// - Parameter region: of a file whose descriptor is closed by this if there is no archive.
  private init(
    _ region: FileRegion, of archive: ZipArchive?, path: String, limits: HDF5Limits
  ) throws {
    let source = hdf5_source(
      descriptor: region.descriptor, is_part: archive == nil ? 0 : 1, offset: off_t(region.offset),
      size: region.count)
    do {
      guard Self.hasSignature(region) else {
        throw CheckpointError(path: path, "is not an HDF5 file")
      }
      let walk = try HDF5Walk(path: path, limits: limits, source: source)
      tensors = walk.tensors.sorted { $0.name < $1.name }
      groups = walk.groups.sorted()
      (offsets, chunkRows, listedAttributes) = (walk.offsets, walk.chunkRows, walk.attributes)
    } catch {
      if archive == nil { close(region.descriptor) }
      throw error
    }
    (self.path, self.limits, self.source, self.archive) = (path, limits, source, archive)
  }

  deinit { if archive == nil { close(source.descriptor) } }

  /// Whether there is a group of this name, found by binary search.
  package func hasGroup(_ name: String) -> Bool { groups.containsSorted(name) }

  public func readBlocks(
    of name: String, multipleOf alignment: Int,
    into buffer: UnsafeMutableBufferPointer<Float>?,
    _ body: (Int, UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    let stored = try storedNumbers(name)
    if stored.elementType.isFloat, let offset = offsets[name] {
      return try RawNumbers(
        descriptor: source.descriptor, offset: Int(source.offset) + offset,
        count: stored.shape.count, elementType: stored.elementType
      ).readBlocks(multipleOf: alignment, into: buffer, path: path, name: name, body)
    }
    // Rows (of the first axis) are taken as many as chunks have: none is decompressed twice.
    guard stored.shape.count > 0 else { return }
    let rows = stored.shape.rank == 0 ? 1 : stored.shape[0]
    let rowSize = stored.shape.count / rows
    let chunkRows = chunkRows[name] ?? 1
    var step = Swift.max(1, RawNumbers.blockElements / rowSize)
    step = Swift.min((step + chunkRows - 1) / chunkRows * chunkRows, rows)
    precondition(
      rowSize % alignment == 0 || step == rows, "rows of \(rowSize) for blocks of \(alignment)")
    let block =
      buffer == nil ? UnsafeMutableBufferPointer<Float>.allocate(capacity: step * rowSize) : nil
    defer { block?.deallocate() }
    var start = 0
    try receive(stored, rows: step, integers: false) { receive in
      while start < stored.shape.count {
        let count = Swift.min(step * rowSize, stored.shape.count - start)
        let part =
          buffer.map { UnsafeMutableBufferPointer(rebasing: $0[start..<start + count]) }
          ?? UnsafeMutableBufferPointer(rebasing: block![..<count])
        try receive(UnsafeMutableRawBufferPointer(part))
        try body(start, UnsafeBufferPointer(part))
        start += count
      }
    }
  }

  public func readIntegers(_ name: String) throws -> [Int64] {
    let stored = try storedIntegers(name)
    guard stored.shape.count > 0 else { return [] }
    if let offset = offsets[name] {
      return try RawNumbers(
        descriptor: source.descriptor, offset: Int(source.offset) + offset,
        count: stored.shape.count, elementType: stored.elementType
      ).readIntegers(path: path, name: name)
    }
    return try [Int64](unsafeUninitializedCapacity: stored.shape.count) { buffer, count in
      let memory = UnsafeMutableRawBufferPointer(
        UnsafeMutableBufferPointer(rebasing: buffer[..<stored.shape.count]))
      try receive(stored, rows: Int.max, integers: true) { try $0(memory) }
      count = stored.shape.count
    }
  }

  /// Lets a child process read a dataset, some rows after the other, and `body` fill memory with what
  /// it sends.
  private func receive(
    _ stored: StoredTensor, rows: Int, integers: Bool,
    _ body: ((UnsafeMutableRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    let elementSize = integers ? 8 : 4
    let rowSize = stored.shape.count / (stored.shape.rank == 0 ? 1 : stored.shape[0])
    let block = Swift.min(
      rows.multipliedReportingOverflow(by: rowSize).partialValue, stored.shape.count)
    let name = strdup("/" + stored.name)
    defer { free(name) }
    var request = hdf5_numbers_request(
      file: source, path: name, count: stored.shape.count, rows: rows,
      integers: integers ? 1 : 0)
    var pipe: Int32 = -1
    let child = HDF5Library.alone {
      // Twice a block: what is read, and the chunks it comes from.
      hdf5_start_child(
        { hdf5_send_numbers($0, $1) }, &request,
        HDF5Walk.libraryBytes + 4 * elementSize * block + hdf5_source_memory(&request.file), &pipe)
    }
    let failure = CheckpointError(
      path: path, dataset: stored.name, "cannot be read, it is damaged or incomplete")
    guard child >= 0 else {
      throw CheckpointError(
        path: path, dataset: stored.name, "cannot be read: \(String(cString: strerror(errno)))")
    }
    do {
      try body { memory in
        var done = 0
        while done < memory.count {
          let received = Glibc.read(pipe, memory.baseAddress! + done, memory.count - done)
          if received < 0 && errno == EINTR { continue }
          guard received > 0 else { throw failure }
          done += received
        }
      }
    } catch {
      _ = hdf5_finish_child(child, pipe)
      throw error
    }
    guard hdf5_finish_child(child, pipe) == 0 else { throw failure }
  }

  /// The format allows a user's block of 512, 1024, 2048, ... bytes before the signature.
  package static func hasSignature(_ region: FileRegion) -> Bool {
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
    var bytes = [UInt8](repeating: 0, count: signature.count)
    var place = 0
    while place + bytes.count <= region.count {
      let received = pread(
        region.descriptor, &bytes, bytes.count, off_t(region.offset + place))
      if received == bytes.count, bytes == signature { return true }
      place = place == 0 ? 512 : 2 * place
    }
    return false
  }
}
