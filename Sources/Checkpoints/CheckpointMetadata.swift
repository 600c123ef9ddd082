import Foundation
import TensorFiles

/// What a file records of its network, as attributes of the root group. Files of others have none of
/// them, so each may be missing.
///
/// Attributes: `format` (text, "trompe"), `formatVersion` (integer), `architecture` (text, JSON),
/// `classNames` (text, JSON array of strings), `preprocessing` (text, JSON), `provenance` (text, JSON
/// object). The JSON of `architecture` and `preprocessing` belongs to their readers.
public struct CheckpointMetadata: Hashable, Sendable {
  public static let format = "trompe"
  /// The newest version that this code reads, and the one it writes.
  public static let formatVersion: Int64 = 1

  public var architecture: String?
  public var classNames: [String]?
  public var preprocessing: String?
  public var provenance: Provenance?

  public init(
    architecture: String? = nil, classNames: [String]? = nil, preprocessing: String? = nil,
    provenance: Provenance? = nil
  ) {
    self.architecture = architecture
    self.classNames = classNames
    self.preprocessing = preprocessing
    self.provenance = provenance
  }

  enum Name {
    static let format = "format"
    static let formatVersion = "formatVersion"
    static let architecture = "architecture"
    static let classNames = "classNames"
    static let preprocessing = "preprocessing"
    static let provenance = "provenance"
  }
}

extension CheckpointMetadata {
  /// From the attributes of the root group. Attributes of the same names mean other things in the
  /// files of others, so without ours there is no metadata.
  ///
  /// - Throws: `CheckpointError` if an attribute is not what it should be, or if a newer version of
  ///   Trompe wrote the file.
  init(_ attributes: [String: HDF5Attribute], path: String) throws {
    self.init()
    guard attributes[Name.format] == .text(Self.format) else { return }
    if let version = attributes[Name.formatVersion] {
      guard case .integer(let number) = version, number >= 1 else {
        throw CheckpointError(
          path: path, dataset: "@" + Name.formatVersion, "is not a positive integer")
      }
      guard number <= Self.formatVersion else {
        throw CheckpointError(
          path: path,
          "has format version \(number), this version of Trompe reads up to "
            + "\(Self.formatVersion): use a newer one")
      }
    }
    func text(_ name: String) throws -> String? {
      guard let attribute = attributes[name] else { return nil }
      guard case .text(let text) = attribute else {
        throw CheckpointError(path: path, dataset: "@" + name, "is not text")
      }
      try CheckedJSON.checkKeys(of: text, as: name, path: path)
      return text
    }
    func json<Value: Decodable>(_ name: String, _ expected: String) throws -> Value? {
      guard let text = try text(name) else { return nil }
      do {
        return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
      } catch {
        throw CheckpointError(path: path, dataset: "@" + name, "is not \(expected) in JSON")
      }
    }
    architecture = try text(Name.architecture)
    classNames = try json(Name.classNames, "an array of names")
    preprocessing = try text(Name.preprocessing)
    provenance = try json(Name.provenance, "a provenance object")
  }

  /// What there is, by attribute, apart from format and version; the same metadata gives the same
  /// texts.
  ///
  /// - Throws: `CheckpointError` if a number in it is not finite.
  func texts(path: String) throws -> [(name: String, text: String)] {
    func json(_ value: some Encodable, _ name: String) throws -> String {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      do {
        return String(decoding: try encoder.encode(value), as: UTF8.self)
      } catch {
        throw CheckpointError(
          path: path, dataset: "@" + name, "has a number that JSON cannot hold (infinite or NaN)")
      }
    }
    var texts: [(String, String)] = []
    if let architecture { texts.append((Name.architecture, architecture)) }
    if let classNames { texts.append((Name.classNames, try json(classNames, Name.classNames))) }
    if let preprocessing { texts.append((Name.preprocessing, preprocessing)) }
    if let provenance { texts.append((Name.provenance, try json(provenance, Name.provenance))) }
    return texts
  }
}

extension HDF5File {
  /// - Throws: `CheckpointError` if an attribute is not what it should be, or if a newer version of
  ///   Trompe wrote the file.
  public func readMetadata() throws -> CheckpointMetadata {
    try CheckpointMetadata(attributes(), path: path)
  }
}

extension HDF5Writer {
  /// Writes what there is; the same metadata gives the same bytes.
  ///
  /// - Throws: `CheckpointError` if it cannot be written, or a number in it is not finite.
  public mutating func write(_ metadata: CheckpointMetadata) throws {
    try setAttribute(
      CheckpointMetadata.Name.format, to: .text(CheckpointMetadata.format))
    try setAttribute(
      CheckpointMetadata.Name.formatVersion, to: .integer(CheckpointMetadata.formatVersion))
    for (name, text) in try metadata.texts(path: path) {
      try setAttribute(name, to: .text(text))
    }
  }
}

/// Where a format has a list of texts by key that all programs share: safetensors, and an entry of
/// PyTorch's zip archives.
extension CheckpointMetadata {
  /// Our keys begin so.
  private static let prefix = "trompe."

  /// - Throws: as `HDF5File.readMetadata`.
  init(list: [String: String], path: String) throws {
    var attributes: [String: HDF5Attribute] = [:]
    for (key, text) in list where key.hasPrefix(Self.prefix) {
      attributes[String(key.dropFirst(Self.prefix.count))] = .text(text)
    }
    guard case .text(let version)? = attributes[Name.formatVersion] else {
      self.init()
      return
    }
    attributes[Name.format] = .text(Self.format)
    attributes[Name.formatVersion] = .integer(Int64(version) ?? 0)
    try self.init(attributes, path: path)
  }

  /// The list that holds the metadata.
  ///
  /// - Throws: `CheckpointError` if a number in it is not finite.
  func list(path: String) throws -> [String: String] {
    var list = [Self.prefix + Name.formatVersion: "\(Self.formatVersion)"]
    for (name, text) in try texts(path: path) { list[Self.prefix + name] = text }
    return list
  }
}
