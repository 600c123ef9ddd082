import Foundation
import TensorGraph

/// A `.pt` or `.pth` file as `torch.save` writes it, opened for reading: dictionaries of tensors within
/// each other, whose names are joined by slashes (`state_dict/fc.weight`).
///
/// From PyTorch 1.6 on it is a zip archive with the pickle `data.pkl` and the bytes of each storage as an
/// entry of its own, `data/0`; before that pickles one after the other, then the storages. Nothing of a
/// pickle is run (`Pickle`). The file is checked whole when it is opened: every tensor lies in its
/// storage, and every storage in the file.
package final class TorchFile: TensorContainer {
  static let mostTensors = 100_000
  /// Bytes of a tensor's name.
  static let longestName = 4096
  /// Dictionaries within each other.
  static let deepest = 32
  /// Of what is visited on the way to the tensors: a few references may lead to any number.
  static let mostVisited = 4_000_000

  package let path: String
  package let tensors: [StoredTensor]
  /// What Trompe wrote beside the tensors.
  package let metadata: [String: String]
  /// By name.
  private let places: [String: Place]
  /// What the regions of places are in.
  private let archive: ZipArchive?
  private let descriptor: Int32

  struct Place: Sendable {
    /// Of the storage.
    let region: FileRegion
    /// In elements.
    let offset: Int
    /// Nil for elements one after the other.
    let strides: [Int]?
    let elementType: StoredElementType
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  // MARK: Zip archives

  static let pickleName = "data.pkl"
  static let metadataName = "trompe.json"

  /// The folder of the archive in which everything is.
  package static func folder(of archive: ZipArchive) -> String? {
    let found = archive.entries.keys.filter {
      $0 == pickleName || $0.hasSuffix("/" + pickleName)
    }
    return found.min { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
      .map { String($0.dropLast(pickleName.count)) }
  }

  /// - Throws: `CheckpointError` if it is no dictionary of tensors, asks for anything else, or is
  ///   damaged.
  package init(_ archive: ZipArchive, folder: String) throws {
    let path = archive.path
    (self.path, self.archive, descriptor) = (path, archive, -1)
    if archive.entries.keys.contains(where: { $0.hasPrefix(folder + "code/") }) {
      throw CheckpointError(
        path: path,
        "is a TorchScript archive, a program, which is not read: in Python, save the weights alone "
          + "with torch.save(torch.jit.load(\"model.pt\").state_dict(), \"model.pth\")")
    }
    if archive.entries[folder + "byteorder"] != nil {
      let order = try archive.data(of: folder + "byteorder", atMost: 100)
      guard order.elementsEqual("little".utf8) else {
        throw CheckpointError(
          path: path, dataset: folder + "byteorder",
          "is \(printable(String(decoding: order, as: UTF8.self))), expected little")
      }
    }
    let bytes = try archive.data(of: folder + Self.pickleName, atMost: Pickle.largest)
    let found = try Self.faults(in: path) { () throws(PickleFault) in
      var pickle = Pickle([UInt8](bytes))
      let root = try pickle.read()
      return try Self.tensors(of: root, in: pickle)
    }
    var regions: [String: FileRegion] = [:]
    for (_, tensor) in found where regions[tensor.storage.key] == nil {
      let name = folder + "data/" + tensor.storage.key
      let region = try archive.region(of: name)
      // One of another type may be longer; it is compared with each tensor's.
      regions[tensor.storage.key] = region
    }
    (tensors, places) = try Self.layOut(found, path) { regions[$0.key]! }
    metadata =
      archive.entries[folder + Self.metadataName] == nil
      ? [:]
      : try Self.metadata(
        archive.data(of: folder + Self.metadataName, atMost: 64 << 20), path: path)
  }

  private static func metadata(_ data: Data, path: String) throws -> [String: String] {
    do { return try CheckedJSON.decode([String: String].self, from: data) } catch {
      throw CheckpointError(path: path, dataset: metadataName, "cannot be read: \(error)")
    }
  }

  // MARK: Files before PyTorch 1.6

  /// What torch.save wrote first.
  private static let magic: [UInt8] = [
    0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19,
  ]

  /// Whether a file begins as these do, whatever follows.
  package static func looksOld(_ start: [UInt8]) -> Bool {
    start.count >= 2 && start[0] == 0x80 && (2...5).contains(start[1])
  }

  /// - Parameter file: closed by this, also if it throws.
  /// - Throws: `CheckpointError` if it is no dictionary of tensors, asks for anything else, or is
  ///   damaged.
  package init(path: String, _ file: (descriptor: Int32, size: Int)) throws {
    (self.path, archive, descriptor, metadata) = (path, nil, file.descriptor, [:])
    let (descriptor, size) = file
    do {
      let whole = FileRegion(descriptor: descriptor, offset: 0, count: size)
      let bytes = try Data(
        FileRegion(descriptor: descriptor, offset: 0, count: min(size, Pickle.largest)),
        path: path, name: nil)
      let (found, storages, end) = try Self.faults(in: path) { () throws(PickleFault) in
        try Self.old([UInt8](bytes))
      }
      let regions = try Self.regions(of: storages, from: end, in: whole, path)
      (tensors, places) = try Self.layOut(found, path) { storage in
        guard let region = regions[storage.key] else {
          throw CheckpointError(
            path: path, "has no storage \(printable(storage.key)), which a tensor lies in")
        }
        return region
      }
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Tensors, storages in their order, and where the first of these begins.
  private static func old(
    _ bytes: [UInt8]
  ) throws(PickleFault) -> ([(String, PickleTensor)], [PickleStorage], Int) {
    // The magic number is the last of the first pickle but its end.
    guard let first = bytes.prefix(40).firstIndex(of: 0x2e), first >= magic.count,
      bytes[first - magic.count..<first].elementsEqual(magic)
    else {
      throw PickleFault(text: "is a pickle that torch.save did not write", isRefusal: true)
    }
    var pickle = Pickle(bytes, at: first + 1)
    guard try pickle.read() == .integer(1001) else {
      throw PickleFault(text: "is of another version of torch.save than 1001")
    }
    let system = try pickle.read()
    if case .object(let number) = system, case .dictionary(let entries) = pickle.objects[number],
      entries.contains(PickleEntry(key: .text("little_endian"), value: .truth(false)))
    {
      throw PickleFault(text: "was written on a big-endian machine, which is not read")
    }
    let root = try pickle.read()
    let found = try tensors(of: root, in: pickle)
    var known: [String: PickleStorage] = [:]
    for case .storage(let storage) in pickle.objects {
      let other = known.updateValue(storage, forKey: storage.key) ?? storage
      guard (other.elementType, other.count) == (storage.elementType, storage.count) else {
        throw PickleFault(
          text:
            "is damaged: storage \(printable(storage.key, atMost: 100)) is of two sizes or types")
      }
    }
    guard case .object(let number) = try pickle.read(),
      case .list(let list) = pickle.objects[number]
    else { throw PickleFault(text: "is damaged: it has no list of storages") }
    var storages: [PickleStorage] = []
    for key in list {
      guard case .text(let key) = key, let storage = known[key] else {
        throw PickleFault(text: "is damaged: its list of storages names one that no tensor lies in")
      }
      storages.append(storage)
    }
    return (found, storages, pickle.position)
  }

  /// Each storage is its number of elements in eight bytes, and these.
  private static func regions(
    of storages: [PickleStorage], from start: Int, in file: FileRegion, _ path: String
  ) throws -> [String: FileRegion] {
    var regions: [String: FileRegion] = [:]
    var place = start
    for storage in storages {
      let name = printable(storage.key, atMost: 100)
      guard file.count - place >= 8 else {
        throw CheckpointError(path: path, "is incomplete: it ends before storage \(name)")
      }
      let head = try Data(
        FileRegion(descriptor: file.descriptor, offset: place, count: 8), path: path, name: nil)
      let count = head.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      place += 8
      let (bytes, overflow) = storage.count.multipliedReportingOverflow(
        by: storage.elementType.byteCount)
      guard count == UInt64(storage.count), !overflow, bytes <= file.count - place else {
        throw CheckpointError(
          path: path,
          "is damaged or incomplete: storage \(name) has \(count) elements, \(storage.count) are "
            + "expected, and \(file.count - place) bytes are left in the file")
      }
      regions[storage.key] = FileRegion(
        descriptor: file.descriptor, offset: place, count: bytes)
      place += bytes
    }
    return regions
  }

  private static func faults<Result>(
    in path: String, _ body: () throws(PickleFault) -> Result
  ) throws -> Result {
    do { return try body() } catch {
      throw CheckpointError(
        path: path,
        error.text
          + (error.isRefusal
            ? "; nothing of it was run. In Python, save the weights alone with "
              + "torch.save(model.state_dict(), \"model.pth\")" : ""))
    }
  }

  // MARK: Reading

  package func readBlocks(
    of name: String, multipleOf alignment: Int, into buffer: UnsafeMutableBufferPointer<Float>?,
    _ body: (Int, UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    let stored = try storedNumbers(name)
    let place = places[name]!
    guard stored.shape.count > 0 else { return }
    if stored.elementType.isFloat, place.strides == nil {
      return try numbers(place, from: place.offset, stored.shape.count).readBlocks(
        multipleOf: alignment, into: buffer, path: path, name: name, body)
    }
    let floats: [Float]
    if stored.elementType.isFloat {
      let positions = positions(place, stored.shape)
      let span = positions.max()! + 1
      let all = try [Float](unsafeUninitializedCapacity: span) { memory, count in
        try numbers(place, from: place.offset, span).readBlocks(
          multipleOf: 1, into: UnsafeMutableBufferPointer(rebasing: memory[..<span]), path: path,
          name: name
        ) { _, _ in }
        count = span
      }
      floats = positions.map { all[$0] }
    } else {
      floats = try readIntegers(name).map { Float($0) }
    }
    floats.withUnsafeBufferPointer { _ = buffer?.update(from: $0) }
    try floats.withUnsafeBufferPointer { try body(0, buffer.map { UnsafeBufferPointer($0) } ?? $0) }
  }

  package func readIntegers(_ name: String) throws -> [Int64] {
    let stored = try storedIntegers(name)
    let place = places[name]!
    guard stored.shape.count > 0 else { return [] }
    let positions = place.strides == nil ? nil : positions(place, stored.shape)
    let span = positions.map { $0.max()! + 1 } ?? stored.shape.count
    let all = try numbers(place, from: place.offset, span).readIntegers(path: path, name: name)
    return positions.map { $0.map { all[$0] } } ?? all
  }

  private func numbers(_ place: Place, from element: Int, _ count: Int) -> RawNumbers {
    RawNumbers(
      descriptor: place.region.descriptor,
      offset: place.region.offset + element * place.elementType.byteCount, count: count,
      elementType: place.elementType)
  }

  /// Where each element lies, in row-major order, from the tensor's first.
  private func positions(_ place: Place, _ shape: Shape) -> [Int] {
    var positions = [0]
    for (extent, stride) in zip(shape.dimensions, place.strides!) {
      positions = positions.flatMap { start in (0..<extent).map { start + $0 * stride } }
    }
    return positions
  }
}
