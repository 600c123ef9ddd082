import Networks

/// Which heatmap to compute, as a recipe says it: `{"name": "grad-cam", "layer": "layer4"}`.
public struct InterpreterSpecification: Codable, Hashable, Sendable {
  /// A name of `InterpreterKind.all`.
  public var name: String
  /// Target layer of methods that have one.
  public var layer: String?

  public init(name: String, layer: String? = nil) { (self.name, self.layer) = (name, layer) }

  /// The method itself.
  ///
  /// - Throws: `NetworkError` for an unknown name (listing the known ones) or a layer that is missing
  ///   or not taken.
  public func interpreter() throws(NetworkError) -> any Interpreter {
    let kind = try InterpreterKind.named(name)
    switch (kind.place, layer) {
    case (.targetLayer, nil):
      throw NetworkError(
        "\(name) needs \"layer\": the activation at which to explain, e.g. the last convolutional "
          + "block")
    case (.input, let layer?):
      throw NetworkError("\(name) explains at the input and takes no layer (\"\(layer)\" given)")
    default: return kind.make(self)
    }
  }

  // MARK: Coding

  private enum Key: String, CodingKey, CaseIterable { case name, layer }

  /// Unknown keys are errors: a misspelt option must not be ignored.
  public init(from decoder: any Decoder) throws {
    try decoder.rejectUnknownKeys(besides: Key.self, of: "interpreter")
    let values = try decoder.container(keyedBy: Key.self)
    self.init(
      name: try values.decode(String.self, forKey: .name),
      layer: try values.decodeIfPresent(String.self, forKey: .layer))
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(name, forKey: .name)
    try values.encodeIfPresent(layer, forKey: .layer)
  }
}
