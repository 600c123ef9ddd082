import Networks
import TensorGraph

/// How one node, or two, are one of Keras's layers.
extension KerasWriting {
  mutating func simple(
    _ className: String, _ node: LayerNode, _ inputs: [Reference], _ config: [String: Any] = [:]
  ) {
    let name = renamed[node.name] ?? node.name
    results[node.name] = write(className, name, inputs, config)
  }

  /// A layer with weights, and the activation function that belongs to it.
  /// - Parameter given: its name, if that is not that of its weights.
  mutating func weighted(
    _ className: String, _ index: Int, _ inputs: [Reference], _ config: [String: Any],
    name given: String? = nil
  ) throws(NetworkError) {
    let node = architecture.nodes[index]
    let name = given ?? node.parameterPrefix
    // All calls of a layer have its activation function, or none.
    let function = merged(index, suffix: "linear")
    let activation = function.flatMap { following in
      following.name == name || sharers[node.parameterPrefix, default: 0] > 1
        ? following.layer.kerasActivation : nil
    }
    var config = config
    config["activation"] = activation ?? "linear"
    let result = try writeCall(className, name, node, inputs, config)
    results[node.name] = result
    if let function, activation != nil {
      results[function.name] = result
      note(function)
    } else if let function, function.name == name, case .activation = function.layer {
      // A function without a name in Keras is a layer of its own.
      renamed[function.name] = "\(function.name).activation"
    } else if name != node.name, result.call == 0, shapes[name] != nil {
      throw error(node, "its weights have the name of another layer, \(name)")
    }
  }

  mutating func global(
    _ className: String, _ node: LayerNode, _ row: LayerNode, _ inputs: [Reference]
  ) {
    if isNonNegative.contains(node.name) { isNonNegative.insert(row.name) }
    let result = write(className, row.name, inputs)
    (results[node.name], results[row.name]) = (result, result)
  }

  mutating func pool(
    _ className: String, _ node: LayerNode, _ window: Window2D, _ x: Shape, _ input: Reference,
    isMaximum: Bool, forbidsSame: Bool = false
  ) throws(NetworkError) {
    guard window.dilationY == 1, window.dilationX == 1 else {
      throw error(node, "Keras's pooling knows no dilation")
    }
    let source = try padded(
      node, window, x, input, isMaximum: isMaximum, forbidsSame: forbidsSame)
    var config = Self.window(window, source.padding)
    config["pool_size"] = [window.height, window.width]
    simple(className, node, [source.input], config)
  }

  /// What a layer with this window reads, and its `padding`: a layer of zeros before it where Keras
  /// has no name for the window's padding.
  mutating func padded(
    _ node: LayerNode, _ window: Window2D, _ x: Shape, _ input: Reference, isMaximum: Bool,
    forbidsSame: Bool = false
  ) throws(NetworkError) -> (input: Reference, padding: String) {
    guard window.isPadded else { return (input, "valid") }
    let isSame = sameCalls(of: node).allSatisfy { window == window.same(for: $0) }
    if !forbidsSame, isSame { return (input, "same") }
    guard !isMaximum || isNonNegative.contains(node.inputs[0]) else {
      throw error(node, "its padding is not Keras's \"same\", and zeros might be the maximum")
    }
    let padding = write(
      "ZeroPadding2D", "\(node.name).padding", [input],
      ["padding": [[window.top, window.bottom], [window.left, window.right]]])
    return (padding, "valid")
  }

  /// What all calls of a node's layer read.
  private func sameCalls(of node: LayerNode) -> [Shape] {
    guard sharers[node.parameterPrefix, default: 0] > 1 else { return [shapes[node.inputs[0]]!] }
    return architecture.nodes.filter {
      $0.parameterPrefix == node.parameterPrefix && !$0.parameters.isEmpty
    }.map { shapes[$0.inputs[0]]! }
  }

  mutating func adaptive(
    _ node: LayerNode, _ height: Int, _ width: Int, _ x: Shape, _ inputs: [Reference]
  ) throws(NetworkError) {
    guard x[0] % height == 0, x[1] % width == 0 else {
      throw error(node, "\(x[0])×\(x[1]) pixels do not divide into \(height)×\(width) means")
    }
    let size = [x[0] / height, x[1] / width]
    if size == [1, 1] {
      simple("Activation", node, inputs, ["activation": "linear"])
    } else {
      simple(
        "AveragePooling2D", node, inputs, ["pool_size": size, "strides": size, "padding": "valid"])
    }
  }

  static func window(_ window: Window2D, _ padding: String) -> [String: Any] {
    ["strides": [window.strideY, window.strideX], "padding": padding]
  }
}

extension Layer {
  /// The name by which Keras has it as the activation of another layer.
  var kerasActivation: String? {
    switch self {
    case .relu: "relu"
    case .softmax: "softmax"
    case .activation(let function): function.kerasName
    default: nil
    }
  }
}
