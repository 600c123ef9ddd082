import Foundation
import TensorGraph

extension Architecture {
  /// The network as a functional Keras model: the `model_config` of a whole-model `.h5` file, in the
  /// form of Keras 2, which Keras 3 reads as well.
  ///
  /// Layers bear their own names, with `_` in place of the dots and slashes that not every version
  /// of Keras takes: `layer1_0_conv1`. Two steps that are one layer to Keras become one (`fc1.linear` and `fc1`; `avg_pool.mean` and `avg_pool`). Padding that Keras's
  /// layers cannot express becomes a `ZeroPadding2D` of its own, `conv1_padding`, and flattening with
  /// channels first a `Permute` before the `Flatten`. A convolution with as many groups as channels
  /// is a `DepthwiseConv2D`.
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
      "output_layers": [[writing.output, 0, 0] as [Any]],
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
private struct KerasWriting {
  struct Layer {
    let name: String
    /// The name as it is here.
    let parameters: String
    let inputs: [String]
    let record: [String: Any]
  }

  private let architecture: Architecture
  private(set) var layers: [Layer] = []
  /// Name of the last layer.
  private(set) var output = ""
  /// Keras's layer that gives a node's activation.
  private(set) var names = [Architecture.inputName: Architecture.inputName]
  /// How many nodes read a node.
  private var readers: [String: Int] = [:]
  private var shapes: [String: Shape]
  /// Nodes without negative elements: their zero padding never wins a maximum alone.
  private var isNonNegative: Set<String> = []
  /// Nodes whose own name belongs to the layer before them.
  private var renamed: [String: String] = [:]

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
    var prefixes: Set<String> = []
    for node in architecture.nodes where !node.parameters.isEmpty {
      guard prefixes.insert(node.parameterPrefix).inserted else {
        throw NetworkError(
          "\(architecture.name) cannot be written for Keras: the layer \(node.parameterPrefix) is "
            + "called several times")
      }
    }
    for index in architecture.nodes.indices { try append(index) }
    output = Self.legal(names[architecture.nodes[architecture.nodes.count - 1].name]!)
    var known: Set<String> = []
    for layer in layers where !known.insert(layer.name).inserted {
      throw NetworkError(
        "\(architecture.name) cannot be written for Keras: two layers would be called \(layer.name)"
      )
    }
    sort()
  }

  private static func legal(_ name: String) -> String {
    name.replacingOccurrences(of: ".", with: "_").replacingOccurrences(of: "/", with: "_")
  }

  /// As Keras does: by the largest distance from the output, and of equal ones first what is met first
  /// on the way from the output, each layer before what it reads (keras/src/ops/function.py).
  private mutating func sort() {
    let positions = Dictionary(
      uniqueKeysWithValues: layers.enumerated().map { ($0.element.name, $0.offset) })
    var distances = [Int](repeating: 0, count: layers.count)
    // Readers stand after what they read.
    for (position, layer) in layers.enumerated().reversed() {
      for input in layer.inputs {
        let source = positions[input]!
        distances[source] = max(distances[source], distances[position] + 1)
      }
    }
    var met = [Int](repeating: .max, count: layers.count)
    var (count, stack) = (0, [positions[output]!])
    while let position = stack.popLast() {
      guard met[position] == .max else { continue }
      met[position] = count
      count += 1
      stack += layers[position].inputs.reversed().map { positions[$0]! }
    }
    let order = layers.indices.sorted {
      (distances[$1], met[$0], $0) < (distances[$0], met[$1], $1)
    }
    layers = order.map { layers[$0] }
  }

  private mutating func write(
    _ className: String, _ name: String, _ inputs: [String], _ config: [String: Any] = [:]
  ) {
    let (parameters, name, inputs) = (name, Self.legal(name), inputs.map(Self.legal))
    var config = config
    config["name"] = name
    let calls: [[[Any]]] = inputs.isEmpty ? [] : [inputs.map { [$0, 0, 0, [String: Any]()] }]
    layers.append(
      Layer(
        name: name, parameters: parameters, inputs: inputs,
        record: [
          "class_name": className, "name": name, "config": config, "inbound_nodes": calls,
        ]))
  }

  private func error(_ node: LayerNode, _ text: String) -> NetworkError {
    NetworkError("\(architecture.name): \(node.name) cannot be written for Keras: \(text)")
  }

  /// The node after this one, if Keras has both as one layer.
  private func merged(_ index: Int, suffix: String) -> LayerNode? {
    let (node, next) = (architecture.nodes[index], index + 1)
    guard next < architecture.nodes.count, readers[node.name] == 1 else { return nil }
    let after = architecture.nodes[next]
    return after.inputs == [node.name] && node.name == "\(after.name).\(suffix)" ? after : nil
  }

  private mutating func append(_ index: Int) throws(NetworkError) {
    let node = architecture.nodes[index]
    // Written together with the node before it.
    guard names[node.name] == nil else { return }
    let inputs = node.inputs.map { names[$0]! }
    let x = shapes[node.inputs[0]]!
    note(node)
    switch node.layer {
    case .convolution(let layer):
      let source = try padded(node, layer.window, x, inputs[0], isMaximum: false)
      var config = Self.window(layer.window, source.padding)
      config["kernel_size"] = [layer.window.height, layer.window.width]
      config["dilation_rate"] = [layer.window.dilationY, layer.window.dilationX]
      config["use_bias"] = layer.hasBias
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
      names[node.name] = node.parameterPrefix
      write(
        "BatchNormalization", node.parameterPrefix, inputs,
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
        write("Permute", "\(node.name).permutation", inputs, ["dims": [3, 1, 2]])
        inputs = ["\(node.name).permutation"]
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

  private mutating func appendFurther(
    _ node: LayerNode, _ x: Shape, _ inputs: [String]
  ) throws(NetworkError) {
    switch node.layer {
    case .activation(let function): try appendActivation(node, function, inputs)
    case .prelu(let layer):
      let slopes = [Int](repeating: 1, count: x.rank - layer.slopes.count) + layer.slopes
      names[node.name] = node.parameterPrefix
      write(
        "PReLU", node.parameterPrefix, inputs,
        ["shared_axes": slopes.indices.filter { slopes[$0] == 1 && x[$0] > 1 }.map { $0 + 1 }])
    case .layerNorm(let layer):
      let axes = Array((1...x.rank).suffix(layer.extents.count))
      names[node.name] = node.parameterPrefix
      write(
        "LayerNormalization", node.parameterPrefix, inputs,
        [
          "axis": axes, "epsilon": layer.epsilon, "scale": layer.hasGamma,
          "center": layer.hasBeta,
        ])
    case .layerScale: throw error(node, "Keras has no layer that scales channels alone")
    case .multiply: simple("Multiply", node, inputs)
    case .subtract: simple("Subtract", node, inputs)
    case .divide: throw error(node, "Keras has no layer that divides")
    case .average: simple("Average", node, inputs)
    case .maximum: simple("Maximum", node, inputs)
    case .reshape(let extents): simple("Reshape", node, inputs, ["target_shape": extents])
    case .permute(let order): simple("Permute", node, inputs, ["dims": order.map { $0 + 1 }])
    case .reverseChannels: throw error(node, "Keras has no layer that reverses channels")
    case .resize(let layer):
      let interpolation = layer.interpolation.rawValue
      if layer.height % x[0] == 0, layer.width % x[1] == 0 {
        simple(
          "UpSampling2D", node, inputs,
          ["size": [layer.height / x[0], layer.width / x[1]], "interpolation": interpolation])
      } else {
        simple(
          "Resizing", node, inputs,
          ["height": layer.height, "width": layer.width, "interpolation": interpolation])
      }
    case .crop(let top, let left, let bottom, let right):
      simple("Cropping2D", node, inputs, ["cropping": [[top, bottom], [left, right]]])
    case .rescale(let layer):
      simple(
        "Rescaling", node, inputs,
        ["scale": Self.number(layer.scale), "offset": Self.number(layer.offset)])
    case .normalization:
      // Statistics without anything that is trained: a batch norm without gamma and beta.
      names[node.name] = node.parameterPrefix
      write(
        "BatchNormalization", node.parameterPrefix, inputs,
        [
          "axis": x.rank, "epsilon": Networks.Layer.normalizationEpsilon, "momentum": 1,
          "scale": false,
          "center": false,
        ])
    case .spatialDropout(let rate): simple("SpatialDropout2D", node, inputs, ["rate": rate])
    default: preconditionFailure("\(node.layer.kind) is written above")
    }
  }

  private static func number(_ values: [Double]) -> Any { values.count == 1 ? values[0] : values }

  private mutating func appendActivation(
    _ node: LayerNode, _ function: ActivationFunction, _ inputs: [String]
  ) throws(NetworkError) {
    if let kerasName = function.kerasName {
      return simple("Activation", node, inputs, ["activation": kerasName])
    }
    let name = renamed[node.name] ?? node.name
    names[node.name] = name
    switch function {
    case .rectifier(let slope, let maximum):
      simple(
        "ReLU", node, inputs,
        [
          "max_value": maximum.map { $0 as Any } ?? NSNull(), "negative_slope": slope,
          "threshold": 0.0,
        ])
    case .elu(let alpha): simple("ELU", node, inputs, ["alpha": alpha])
    case .hardSigmoid(let slope): writeHardSigmoid(name, slope, inputs)
    case .hardSwish:
      writeHardSigmoid("\(name).gate", ActivationFunction.hardSlope, inputs)
      write("Multiply", name, inputs + ["\(name).gate"])
    default: throw error(node, "Keras has no function \(function.name.rawValue) by name")
    }
  }

  /// min(max(slope·x + 1/2, 0), 1): by its name Keras 2 and Keras 3 have other slopes.
  private mutating func writeHardSigmoid(_ name: String, _ slope: Double, _ inputs: [String]) {
    write("Rescaling", "\(name).line", inputs, ["scale": slope, "offset": 0.5])
    write(
      "ReLU", name, ["\(name).line"], ["max_value": 1.0, "negative_slope": 0.0, "threshold": 0.0])
  }

  private mutating func note(_ node: LayerNode) {
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

  // MARK: Layers

  private mutating func simple(
    _ className: String, _ node: LayerNode, _ inputs: [String], _ config: [String: Any] = [:]
  ) {
    let name = renamed[node.name] ?? node.name
    names[node.name] = name
    write(className, name, inputs, config)
  }

  /// A layer with weights, and the activation function that belongs to it.
  private mutating func weighted(
    _ className: String, _ index: Int, _ inputs: [String], _ config: [String: Any]
  ) throws(NetworkError) {
    let node = architecture.nodes[index]
    var config = config
    config["activation"] = "linear"
    names[node.name] = node.parameterPrefix
    if let function = merged(index, suffix: "linear"), function.name == node.parameterPrefix,
      let name = function.layer.kerasActivation
    {
      config["activation"] = name
      names[function.name] = function.name
      note(function)
    } else if let function = merged(index, suffix: "linear"),
      function.name == node.parameterPrefix, case .activation = function.layer
    {
      // A function without a name in Keras is a layer of its own.
      renamed[function.name] = "\(function.name).activation"
    } else if node.parameterPrefix != node.name, shapes[node.parameterPrefix] != nil {
      throw error(node, "its weights have the name of another layer, \(node.parameterPrefix)")
    }
    write(className, node.parameterPrefix, inputs, config)
  }

  private mutating func global(
    _ className: String, _ node: LayerNode, _ row: LayerNode, _ inputs: [String]
  ) {
    names[node.name] = row.name
    names[row.name] = row.name
    if isNonNegative.contains(node.name) { isNonNegative.insert(row.name) }
    write(className, row.name, inputs)
  }

  private mutating func pool(
    _ className: String, _ node: LayerNode, _ window: Window2D, _ x: Shape, _ input: String,
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
  private mutating func padded(
    _ node: LayerNode, _ window: Window2D, _ x: Shape, _ input: String, isMaximum: Bool,
    forbidsSame: Bool = false
  ) throws(NetworkError) -> (input: String, padding: String) {
    guard window.isPadded else { return (input, "valid") }
    if !forbidsSame, window == window.same(for: x) { return (input, "same") }
    guard !isMaximum || isNonNegative.contains(node.inputs[0]) else {
      throw error(node, "its padding is not Keras's \"same\", and zeros might be the maximum")
    }
    let name = "\(node.name).padding"
    write(
      "ZeroPadding2D", name, [input],
      ["padding": [[window.top, window.bottom], [window.left, window.right]]])
    return (name, "valid")
  }

  private mutating func adaptive(
    _ node: LayerNode, _ height: Int, _ width: Int, _ x: Shape, _ inputs: [String]
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

  private static func window(_ window: Window2D, _ padding: String) -> [String: Any] {
    ["strides": [window.strideY, window.strideX], "padding": padding]
  }
}

extension Layer {
  /// The name by which Keras has it as the activation of another layer.
  fileprivate var kerasActivation: String? {
    switch self {
    case .relu: "relu"
    case .softmax: "softmax"
    case .activation(let function): function.kerasName
    default: nil
    }
  }
}

extension ActivationFunction {
  /// The name that means the same to Keras 2 and Keras 3.
  fileprivate var kerasName: String? {
    switch self {
    case .selu: "selu"
    case .silu: "swish"
    case .gelu: "gelu"
    case .sigmoid: "sigmoid"
    case .tanh: "tanh"
    case .softplus: "softplus"
    case .softsign: "softsign"
    case .exponential: "exponential"
    case .elu(alpha: 1): "elu"
    case .mish: "mish"
    case .rectifier, .elu, .geluTanh, .hardSigmoid, .hardSwish: nil
    }
  }
}
