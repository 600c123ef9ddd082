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
    try attributes(ofGroups: [group])[0]
  }

  /// All attributes of each group, where "" is the root.
  ///
  /// - Throws: `CheckpointError` naming a group that is not there, or whose attributes cannot be read.
  public func attributes(ofGroups names: [String]) throws -> [[String: HDF5Attribute]] {
    for name in names where !name.isEmpty && !hasGroup(name) {
      throw CheckpointError(path: path, dataset: name, "is missing, expected a group")
    }
    let listed = names.compactMap { listedAttributes[$0] }
    if listed.count == names.count { return listed }
    var bytes: UnsafeMutablePointer<UInt8>?
    var length = 0
    defer { free(bytes) }
    let paths = names.map { strdup("/" + $0) }
    defer { for path in paths { free(path) } }
    var source = source
    let isWhole = paths.map { UnsafePointer($0) }.withUnsafeBufferPointer { paths in
      HDF5Library.alone {
        hdf5_fetch_attributes(
          &source, paths.baseAddress, paths.count, limits.attributeBytes, &bytes, &length) == 0
      }
    }
    var message = HDF5Message(bytes: UnsafeBufferPointer(start: bytes, count: length))
    var all: [[String: HDF5Attribute]] = []
    for name in names {
      guard let attributes = message.attributes() else {
        throw CheckpointError(
          path: path, dataset: name.isEmpty ? nil : name,
          isWhole
            ? "has an attribute that is not UTF-8 text"
            : "has attributes that are damaged or larger than \(limits.attributeBytes) bytes")
      }
      all.append(attributes)
    }
    return all
  }
}

extension HDF5Message {
  /// Those of one group; nil where the message ends or a text is not UTF-8.
  mutating func attributes() -> [String: HDF5Attribute]? {
    var attributes: [String: HDF5Attribute] = [:]
    while !takeEndOfObject() {
      guard let (name, value) = attribute() else { return nil }
      attributes[name] = value
    }
    return attributes
  }

  private mutating func takeEndOfObject() -> Bool {
    let start = position
    if number() == hdf5_end_of_object { return true }
    position = start
    return false
  }

  private mutating func attribute() -> (String, HDF5Attribute)? {
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
      guard let words = numbers(count) else { return nil }
      let integers = words.map { Int64(bitPattern: $0) }
      return (name, isArray == 0 && count == 1 ? .integer(integers[0]) : .integers(integers))
    case hdf5_float_attribute.rawValue:
      guard let words = numbers(count) else { return nil }
      let numbers = words.map { Double(bitPattern: $0) }
      return (name, isArray == 0 && count == 1 ? .number(numbers[0]) : .numbers(numbers))
    default: return (name, .other)
    }
  }
}
