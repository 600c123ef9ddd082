import TensorGraph

/// An image classifier as a directed acyclic graph of named layers, without weights.
///
/// Every value of this type has been checked: names are unique, inputs precede their readers and
/// all shapes fit. The last node gives one number for each class.
public struct Architecture: Hashable, Sendable {
  /// What a node's `inputs` call the image.
  public static let inputName = "input"

  public let name: String
  /// [height, width, channels] of the image.
  public let inputShape: Shape
  /// Two where the network gives one number (`ClassifierOutput.binary`).
  public let classes: Int
  public let nodes: [LayerNode]
  /// Further names of activations: `layer4` for the last node of that stage.
  public let aliases: [String: String]
  public let denseInitialization: DenseInitialization

  /// Shape of each node's activation without the batch axis, in the order of `nodes`.
  public let shapes: [Shape]

  /// - Throws: `NetworkError` naming the node at fault and the names or shapes involved.
  public init(
    name: String, inputShape: Shape, classes: Int, nodes: [LayerNode],
    aliases: [String: String] = [:], denseInitialization: DenseInitialization = .uniform
  ) throws(NetworkError) {
    (self.name, self.inputShape) = (name, inputShape)
    let isBinary =
      classes == 2 || classes == 1 && nodes.last?.layer == .activation(.sigmoid)
    (self.nodes, self.aliases) = (nodes, aliases)
    self.denseInitialization = denseInitialization
    guard inputShape.rank == 3 else {
      throw NetworkError("\(name): input \(inputShape), expected [height, width, channels]")
    }
    try Limits.check(
      positive: [
        ("height", inputShape[0]), ("width", inputShape[1]), ("channels", inputShape[2]),
        ("classes", classes),
      ], in: name)
    try Limits.check(inputShape, of: "\(name): the input")
    guard (1...Limits.nodes).contains(nodes.count) else {
      throw NetworkError("\(name): \(nodes.count) layers, expected 1 to \(Limits.nodes)")
    }
    shapes = try Self.inferShapes(name, inputShape, nodes)
    self.classes = isBinary && shapes[nodes.count - 1] == [1] ? 2 : classes
    try Self.check(aliases, of: name, nodes)
    guard shapes[nodes.count - 1] == [classes] || isBinary && shapes[nodes.count - 1] == [1] else {
      throw NetworkError(
        "\(name): the last layer, \(nodes[nodes.count - 1].name), gives "
          + "\(shapes[nodes.count - 1]), expected [\(classes)] for \(classes) classes")
    }
  }

  private static func inferShapes(
    _ name: String, _ inputShape: Shape, _ nodes: [LayerNode]
  ) throws(NetworkError) -> [Shape] {
    var known = [inputName: inputShape]
    var parameters: [String: Layer] = [:]
    var shapes: [Shape] = []
    for node in nodes {
      guard !node.name.isEmpty else { throw NetworkError("\(name): a layer has an empty name") }
      guard known[node.name] == nil else {
        throw NetworkError(
          node.name == inputName
            ? "\(name): no layer may be called \"\(inputName)\", the image's own name"
            : "\(name): two layers are called \"\(node.name)\"")
      }
      var inputs: [Shape] = []
      for input in node.inputs {
        guard let shape = known[input] else {
          throw NetworkError(
            "\(name): \(node.name) reads \"\(input)\", which is no earlier layer; "
              + NameSuggestions.sentence(for: input, among: known.keys.sorted()))
        }
        inputs.append(shape)
      }
      let shape: Shape
      do {
        try node.layer.checkNumbers()
        shape = try node.layer.outputShape(of: inputs)
        try Limits.check(shape, of: "the result")
      } catch {
        throw NetworkError("\(name): \(node.name): \(error.description)")
      }
      // A layer that is called several times is several nodes with the same parameters.
      for parameter in node.parameters {
        let other = parameters.updateValue(node.layer, forKey: parameter.name) ?? node.layer
        guard other == node.layer else {
          throw NetworkError(
            "\(name): \(node.name): two layers have a parameter \(parameter.name)")
        }
      }
      known[node.name] = shape
      shapes.append(shape)
    }
    return shapes
  }

  private static func check(
    _ aliases: [String: String], of name: String, _ nodes: [LayerNode]
  ) throws(NetworkError) {
    let names = Set(nodes.map(\.name))
    for (alias, target) in aliases.sorted(by: { $0.key < $1.key }) {
      guard !names.contains(alias), alias != inputName, !alias.isEmpty else {
        throw NetworkError("\(name): the alias \"\(alias)\" is the name of a layer or of the image")
      }
      guard names.contains(target) else {
        throw NetworkError(
          "\(name): the alias \"\(alias)\" stands for \"\(target)\"; "
            + NameSuggestions.sentence(for: target, among: nodes.map(\.name)))
      }
    }
  }

  // MARK: Activations

  /// Every name by which an activation can be chosen: layers in order, each followed by its
  /// aliases.
  public var activationNames: [String] {
    let further = Dictionary(grouping: aliases.keys.sorted()) { aliases[$0]! }
    return nodes.flatMap { [$0.name] + (further[$0.name] ?? []) }
  }

  /// Names of the network's stages whose ends have height and width, in order: the usual target
  /// layers. Where nothing has such a name, the last layer with height and width.
  public var stages: [String] {
    let ends = activationNames.filter { name in
      aliases[name].flatMap { try? shape(of: $0) }.map { $0.rank == 3 && $0[0] * $0[1] > 1 }
        ?? false
    }
    guard ends.isEmpty else { return ends }
    return shapes.lastIndex { $0.rank == 3 && $0[0] * $0[1] > 1 }.map { [nodes[$0].name] } ?? []
  }

  /// The position in `nodes` of the layer that `activation` names, itself or by an alias.
  ///
  /// - Throws: `NetworkError` listing the valid names, the closest first.
  public func index(of activation: String) throws(NetworkError) -> Int {
    let target = aliases[activation] ?? activation
    guard let index = nodes.firstIndex(where: { $0.name == target }) else {
      throw NetworkError(
        "\(name) has no layer \"\(activation)\": "
          + NameSuggestions.sentence(for: activation, among: activationNames))
    }
    return index
  }

  /// The name of the layer that `activation` names, itself or by an alias.
  ///
  /// - Throws: as `index(of:)`.
  public func layerName(of activation: String) throws(NetworkError) -> String {
    nodes[try index(of: activation)].name
  }

  /// Shape of an activation without the batch axis.
  public func shape(of activation: String) throws(NetworkError) -> Shape {
    shapes[try index(of: activation)]
  }
}
