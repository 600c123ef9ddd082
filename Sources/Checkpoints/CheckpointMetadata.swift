import Foundation

/// What a file says about its network, as attributes of the root group. Files of others have none of
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

extension HDF5File {
  /// - Throws: `CheckpointError` if an attribute is not what it should be, or if a newer version of
  ///   Trompe wrote the file.
  public func readMetadata() throws -> CheckpointMetadata {
    let attributes = try attributes()
    guard attributes[CheckpointMetadata.Name.format] == .text(CheckpointMetadata.format) else {
      // Attributes of the same names mean other things in the files of others.
      return CheckpointMetadata()
    }
    if let version = attributes[CheckpointMetadata.Name.formatVersion] {
      guard case .integer(let number) = version, number >= 1 else {
        throw CheckpointError(
          path: path, dataset: "@" + CheckpointMetadata.Name.formatVersion,
          "is not a positive integer")
      }
      guard number <= CheckpointMetadata.formatVersion else {
        throw CheckpointError(
          path: path,
          "has format version \(number), this version of Trompe reads up to "
            + "\(CheckpointMetadata.formatVersion): use a newer one")
      }
    }
    func text(_ name: String) throws -> String? {
      guard let attribute = attributes[name] else { return nil }
      guard case .text(let text) = attribute else {
        throw CheckpointError(path: path, dataset: "@" + name, "is not text")
      }
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
    return CheckpointMetadata(
      architecture: try text(CheckpointMetadata.Name.architecture),
      classNames: try json(CheckpointMetadata.Name.classNames, "an array of names"),
      preprocessing: try text(CheckpointMetadata.Name.preprocessing),
      provenance: try json(CheckpointMetadata.Name.provenance, "a provenance object"))
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
    if let architecture = metadata.architecture {
      try setAttribute(CheckpointMetadata.Name.architecture, to: .text(architecture))
    }
    if let classNames = metadata.classNames {
      try setAttribute(
        CheckpointMetadata.Name.classNames,
        to: .text(json(classNames, CheckpointMetadata.Name.classNames)))
    }
    if let preprocessing = metadata.preprocessing {
      try setAttribute(CheckpointMetadata.Name.preprocessing, to: .text(preprocessing))
    }
    if let provenance = metadata.provenance {
      try setAttribute(
        CheckpointMetadata.Name.provenance,
        to: .text(json(provenance, CheckpointMetadata.Name.provenance)))
    }
  }

  private func json<Value: Encodable>(_ value: Value, _ name: String) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(value), as: UTF8.self)
    } catch {
      throw CheckpointError(
        path: path, dataset: "@" + name, "has a number that JSON cannot hold (infinite or NaN)")
    }
  }
}
