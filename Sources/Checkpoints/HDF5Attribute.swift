import CHDF5
import Foundation

/// The value of an attribute of a group.
public enum HDF5Attribute: Hashable, Sendable {
  case text(String)
  case texts([String])
  case integer(Int64)
  case integers([Int64])
  case number(Double)
  case numbers([Double])
  /// Neither text nor numbers; listed, never read.
  case other
}

extension HDF5File {
  /// All attributes of a group, by default the root. Arrays of any rank come as one row.
  ///
  /// - Throws: `CheckpointError` if there is no such group, or its attributes cannot be read.
  public func attributes(ofGroup group: String = "") throws -> [String: HDF5Attribute] {
    let place = group.isEmpty ? nil : group
    guard group.isEmpty || groups.contains(group) else {
      throw CheckpointError(path: path, dataset: group, "is missing, expected a group")
    }
    var message: UnsafeMutablePointer<UInt8>?
    var length = 0
    try HDF5Library.alone {
      let opened = try HDF5Handle.open(
        H5Gopen2(identifier, "/" + group, 0), path: path, dataset: place,
        failing: "cannot be opened")
      guard
        hdf5_fetch_attributes(opened.identifier, limits.attributeBytes, &message, &length) == 0
      else {
        throw CheckpointError(
          path: path, dataset: place,
          "has attributes that are damaged or larger than \(limits.attributeBytes) bytes")
      }
    }
    defer { free(message) }
    var parser = AttributeMessage(bytes: UnsafeBufferPointer(start: message, count: length))
    var attributes: [String: HDF5Attribute] = [:]
    while !parser.isAtEnd {
      guard let (name, value) = parser.next() else {
        throw CheckpointError(
          path: path, dataset: place, "has an attribute that is not UTF-8 text")
      }
      attributes[name] = value
    }
    return attributes
  }
}

/// What `hdf5_fetch_attributes` sends.
private struct AttributeMessage {
  let bytes: UnsafeBufferPointer<UInt8>
  var position = 0

  init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }

  mutating func next() -> (String, HDF5Attribute)? {
    guard let name = text(), let kind = number(), let isArray = number(), let count = number(),
      count <= UInt64(bytes.count)
    else { return nil }
    switch UInt32(truncatingIfNeeded: kind) {
    case hdf5_text_attribute.rawValue:
      var texts: [String] = []
      for _ in 0..<count {
        guard let text = text() else { return nil }
        texts.append(text)
      }
      return (name, isArray == 0 && count == 1 ? .text(texts[0]) : .texts(texts))
    case hdf5_integer_attribute.rawValue:
      guard let words = words(Int(count)) else { return nil }
      let integers = words.map { Int64(bitPattern: $0) }
      return (name, isArray == 0 && count == 1 ? .integer(integers[0]) : .integers(integers))
    case hdf5_float_attribute.rawValue:
      guard let words = words(Int(count)) else { return nil }
      let numbers = words.map { Double(bitPattern: $0) }
      return (name, isArray == 0 && count == 1 ? .number(numbers[0]) : .numbers(numbers))
    default: return (name, .other)
    }
  }

  private mutating func number() -> UInt64? {
    guard bytes.count - position >= 8 else { return nil }
    let number = UnsafeRawBufferPointer(bytes).loadUnaligned(
      fromByteOffset: position, as: UInt64.self)
    position += 8
    return number
  }

  private mutating func words(_ count: Int) -> [UInt64]? {
    var words: [UInt64] = []
    for _ in 0..<count {
      guard let word = number() else { return nil }
      words.append(word)
    }
    return words
  }

  private mutating func text() -> String? {
    guard let length = number(), length <= UInt64(bytes.count - position) else { return nil }
    let end = position + Int(length)
    defer { position = end }
    return String(validating: bytes[position..<end], as: UTF8.self)
  }
}
