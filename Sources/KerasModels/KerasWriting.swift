import Foundation
import Networks
import TensorGraph

extension Architecture {
  /// The network as a functional Keras model: the `model_config` of a whole-model `.h5` file, in the
  /// form of Keras 2, which Keras 3 reads as well.
  ///
  /// Layers bear their own names, with `_` in place of the dots and slashes that not every version
  /// of Keras takes: `layer1_0_conv1`. Two steps that are one layer to Keras become one (`fc1.linear` and `fc1`; `avg_pool.mean` and `avg_pool`). Padding that Keras's
  /// layers cannot express becomes a `ZeroPadding2D` of its own, `conv1_padding`, and flattening with
  /// channels first a `Permute` before the `Flatten`. A convolution with as many groups as channels
  /// is a `DepthwiseConv2D`, and with the pointwise one of its name a `SeparableConv2D`.
  ///
  /// The layers stand in the order in which Keras will hold them (`model.layers`), on which the weights
  /// of its `.h5` files depend; `kerasLayers()` lists them.
  /// - Parameter isArchive: whether it is for a `.keras` archive, where Keras 3 has to be told the module
  ///   of the class.
  /// - Throws: `NetworkError` naming a layer that Keras does not have.
  public func kerasModelConfig(isArchive: Bool = false) throws(NetworkError) -> String {
    let writing = try KerasWriting(self)
    let config: [String: Any] = [
      "name": name, "trainable": true, "layers": writing.layers.map(\.record),
      "input_layers": [[Self.inputName, 0, 0] as [Any]],
      "output_layers": [[writing.output.name, writing.output.call, 0] as [Any]],
    ]
    var model: [String: Any] = ["class_name": "Functional", "config": config]
    if isArchive {
      model["module"] = "keras.src.models.functional"
      model["registered_name"] = "Functional"
    }
    do {
      let data = try JSONSerialization.data(
        withJSONObject: model, options: [.sortedKeys, .withoutEscapingSlashes])
      return String(decoding: data, as: UTF8.self)
    } catch {
      preconditionFailure("\(name): finite numbers and text are JSON")
    }
  }
}

extension Architecture {
  /// The layers of `kerasModelConfig()` in the order of Keras's `model.layers`: their names there, and
  /// the `NetworkParameter.layer` of the parameters that they would have.
  /// - Throws: `NetworkError` naming a layer that Keras does not have.
  public func kerasLayers() throws(NetworkError) -> [(name: String, parameters: String)] {
    try KerasWriting(self).layers.map { ($0.name, $0.parameters) }
  }
}

/// Nodes as Keras's layers.
struct KerasWriting {
  /// The result of one call of a layer.
  struct Reference: Hashable {
    /// As Keras takes it.
    let name: String
    let call: Int

    init(_ name: String, call: Int = 0) {
      (self.name, self.call) = (KerasWriting.legal(name), call)
    }
  }

  struct Layer {
    let name: String
    /// The name as it is here.
    let parameters: String
    let className: String
    let config: [String: Any]
    /// What each of its calls reads; of the input layer none.
    var calls: [[Reference]]

    /// In `model_config`.
    var record: [String: Any] {
      let calls: [[[Any]]] = calls.map { $0.map { [$0.name, $0.call, 0, [String: Any]()] } }
      return ["class_name": className, "name": name, "config": config, "inbound_nodes": calls]
    }
  }

  let architecture: Architecture
  var layers: [Layer] = []
  /// The network's result.
  private(set) var output = Reference("")
  /// By the names here, places in `layers`.
  private var positions: [String: Int] = [:]
  /// How many nodes have the parameters of this name.
  private(set) var sharers: [String: Int] = [:]
  /// What gives a node's activation in Keras.
  var results = [Architecture.inputName: Reference(Architecture.inputName)]
  /// How many nodes read a node.
  var readers: [String: Int] = [:]
  var shapes: [String: Shape]
  /// Nodes without negative elements: their zero padding never wins a maximum alone.
  var isNonNegative: Set<String> = []
  /// Nodes whose own name belongs to the layer before them.
  var renamed: [String: String] = [:]

  init(_ architecture: Architecture) throws(NetworkError) {
    self.architecture = architecture
    let x = architecture.inputShape
    shapes = [Architecture.inputName: x]
    for (node, shape) in zip(architecture.nodes, architecture.shapes) {
      shapes[node.name] = shape
      for input in node.inputs { readers[input, default: 0] += 1 }
    }
    write(
      "InputLayer", Architecture.inputName, [],
      ["batch_input_shape": [NSNull(), x[0], x[1], x[2]] as [Any], "dtype": "float32"])
    for node in architecture.nodes where !node.parameters.isEmpty {
      sharers[node.parameterPrefix, default: 0] += 1
    }
    for index in architecture.nodes.indices { try append(index) }
    output = results[architecture.nodes[architecture.nodes.count - 1].name]!
    var known: Set<String> = []
    for layer in layers where !known.insert(layer.name).inserted {
      throw NetworkError(
        "\(architecture.name) cannot be written for Keras: two layers would be called \(layer.name)"
      )
    }
    sort()
  }

  static func legal(_ name: String) -> String {
    String(name.map { "./:".contains($0) ? "_" : $0 })
  }

  @discardableResult
  mutating func write(
    _ className: String, _ name: String, _ inputs: [Reference], _ config: [String: Any] = [:]
  ) -> Reference {
    var config = config
    let result = Reference(name)
    config["name"] = result.name
    positions[name] = positions[name] ?? layers.count
    layers.append(
      Layer(
        name: result.name, parameters: name, className: className, config: config,
        calls: inputs.isEmpty ? [] : [inputs]))
    return result
  }

  /// A layer by the name of its parameters, or another call of it.
  mutating func writeCall(
    _ className: String, _ name: String, _ node: LayerNode, _ inputs: [Reference],
    _ config: [String: Any]
  ) throws(NetworkError) -> Reference {
    guard let position = positions[name], sharers[node.parameterPrefix, default: 0] > 1 else {
      return write(className, name, inputs, config)
    }
    var config = config
    config["name"] = layers[position].name
    guard layers[position].className == className,
      Self.json(layers[position].config) == Self.json(config)
    else {
      throw error(
        node,
        "the layer \(name) is called several times, and Keras would not compute the same each time")
    }
    layers[position].calls.append(inputs)
    return Reference(name, call: layers[position].calls.count - 1)
  }

  private static func json(_ config: [String: Any]) -> Data? {
    try? JSONSerialization.data(withJSONObject: config, options: .sortedKeys)
  }

  func error(_ node: LayerNode, _ text: String) -> NetworkError {
    NetworkError("\(architecture.name): \(node.name) cannot be written for Keras: \(text)")
  }

  /// The node after this one, if Keras has both as one layer.
  func merged(_ index: Int, suffix: String) -> LayerNode? {
    let (node, next) = (architecture.nodes[index], index + 1)
    guard next < architecture.nodes.count, readers[node.name] == 1 else { return nil }
    let after = architecture.nodes[next]
    return after.inputs == [node.name] && node.name == "\(after.name).\(suffix)" ? after : nil
  }

  /// The second part of a separable convolution, as Keras's were read: `x.depthwise` and `x.pointwise`
  /// are the parameters of `x`.
  private func pointwise(_ index: Int) -> (layer: ConvolutionLayer, name: String)? {
    let (node, next) = (architecture.nodes[index], index + 1)
    let (first, second) = (".depthwise", ".pointwise")
    guard case .convolution(let layer) = node.layer, layer.isDepthwise, !layer.hasBias,
      node.parameterPrefix.hasSuffix(first), next < architecture.nodes.count,
      readers[node.name] == 1
    else { return nil }
    let after = architecture.nodes[next]
    let name = String(node.parameterPrefix.dropLast(first.count))
    guard case .convolution(let own) = after.layer, after.inputs == [node.name],
      after.parameterPrefix == name + second, own.window == Window2D(1), own.groups == 1
    else { return nil }
    return (own, name)
  }

  mutating func append(_ index: Int) throws(NetworkError) {
    let node = architecture.nodes[index]
    // Written together with the node before it.
    guard results[node.name] == nil else { return }
    let inputs = node.inputs.map { results[$0]! }
    let x = shapes[node.inputs[0]]!
    note(node)
    switch node.layer {
    case .convolution(let layer):
      let source = try padded(node, layer.window, x, inputs[0], isMaximum: false)
      var config = Self.window(layer.window, source.padding)
      config["kernel_size"] = [layer.window.height, layer.window.width]
      config["dilation_rate"] = [layer.window.dilationY, layer.window.dilationX]
      config["use_bias"] = layer.hasBias
      if let second = pointwise(index) {
        config["depth_multiplier"] = layer.outputChannels / layer.inputChannels
        config["filters"] = second.layer.outputChannels
        config["use_bias"] = second.layer.hasBias
        // Nobody else reads it.
        results[node.name] = Reference(second.name)
        return try weighted(
          "SeparableConv2D", index + 1, [source.input], config, name: second.name)
      }
      if layer.isDepthwise {
        config["depth_multiplier"] = layer.outputChannels / layer.inputChannels
      } else {
        config["filters"] = layer.outputChannels
        config["groups"] = layer.groups
      }
      try weighted(
        layer.isDepthwise ? "DepthwiseConv2D" : "Conv2D", index, [source.input], config)
    case .dense(let layer):
      try weighted("Dense", index, inputs, ["units": layer.outputs, "use_bias": layer.hasBias])
    case .batchNorm(let layer):
      results[node.name] = try writeCall(
        "BatchNormalization", node.parameterPrefix, node, inputs,
        [
          "axis": x.rank, "epsilon": layer.epsilon, "momentum": 1 - layer.momentum,
          "scale": layer.hasGamma, "center": layer.hasBeta,
        ])
    case .relu: simple("Activation", node, inputs, ["activation": "relu"])
    case .softmax: simple("Activation", node, inputs, ["activation": "softmax"])
    case .maxPool(let window):
      if let row = merged(index, suffix: "maximum"), row.layer == .flatten(order: .channelsLast),
        window == Window2D(height: x[0], width: x[1])
      {
        global("GlobalMaxPooling2D", node, row, inputs)
      } else {
        try pool("MaxPooling2D", node, window, x, inputs[0], isMaximum: true)
      }
    case .averagePool(let window, let countsPadding):
      let isSame = window == window.same(for: x)
      guard countsPadding || isSame || !window.isPadded else {
        throw error(node, "its padding does not count for the mean, and is not Keras's \"same\"")
      }
      try pool(
        "AveragePooling2D", node, window, x, inputs[0], isMaximum: false,
        forbidsSame: countsPadding && window.isPadded)
    case .adaptiveAveragePool(let height, let width):
      try adaptive(node, height, width, x, inputs)
    case .globalAveragePool:
      if let row = merged(index, suffix: "mean"), row.layer == .flatten(order: .channelsLast) {
        global("GlobalAveragePooling2D", node, row, inputs)
      } else {
        simple("GlobalAveragePooling2D", node, inputs, ["keepdims": true])
      }
    case .flatten(let order):
      var inputs = inputs
      if order == .channelsFirst, x.rank == 3, x[0] * x[1] > 1 {
        inputs = [write("Permute", "\(node.name).permutation", inputs, ["dims": [3, 1, 2]])]
      }
      simple("Flatten", node, inputs)
    case .add: simple("Add", node, inputs)
    case .concatenate: simple("Concatenate", node, inputs, ["axis": -1])
    case .zeroPadding(let top, let left, let bottom, let right):
      simple("ZeroPadding2D", node, inputs, ["padding": [[top, bottom], [left, right]]])
    case .dropout(let rate): simple("Dropout", node, inputs, ["rate": rate])
    case .subsampleAndPadChannels:
      throw error(node, "Keras has no layer that pads channels")
    default: try appendFurther(node, x, inputs)
    }
  }

  mutating func note(_ node: LayerNode) {
    switch node.layer {
    case .relu, .softmax: isNonNegative.insert(node.name)
    case .maxPool, .averagePool, .adaptiveAveragePool, .globalAveragePool, .flatten, .add,
      .concatenate, .subsampleAndPadChannels, .zeroPadding, .dropout:
      if node.inputs.allSatisfy(isNonNegative.contains) { isNonNegative.insert(node.name) }
    case .activation(let function):
      if function.isNonNegative { isNonNegative.insert(node.name) }
    case .spatialDropout, .multiply, .divide, .average, .maximum, .reshape, .permute,
      .reverseChannels, .resize, .crop:
      if node.inputs.allSatisfy(isNonNegative.contains) { isNonNegative.insert(node.name) }
    case .convolution, .dense, .batchNorm, .prelu, .layerNorm, .layerScale, .subtract, .rescale,
      .normalization:
      break
    }
  }
}
