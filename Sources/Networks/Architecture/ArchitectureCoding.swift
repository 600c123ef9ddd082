import TensorGraph

/// Decoding goes through the checking initialiser: what was read can be built.
extension Architecture: Codable {
  private enum Key: String, CodingKey {
    case name, height, width, channels, classes, layers, aliases, denseInitialization
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let name = try values.decode(String.self, forKey: .name)
    let extents = (
      try values.decode(Int.self, forKey: .height), try values.decode(Int.self, forKey: .width),
      try values.decode(Int.self, forKey: .channels)
    )
    // A shape cannot hold a negative extent, so these are checked before there is one.
    try Limits.check(
      positive: [("height", extents.0), ("width", extents.1), ("channels", extents.2)], in: name)
    try self.init(
      name: name, inputShape: [extents.0, extents.1, extents.2],
      classes: try values.decode(Int.self, forKey: .classes),
      nodes: try values.decode([LayerNode].self, forKey: .layers),
      aliases: try values.decodeIfPresent([String: String].self, forKey: .aliases) ?? [:],
      denseInitialization: try values.decodeIfPresent(
        DenseInitialization.self, forKey: .denseInitialization) ?? .uniform)
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(name, forKey: .name)
    try values.encode(inputShape[0], forKey: .height)
    try values.encode(inputShape[1], forKey: .width)
    try values.encode(inputShape[2], forKey: .channels)
    try values.encode(classes, forKey: .classes)
    try values.encode(nodes, forKey: .layers)
    try values.encode(aliases, forKey: .aliases)
    try values.encode(denseInitialization, forKey: .denseInitialization)
  }
}
