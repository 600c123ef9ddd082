import ImageData
import Recipes

/// A file's preprocessing: `Preprocessing`'s own keys, and `"assumed": true` where nobody had said how
/// images are normalised when the file was written.
public struct RecordedPreprocessing: Codable, Hashable, Sendable {
  public var preprocessing: Preprocessing
  public var isAssumed: Bool

  public init(_ preprocessing: Preprocessing, isAssumed: Bool) {
    (self.preprocessing, self.isAssumed) = (preprocessing, isAssumed)
  }

  private enum Key: String, CodingKey { case assumed }

  public init(from decoder: any Decoder) throws {
    preprocessing = try Preprocessing(from: decoder)
    isAssumed =
      try decoder.container(keyedBy: Key.self).decodeIfPresent(Bool.self, forKey: .assumed) ?? false
  }

  public func encode(to encoder: any Encoder) throws {
    try preprocessing.encode(to: encoder)
    guard isAssumed else { return }
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(true, forKey: .assumed)
  }
}

extension NetworkSection {
  /// The section with what was assumed written out, so that a resolved recipe has the value that
  /// counted.
  package func completed(by network: LoadedNetwork) -> NetworkSection {
    guard network.assumesNormalization else { return self }
    var section = self
    (section.preprocessing, section.saysNormalization) = (network.preprocessing, true)
    section.assumesNormalization = true
    return section
  }
}

extension LoadedNetwork {
  /// Stands before a resolved recipe whose normalisation is a guess; empty otherwise.
  fileprivate var recipeComment: String {
    assumesNormalization
      ? "# The values under network.preprocessing are assumed: neither the recipe nor the network's "
        + "file says how images are normalised.\n" : ""
  }
}

/// A recipe that names one network for all that is done.
package protocol NetworkRecipe {
  var network: NetworkSection { get set }
  func resolvedYAML() -> String
}

extension FoolingRecipe: NetworkRecipe {}
extension TrainingRecipe: NetworkRecipe {}
extension AttackRecipe: NetworkRecipe {}
extension InfluenceRecipe: NetworkRecipe {}
extension StudyRecipe: NetworkRecipe {}

extension NetworkRecipe {
  /// The recipe with every default written out, also what was assumed of the loaded network, under a
  /// comment that says so.
  package func resolvedYAML(for network: LoadedNetwork) -> String {
    var resolved = self
    resolved.network = resolved.network.completed(by: network)
    return network.recipeComment + resolved.resolvedYAML()
  }
}
