import TensorFiles

/// Where a network comes from and what was done to it: saved with it, so that a manipulated network
/// says that it is one.
public struct Provenance: Codable, Hashable, Sendable {
  /// The version of Trompe that wrote the file.
  public var toolVersion: String?
  /// The recipe's text as it was run.
  public var recipe: String?
  /// SHA-256 of the file that the manipulation started from, 64 hexadecimal digits.
  public var originalSHA256: String?
  public var seed: UInt64?
  /// Accuracies by name, such as `top1`, in [0, 1].
  public var accuracy: [String: Double] = [:]
  /// Fooling success rates by interpreter, in [0, 1].
  public var fsr: [String: Double] = [:]
  /// Whether the explanations of this network were made to lie; `nil` if nobody has said.
  public var manipulated: Bool?
  public var note: String?
  /// Keys that this version does not know; kept when the file is written again.
  public var other: [String: JSONValue] = [:]

  public init() {}

  private enum Key: String, CaseIterable {
    case toolVersion, recipe, originalSHA256, seed, accuracy, fsr, manipulated, note
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
    init(_ key: Key) { stringValue = key.rawValue }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: AnyKey.self)
    func value<Value: Decodable>(_ key: Key) throws -> Value? {
      try container.decodeIfPresent(Value.self, forKey: AnyKey(key))
    }
    toolVersion = try value(.toolVersion)
    recipe = try value(.recipe)
    originalSHA256 = try value(.originalSHA256)
    seed = try value(.seed)
    accuracy = try value(.accuracy) ?? [:]
    fsr = try value(.fsr) ?? [:]
    manipulated = try value(.manipulated)
    note = try value(.note)
    for key in container.allKeys where Key(rawValue: key.stringValue) == nil {
      other[key.stringValue] = try container.decode(JSONValue.self, forKey: key)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: AnyKey.self)
    for (key, value) in other where Key(rawValue: key) == nil {
      try container.encode(value, forKey: AnyKey(stringValue: key))
    }
    try container.encodeIfPresent(toolVersion, forKey: AnyKey(.toolVersion))
    try container.encodeIfPresent(recipe, forKey: AnyKey(.recipe))
    try container.encodeIfPresent(originalSHA256, forKey: AnyKey(.originalSHA256))
    try container.encodeIfPresent(seed, forKey: AnyKey(.seed))
    try container.encode(accuracy, forKey: AnyKey(.accuracy))
    try container.encode(fsr, forKey: AnyKey(.fsr))
    try container.encodeIfPresent(manipulated, forKey: AnyKey(.manipulated))
    try container.encodeIfPresent(note, forKey: AnyKey(.note))
  }
}
