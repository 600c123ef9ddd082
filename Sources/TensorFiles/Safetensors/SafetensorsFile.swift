import Foundation
import TensorGraph

/// A `.safetensors` file opened for reading: eight bytes with the length of a JSON header, the header
/// (`{"name": {"dtype": "F32", "shape": […], "data_offsets": [begin, end]}, "__metadata__": {…}}`),
/// then the tensors' bytes, little-endian and row-major, without gaps.
///
/// The file is checked whole when it is opened, against its own size, before anything is allocated
/// for it.
public final class SafetensorsFile: TensorContainer {
  /// Bytes of a header, and tensors in it: 250 bytes for each of as many as an HDF5 file may have.
  static let largestHeader = 25_000_000
  static let mostTensors = 100_000
  static let metadataKey = "__metadata__"

  public let path: String
  public let tensors: [StoredTensor]
  /// Text by key.
  public let metadata: [String: String]
  /// In bytes from the file's start, by name.
  private let offsets: [String: Int]
  private let descriptor: Int32

  /// - Throws: `CheckpointError` if there is no such file, it is of another format, or damaged.
  public init(path: String) throws {
    self.path = path
    let (descriptor, size) = try openRegularFile(path)
    do {
      let header = try Self.header(path, descriptor, size)
      (tensors, offsets) = try Self.layOut(header.tensors, path, from: header.end, to: size)
      metadata = header.metadata
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  public func readBlocks(
    of name: String, multipleOf alignment: Int, into buffer: UnsafeMutableBufferPointer<Float>?,
    _ body: (Int, UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    let stored = try storedNumbers(name)
    if stored.elementType.isFloat {
      return try RawNumbers(
        descriptor: descriptor, offset: offsets[name]!, count: stored.shape.count,
        elementType: stored.elementType
      ).readBlocks(multipleOf: alignment, into: buffer, path: path, name: name, body)
    }
    let floats = try readIntegers(name).map { Float($0) }
    floats.withUnsafeBufferPointer { _ = buffer?.update(from: $0) }
    try floats.withUnsafeBufferPointer { try body(0, buffer.map { UnsafeBufferPointer($0) } ?? $0) }
  }

  public func readIntegers(_ name: String) throws -> [Int64] {
    let stored = try storedIntegers(name)
    return try RawNumbers(
      descriptor: descriptor, offset: offsets[name]!, count: stored.shape.count,
      elementType: stored.elementType
    ).readIntegers(path: path, name: name)
  }

  // MARK: Header

  /// What the header says of a tensor.
  struct Entry: Codable {
    let dtype: String
    let shape: [Int]
    let dataOffsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case dataOffsets = "data_offsets"
    }
  }

  /// Decodes metadata apart from tensors: the values of both are of different kinds.
  private struct Header: Decodable {
    var tensors: [String: Entry] = [:]
    var metadata: [String: String] = [:]

    struct Key: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: Key.self)
      for key in values.allKeys {
        if key.stringValue == SafetensorsFile.metadataKey {
          metadata = try values.decode([String: String].self, forKey: key)
        } else {
          tensors[key.stringValue] = try values.decode(Entry.self, forKey: key)
        }
      }
    }
  }

  /// Whether a file starts as this format does; nothing is thrown.
  package static func looksRight(_ bytes: [UInt8], fileSize: Int) -> Bool {
    guard bytes.count >= 9, bytes[8] == UInt8(ascii: "{") else { return false }
    return headerLength(bytes) <= UInt64(clamping: fileSize)
  }

  private static func headerLength(_ bytes: [UInt8]) -> UInt64 {
    (0..<8).reversed().reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
  }

  private static func header(
    _ path: String, _ descriptor: Int32, _ size: Int
  ) throws -> (tensors: [String: Entry], metadata: [String: String], end: Int) {
    var start = [UInt8](repeating: 0, count: 8)
    guard pread(descriptor, &start, 8, 0) == 8 else {
      throw CheckpointError(path: path, "is not a safetensors file: it has only \(size) bytes")
    }
    let claimed = headerLength(start)
    guard claimed <= UInt64(size - 8) else {
      throw CheckpointError(
        path: path,
        "is not a safetensors file, or incomplete: its header claims \(claimed) bytes of a file of "
          + "\(size) bytes")
    }
    let length = Int(claimed)
    guard length <= largestHeader else {
      throw CheckpointError(
        path: path, "has a header of \(length) bytes, more than the limit of \(largestHeader)")
    }
    var text = Data(count: length)
    let received = text.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, length, 8) }
    guard received == length else {
      throw CheckpointError(path: path, "cannot be read: the file ends in its header")
    }
    // Before it is decoded, which takes many times its size.
    let count = occurrences(of: Entry.CodingKeys.dataOffsets.rawValue, in: text)
    guard count <= mostTensors else {
      throw CheckpointError(
        path: path, "has \(count) tensors in its header, more than the limit of \(mostTensors)")
    }
    let outline = JSONOutline(text)
    // Foundation would read other encodings than UTF-8 too, in which nobody has looked for keys.
    guard outline.firstFault == nil else {
      throw CheckpointError(path: path, "has a header that is not JSON as the format has it")
    }
    if let key = outline.repeatedKey {
      throw CheckpointError(
        path: path, dataset: key[0],
        (key.count == 1
          ? "is twice in the header" : "has \"\(printable(key[1]))\" twice in the header")
          + ", so that readers may take different arrays for one; write the file anew")
    }
    do {
      let header = try JSONDecoder().decode(Header.self, from: text)
      return (header.tensors, header.metadata, 8 + length)
    } catch DecodingError.keyNotFound(let key, let context) {
      throw CheckpointError(
        path: path, dataset: context.codingPath.first?.stringValue,
        "has no \"\(printable(key.stringValue))\" in the header")
    } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context)
    {
      guard let entry = context.codingPath.first?.stringValue else {
        throw CheckpointError(path: path, "has a header that is not JSON as the format has it")
      }
      let place = context.codingPath.dropFirst().map { printable($0.stringValue) }
      throw CheckpointError(
        path: path, dataset: entry,
        "has a header entry \(place.joined(separator: ".")) of another type than the format's")
    } catch {
      throw CheckpointError(path: path, "has a header that is not JSON as the format has it")
    }
  }

  private static func occurrences(of word: String, in text: Data) -> Int {
    let word = Array(word.utf8)
    return text.withUnsafeBytes { bytes in
      var (count, place) = (0, 0)
      while bytes.count - place >= word.count,
        let found = memchr(bytes.baseAddress! + place, Int32(word[0]), bytes.count - place)
      {
        place = UnsafeRawPointer(found) - bytes.baseAddress!
        if bytes.count - place >= word.count, memcmp(found, word, word.count) == 0 {
          count += 1
          place += word.count
        } else {
          place += 1
        }
      }
      return count
    }
  }

  /// Checks that the tensors fill the data from end to end.
  private static func layOut(
    _ entries: [String: Entry], _ path: String, from start: Int, to end: Int
  ) throws -> ([StoredTensor], [String: Int]) {
    var tensors: [StoredTensor] = []
    var offsets: [String: Int] = [:]
    var problems: [CheckpointError.Problem] = []
    var next = 0
    let ordered = entries.sorted {
      let (first, second) = ($0.value.dataOffsets, $1.value.dataOffsets)
      return first == second ? $0.key < $1.key : first.lexicographicallyPrecedes(second)
    }
    for (name, entry) in ordered {
      guard entry.dataOffsets.count == 2, entry.dataOffsets[0] == next,
        entry.dataOffsets[1] >= next, entry.dataOffsets[1] <= end - start
      else {
        problems.append(
          .init(
            dataset: name,
            "has the data offsets \(entry.dataOffsets), expected [\(next), …] within "
              + "\(end - start) bytes"))
        break
      }
      let bytes = entry.dataOffsets[1] - next
      (offsets[name], next) = (start + next, next + bytes)
      let elementType = StoredElementType(safetensors: entry.dtype)
      var size: Int? = 1
      if case .other = elementType {} else { size = elementType.byteCount }
      var count: Int? = size
      for extent in entry.shape {
        guard extent >= 0, let product = count?.multipliedReportingOverflow(by: max(extent, 1)),
          !product.overflow
        else {
          count = nil
          break
        }
        count = product.partialValue
      }
      if entry.shape.contains(0) { count = count.map { _ in 0 } }
      guard let count, entry.shape.count <= 32 else {
        problems.append(
          .init(dataset: name, "has the shape \(entry.shape), which no array can have"))
        continue
      }
      // An element type we do not know may have any size.
      if case .other = elementType {
      } else if count != bytes {
        problems.append(
          .init(
            dataset: name,
            "has shape \(Shape(entry.shape)) of \(elementType), \(count) bytes, but \(bytes) bytes "
              + "of data"))
        continue
      }
      tensors.append(
        StoredTensor(name: name, shape: Shape(entry.shape), elementType: elementType))
    }
    if problems.isEmpty, next != end - start {
      problems.append(
        .init("has \(end - start) bytes of data, of which its header describes \(next)"))
    }
    guard problems.isEmpty else { throw CheckpointError(path: path, problems: problems) }
    return (tensors.sorted { $0.name < $1.name }, offsets)
  }
}

extension StoredElementType {
  /// By the format's name.
  init(safetensors name: String) {
    self =
      switch name {
      case "F16": .float16
      case "BF16": .bfloat16
      case "F32": .float32
      case "F64": .float64
      case "I8": .integer(bits: 8, signed: true)
      case "I16": .integer(bits: 16, signed: true)
      case "I32": .integer(bits: 32, signed: true)
      case "I64": .integer(bits: 64, signed: true)
      case "U8": .integer(bits: 8, signed: false)
      case "U16": .integer(bits: 16, signed: false)
      case "U32": .integer(bits: 32, signed: false)
      case "U64": .integer(bits: 64, signed: false)
      default: .other(printable(name))
      }
  }
}
