import Foundation

/// The layers of a Keras model and who reads whom, as its `model_config` says: Keras 2 and Keras 3,
/// sequential and functional.
struct KerasModel {
  struct Layer {
    let name: String
    let className: String
    let config: KerasObject
    /// What it is called with; in a sequential model the layer before it.
    let operands: [KerasOperand]
    /// What else it is called with.
    var further: [Any] = []

    /// Names of layers.
    var inputs: [String] {
      operands.compactMap { if case .layer(let name) = $0 { name } else { nil } }
    }
  }

  let name: String
  /// [height, width, channels]; `nil` where the model takes any.
  let inputShape: [Int?]
  /// Each after those that it reads, the last one the model's output; without input layers.
  let layers: [Layer]
  /// The input layer's name.
  let input: String
  /// Whether Keras 3 wrote it.
  let isKeras3: Bool

  /// A model that Keras can write has a few kilobytes for each layer.
  private static let largestText = 64 << 20
  static let models = ["Functional", "Model", "Sequential"]

  init(_ text: String) throws(NetworkError) {
    let owner = "model_config"
    guard text.utf8.count <= Self.largestText else {
      throw NetworkError(
        "\(owner) has \(text.utf8.count) bytes, more than the \(Self.largestText) that a model has")
    }
    let parsed: Any
    do { parsed = try JSONSerialization.jsonObject(with: Data(text.utf8)) } catch {
      throw NetworkError("\(owner) is not JSON")
    }
    guard let members = parsed as? [String: Any] else {
      throw NetworkError("\(owner) is not a JSON object with class_name and config")
    }
    let root = KerasObject(owner: owner, members: members)
    let className = try root.text("class_name")
    guard Self.models.contains(className) else {
      throw root.error(
        "the model is a \(className.prefix(100)); supported are sequential and functional models")
    }
    // The first versions of Keras 2 wrote a sequential model's layers alone.
    let config =
      root.members["config"] is [Any]
      ? KerasObject(owner: owner, members: ["layers": root.members["config"]!])
      : try root.object("config")
    name = try config.text("name", default: "keras")
    let records = try config.objects("layers")
    guard (1...Limits.nodes).contains(records.count) else {
      throw config.error("\(records.count) layers, expected 1 to \(Limits.nodes)")
    }
    var layers: [Layer] = []
    for record in records {
      layers.append(
        try Self.layer(record, of: config.owner, after: className == "Sequential" ? layers : nil))
    }
    isKeras3 = layers.contains { $0.config.has("batch_shape") }
    if className == "Sequential" {
      (input, inputShape) = try Self.sequentialInput(config, layers)
      self.layers = layers.filter { $0.className != "InputLayer" }
    } else {
      (input, inputShape) = try Self.functionalInput(layers)
      let output = try Self.output(config)
      self.layers = try Self.sorted(layers, from: output, owner)
    }
    guard !self.layers.isEmpty else { throw config.error("no layers but the input") }
  }

  // MARK: Layers

  /// - Parameter previous: in a sequential model, the layers before this one.
  private static func layer(
    _ record: KerasObject, of owner: String, after previous: [Layer]?
  ) throws(NetworkError) -> Layer {
    let className = try record.text("class_name")
    var config = try record.object("config")
    let name = try record.has("name") ? record.text("name") : config.text("name")
    config.owner = "\(owner): \(name.prefix(200)) (\(className.prefix(100)))"
    // Before what it reads: calls of such layers are written in ways of their own.
    let isCalled = record.has("inbound_nodes")
    if className != "InputLayer",
      let refusal = KerasReading.refusal(className, config, isCalled: isCalled)
    {
      throw config.error(refusal)
    }
    if let previous {
      return Layer(
        name: name, className: className, config: config,
        operands: previous.last.map { [.layer($0.name)] } ?? [])
    }
    let named = KerasObject(owner: config.owner, members: record.members)
    let (operands, further) = try operands(of: named)
    return Layer(
      name: name, className: className, config: config, operands: operands, further: further)
  }

  /// The name in `["a", 0, 0]`, the only result of the only use of layer a.
  static func source(
    _ history: [Any], _ owner: KerasObject
  ) throws(NetworkError) -> String {
    guard (3...4).contains(history.count), let name = history[0] as? String,
      let node = history[1] as? Int, let tensor = history[2] as? Int
    else { throw owner.error("reads something that is not [layer, node, tensor]") }
    guard node == 0, tensor == 0 else {
      throw owner.error(
        "reads result \(tensor) of use \(node) of \(name.prefix(200)); shared layers and layers with "
          + "several results are not supported")
    }
    return name
  }

  // MARK: Input and output

  private static func sequentialInput(
    _ config: KerasObject, _ layers: [Layer]
  ) throws(NetworkError) -> (String, [Int?]) {
    for layer in layers.dropFirst() where layer.className == "InputLayer" {
      throw layer.config.error("is an input in the middle of a sequential model")
    }
    let first = layers[0]
    for (object, key) in [
      (first.config, "batch_shape"), (first.config, "batch_input_shape"),
      (config, "build_input_shape"),
    ] where object.has(key) {
      let shape = try Self.shape(object, key)
      // A layer of its own, or one that nobody can be called.
      return (first.className == "InputLayer" ? first.name : "", shape)
    }
    throw first.config.error("the model does not say the shape of its input")
  }

  private static func functionalInput(_ layers: [Layer]) throws(NetworkError) -> (String, [Int?]) {
    let inputs = layers.filter { $0.className == "InputLayer" }
    guard inputs.count == 1 else {
      throw NetworkError("model_config: \(inputs.count) input layers, expected 1")
    }
    let config = inputs[0].config
    let key = config.has("batch_shape") ? "batch_shape" : "batch_input_shape"
    return (inputs[0].name, try shape(config, key))
  }

  /// `[null, 224, 224, 3]`, without the batch axis.
  private static func shape(_ config: KerasObject, _ key: String) throws(NetworkError) -> [Int?] {
    guard let list = config.value(key) as? [Any], list.count == 4 else {
      throw config.error(
        "\(key) is not [batch, height, width, channels]; the model must take images")
    }
    var shape: [Int?] = []
    for extent in list.dropFirst() {
      if extent is NSNull {
        shape.append(nil)
        continue
      }
      guard let extent = extent as? Int else { throw config.error("\(key) holds no numbers") }
      try Limits.check(positive: [(key, extent)], in: config.owner)
      shape.append(extent)
    }
    return shape
  }

  /// `["a", 0, 0]` or `[["a", 0, 0]]`.
  private static func output(_ config: KerasObject) throws(NetworkError) -> String {
    guard let list = config.value("output_layers") as? [Any], let first = list.first else {
      throw config.error("output_layers is missing or empty")
    }
    if first is String { return try source(list, config) }
    guard list.count == 1, let history = first as? [Any] else {
      throw config.error("\(list.count) outputs, expected 1")
    }
    return try source(history, config)
  }

  // MARK: Order

  /// Without input layers, each after those that it reads, `output` last.
  private static func sorted(
    _ layers: [Layer], from output: String, _ owner: String
  ) throws(NetworkError) -> [Layer] {
    var positions: [String: Int] = [:]
    for (position, layer) in layers.enumerated() {
      guard positions.updateValue(position, forKey: layer.name) == nil else {
        throw layer.config.error("two layers have this name")
      }
    }
    guard let last = positions[output] else {
      throw NetworkError("\(owner): the output \(output.prefix(200)) is no layer")
    }
    // Depth first, with a stack of its own: a hostile file may be a chain of any length.
    var order: [Int] = []
    var state = [Int](repeating: 0, count: layers.count)  // 0 new, 1 on the way, 2 done
    var stack = [last]
    while let position = stack.last {
      let layer = layers[position]
      if state[position] == 0 {
        state[position] = 1
        for name in layer.inputs.reversed() {
          guard let source = positions[name] else {
            throw layer.config.error("reads \(name.prefix(200)), which is no layer")
          }
          guard state[source] != 1 else {
            throw layer.config.error("reads \(name.prefix(200)), which depends on it")
          }
          if state[source] == 0 { stack.append(source) }
        }
      } else {
        stack.removeLast()
        if state[position] == 1 {
          state[position] = 2
          order.append(position)
        }
      }
    }
    for (layer, state) in zip(layers, state) where state == 0 {
      throw layer.config.error("does not lead to the output \(output.prefix(200))")
    }
    // Keras's own order where it is one.
    let isOrdered = layers.indices.allSatisfy { position in
      layers[position].inputs.allSatisfy { positions[$0]! < position }
    }
    let chosen = isOrdered && last == layers.count - 1 ? Array(layers.indices) : order
    return chosen.map { layers[$0] }.filter { $0.className != "InputLayer" }
  }
}
