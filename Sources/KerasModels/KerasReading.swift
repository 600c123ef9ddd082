import Networks
import TensorGraph

extension Architecture {
  /// Whether a Keras model leaves the height or width of its images open.
  /// - Throws: `NetworkError` for what is no description of a model.
  public static func kerasInputIsOpen(modelConfig text: String) throws(NetworkError) -> Bool {
    try KerasModel.inputShape(of: text).prefix(2).contains { $0 == nil }
  }

  /// The network that a Keras `model_config` describes (the attribute of a whole-model `.h5` file,
  /// or `model.to_json()`): sequential or functional, Keras 2 or Keras 3. Activations have their channels
  /// last here, whichever `data_format` the layers have.
  ///
  /// Activations have the names of Keras's layers. Where one Keras layer is two steps here, the last
  /// has its name: before the activation function of `fc1` stands `fc1.linear`, before a global
  /// pooling's row `avg_pool.mean`. Parameters have Keras's layer names too. Layers of models within
  /// the model are called by their path (`vgg16/fc1`), and further calls of a layer are numbered
  /// (`conv:2`).
  /// - Parameters:
  ///   - width: of the images.
  ///   - text: JSON; from anywhere, it is checked before anything is built of it.
  ///   - height: of the images, for models that take any; likewise `width`.
  ///   - output: which of several outputs counts, by its layer's name.
  /// - Throws: `NetworkError` naming the layer and its class for what is not supported.
  public init(
    kerasModelConfig text: String, height: Int? = nil, width: Int? = nil, output: String? = nil
  ) throws(NetworkError) {
    self = try KerasImport(text, height: height, width: width, output: output).architecture
  }
}

/// What a Keras `model_config` describes, and where Keras's files have it.
public struct KerasImport: Hashable, Sendable {
  public let architecture: Architecture
  /// Whether the description is that of the network alone, layer by layer, so that it can be written
  /// with its weights again: no models within the model, and one output.
  public let isWhole: Bool
  /// The groups in which Keras 3's files have a layer's weights, by the layer's name: one for each
  /// model that it lies in.
  public let groups: [String: [String]]
  /// Names of layers that the network does not need: they lead to other outputs.
  public let unused: Set<String>

  /// See `Architecture.init(kerasModelConfig:height:width:output:)`.
  public init(
    _ text: String, height: Int? = nil, width: Int? = nil, output: String? = nil
  ) throws(NetworkError) {
    let model = try KerasModel(text, output: output)
    guard let height = model.inputShape[0] ?? height, let width = model.inputShape[1] ?? width
    else {
      throw NetworkError(
        "\(model.name): the model takes images of any size; say which height and width")
    }
    guard let channels = model.inputShape[2] else {
      throw NetworkError("\(model.name): the model does not say how many channels its images have")
    }
    try Limits.check(
      positive: [("height", height), ("width", width), ("channels", channels)], in: model.name)
    var reading = KerasReading(
      inputShape: [height, width, channels], input: model.input,
      channelsFirst: model.hasChannelsFirst, isKeras3: model.isKeras3)
    if model.takesMatrices { try reading.dropChannels(of: model.input) }
    for layer in model.layers { try reading.append(layer) }
    reading.add(model.aliases)
    try reading.end()
    architecture = try Architecture(
      name: model.name, inputShape: [height, width, channels], classes: try reading.classes(),
      nodes: reading.nodes, aliases: reading.aliases)
    (groups, unused) = (model.groups, model.unused)
    isWhole = !model.isNested && model.unused.isEmpty
  }
}

/// Keras's layers as nodes, one after the other.
struct KerasReading {
  private(set) var nodes: [LayerNode] = []
  private(set) var aliases: [String: String] = [:]
  private(set) var shapes: [String: Shape]
  /// Of Keras's layers that are no node of their own: the node that stands for them.
  private var stands: [String: String]
  /// Keras's layers whose results have their channels first: [C, H, W] to Keras, where the node that
  /// stands for them has [H, W, C].
  private var channelsFirst: Set<String> = []
  /// Single channels of an image, `x[..., 2]`, by the name of what takes them.
  var channelParts: [String: (image: String, channel: Int)] = [:]
  /// Whether Keras 3 wrote the model.
  let isKeras3: Bool
  /// By which the layer that is appended calls its parameters.
  private(set) var path = ""

  init(inputShape: Shape, input: String, channelsFirst: Bool, isKeras3: Bool) {
    self.isKeras3 = isKeras3
    if channelsFirst { self.channelsFirst = [input] }
    shapes = [Architecture.inputName: inputShape]
    stands = [input: Architecture.inputName]
  }

  /// Layers read [H, W], as Keras has it, in place of [H, W, 1].
  fileprivate mutating func dropChannels(of input: String) throws(NetworkError) {
    let image = shapes[Architecture.inputName]!
    let name = "\(input).matrix"
    stands[input] = name
    try node(
      name, .reshape([image[0], image[1]]), [Architecture.inputName],
      KerasObject(owner: "model_config", members: [:]))
  }

  func classes() throws(NetworkError) -> Int {
    guard let last = nodes.last, let shape = shapes[last.name] else {
      throw NetworkError("model_config: no layer computes anything")
    }
    guard shape.rank == 1 else {
      throw NetworkError(
        "model_config: the model ends in \(last.name) \(shape), expected one number for each class: "
          + "a model without its classifier is no classifier")
    }
    // One number tells two classes apart; a softmax of it is always 1.
    return shape[0] == 1 && last.layer != .softmax ? 2 : shape[0]
  }

  /// The shape of what a layer of Keras's gives; `nil` if there is none.
  func shape(of name: String) -> Shape? { shapes[standIn(for: name)] }

  /// The node that stands where Keras has this layer.
  private func standIn(for name: String) -> String { stands[name] ?? name }

  mutating func append(_ layer: KerasModel.Layer) throws(NetworkError) {
    guard !layer.inputs.isEmpty else { throw layer.config.error("reads no other layer") }
    path = layer.path
    if try takeChannel(layer) { return }
    for name in layer.inputs where shape(of: name) == nil && channelParts[name] == nil {
      throw layer.config.error("reads \(name.prefix(200)), which is no earlier layer")
    }
    if try appendChannels(layer, areFirst: !channelsFirst.isDisjoint(with: layer.inputs)) { return }
    guard stands[layer.name] == nil, shapes[layer.name] == nil else {
      throw layer.config.error("two layers are called \(layer.name.prefix(200))")
    }
    let isDirect = try readsChannelsFirst(layer)
    var inputs: [String] = []
    for name in layer.inputs { inputs.append(try operand(name, of: layer, isDirect)) }
    try append(layer, inputs, shapes[inputs[0]]!, isDirect: isDirect)
    if isDirect, layer.className != "Permute", shape(of: layer.name)!.rank == 3 {
      channelsFirst.insert(layer.name)
    }
  }

  /// The node that a layer reads for one of Keras's: [H, W, C] where the layer is computed on that,
  /// else what Keras has.
  private mutating func operand(
    _ name: String, of layer: KerasModel.Layer, _ isDirect: Bool
  ) throws(NetworkError) -> String {
    let node = standIn(for: name)
    guard shapes[node]!.rank == 3, channelsFirst.contains(name) != isDirect else { return node }
    // Moved once for all who read it.
    let moved = "\(name).\(isDirect ? "channels_last" : "permuted")"
    if shapes[moved] == nil {
      try self.node(moved, .permute(isDirect ? [1, 2, 0] : [2, 0, 1]), [node], layer.config)
    }
    return moved
  }

  /// Layers that look for the channels where their `data_format` says.
  static let formatted: Set = [
    "AveragePooling2D", "CenterCrop", "Conv2D", "Cropping2D", "DepthwiseConv2D",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "MaxPooling2D", "Resizing", "SeparableConv2D",
    "SpatialDropout2D", "UpSampling2D", "ZeroPadding2D",
  ]

  /// Whether Keras has a layer's images with their channels first and the layer means the same of
  /// [H, W, C].
  private func readsChannelsFirst(_ layer: KerasModel.Layer) throws(NetworkError) -> Bool {
    let config = layer.config
    let format = try config.text("data_format", default: "channels_last")
    guard ["channels_first", "channels_last"].contains(format) else {
      throw config.error(
        "data_format is \(format.prefix(100)), expected channels_last or channels_first")
    }
    if Self.formatted.contains(layer.className) { return format == "channels_first" }
    let areFirst = channelsFirst.isSuperset(of: layer.inputs)
    switch layer.className {
    // It moves them last where its format is channels_first, and either is an order of flattening.
    case "Flatten":
      guard format == "channels_last" || shape(of: layer.inputs[0])?.rank != 2 else {
        throw config.error("flattens rows channels first, which is not supported")
      }
      return format == "channels_first" || areFirst
    case "BatchNormalization", "Concatenate", "LayerNormalization", "Normalization", "Softmax":
      let value = config.value("axis")
      return areFirst && (value as? [Int] ?? (value as? Int).map { [$0] }) == [1]
    case "Permute":
      return areFirst && config.value("dims") as? [Int] == [2, 3, 1]
    case "Activation":
      return areFirst && (config.value("activation") as? String) != "softmax"
    case "ReLU", "LeakyReLU", "ELU", "Dropout", "Average", "Maximum", "Minimum": return areFirst
    case "Rescaling":
      return areFirst
        && ["scale", "offset"].allSatisfy { key in
          config.value(key).map { KerasModel.numbers($0)?.count == 1 } ?? true
        }
    default:
      if Self.idle.contains(layer.className) { return areFirst }
      guard let operation = KerasOperation(layer.className, config) else { return false }
      switch operation {
      case .slice, .reduce: return false
      default: break
      }
      return areFirst
        && layer.operands.allSatisfy {
          if case .numbers(let numbers) = $0 { numbers.count == 1 } else { true }
        }
    }
  }

  /// Names of models within the model for the layers whose results are theirs.
  mutating func add(_ models: [String: String]) {
    for (name, layer) in models where shapes[name] == nil && stands[name] == nil {
      let node = standIn(for: layer)
      if node != Architecture.inputName { aliases[name] = node }
    }
  }

  // MARK: Layers

  private mutating func append(
    _ layer: KerasModel.Layer, _ inputs: [String], _ x: Shape, isDirect: Bool
  ) throws(NetworkError) {
    let (name, config) = (layer.name, layer.config)
    // Of the channels as Keras counts it, the batch included.
    let channels = isDirect && x.rank == 3 ? 1 : x.rank
    switch layer.className {
    case "Conv2D", "DepthwiseConv2D":
      try node(
        name, convolution(layer, x), inputs, config,
        activation: KerasActivation(config, "activation", isKeras3: isKeras3))
    case "Dense":
      let dense = DenseLayer(
        inputs: x[-1], outputs: try config.count("units"),
        hasBias: try config.truth("use_bias", default: true))
      try node(
        name, .dense(dense), inputs, config,
        activation: KerasActivation(config, "activation", isKeras3: isKeras3))
    case "BatchNormalization":
      try node(name, batchNorm(config, x, channels: channels), inputs, config)
    case "Activation":
      try activation(
        name, KerasActivation(config, "activation", isKeras3: isKeras3), inputs, config)
    case "Softmax":
      let axis = (config.value("axis") as? [Int])?.first ?? (config.value("axis") as? Int) ?? -1
      guard axis == -1 || axis == channels else { throw config.error("axis is not the last") }
      try node(name, .softmax, inputs, config)
    case "MaxPooling2D", "AveragePooling2D":
      try appendPooling(name, pooling(layer, x), inputs, config)
    case "GlobalAveragePooling2D", "GlobalMaxPooling2D":
      try appendGlobal(layer, inputs, x)
    case "ZeroPadding2D": try node(name, zeroPadding(config), inputs, config)
    case "Concatenate":
      let axis = (config.value("axis") as? Int) ?? -1
      guard axis == -1 || axis == channels else {
        throw config.error("axis is \(axis), only the channels (-1) are supported")
      }
      try node(name, .concatenate, inputs, config)
    case "Flatten":
      let isMoved = config.value("data_format") as? String == "channels_first"
      let order: FlattenOrder = isDirect && !isMoved ? .channelsFirst : .channelsLast
      // A row is one already.
      if x.rank == 1 { return stand(name, for: inputs[0]) }
      try node(name, .flatten(order: order), inputs, config)
    case "Permute":
      guard let order = config.value("dims") as? [Int], order.sorted() == Array(1...x.rank) else {
        throw config.error("dims does not order the axes of \(x)")
      }
      if isDirect {
        stands[name] = inputs[0]
      } else if order == [3, 1, 2] {
        stands[name] = inputs[0]
        channelsFirst.insert(name)
      } else {
        try node(name, .permute(order.map { $0 - 1 }), inputs, config)
      }
    case "Dropout":
      // All of an image at once, in some blocks of EfficientNets: stochastic depth.
      if config.has("noise_shape") { return stand(name, for: inputs[0]) }
      try node(name, .dropout(rate: config.number("rate", default: 0.5)), inputs, config)
    default:
      if let operation = KerasOperation(layer.className, config) {
        return try append(operation, layer, inputs, x)
      }
      try appendFurther(layer, inputs, x, channels: channels)
    }
  }

  func convolution(
    _ layer: KerasModel.Layer, _ x: Shape
  ) throws(NetworkError) -> Layer {
    let config = layer.config
    guard x.rank == 3 else { throw config.error("reads \(x), expected an image") }
    let isDepthwise = layer.className != "Conv2D"
    let outputs =
      isDepthwise
      ? try x[2] * config.count("depth_multiplier", default: 1) : try config.count("filters")
    let groups = isDepthwise ? x[2] : try config.count("groups", default: 1)
    let window = try self.window(
      config, x, size: config.pair("kernel_size"),
      strides: config.pair("strides", default: (1, 1)),
      dilation: config.pair("dilation_rate", default: (1, 1)))
    // Checked first: the shape of the filter is a quotient of the two.
    guard x[2] % groups == 0 else {
      throw config.error("\(groups) groups do not divide \(x[2]) channels")
    }
    // A separable convolution's bias is its pointwise part's.
    let hasBias = try config.truth("use_bias", default: true)
    return .convolution(
      ConvolutionLayer(
        inputChannels: x[2], outputChannels: outputs, window: window, groups: groups,
        hasBias: hasBias && layer.className != "SeparableConv2D"))
  }

  private func batchNorm(
    _ config: KerasObject, _ x: Shape, channels: Int
  ) throws(NetworkError) -> Layer {
    let axis = (config.value("axis") as? [Int])?.first ?? (config.value("axis") as? Int) ?? -1
    guard axis == channels || axis == -1 && channels == x.rank else {
      throw config.error("axis is \(axis), only the channels (\(channels)) are supported")
    }
    guard try !config.truth("renorm", default: false) else {
      throw config.error("renorm is not supported")
    }
    // keras.layers.BatchNormalization's defaults
    return .batchNorm(
      BatchNormLayer(
        channels: x[-1], epsilon: try config.number("epsilon", default: 1e-3),
        momentum: try 1 - config.number("momentum", default: 0.99),
        hasGamma: try config.truth("scale", default: true),
        hasBeta: try config.truth("center", default: true)))
  }

  // MARK: Nodes

  /// A layer that is an activation function; `linear` is but another name of what it reads.
  private mutating func activation(
    _ name: String, _ activation: KerasActivation, _ inputs: [String], _ config: KerasObject
  ) throws(NetworkError) {
    if let layer = activation.layer { return try node(name, layer, inputs, config) }
    stand(name, for: inputs[0])
  }

  /// The node that stands for one of Keras's layers.
  func node(of name: String) -> String { stands[name] ?? name }

  /// Takes the last node off: its name is another for `node`.
  mutating func removeLast(standingFor node: String) {
    let name = nodes.removeLast().name
    shapes[name] = nil
    for (other, stood) in stands where stood == name { stand(other, for: node) }
    stand(name, for: node)
  }

  /// Another name of what a node gives.
  mutating func stand(_ name: String, for node: String) {
    stands[name] = node
    if node != Architecture.inputName { aliases[name] = node }
  }

  mutating func node(
    _ name: String, _ layer: Layer, _ inputs: [String], _ config: KerasObject,
    parameters: String? = nil, activation: KerasActivation
  ) throws(NetworkError) {
    guard let function = activation.layer else {
      return try node(name, layer, inputs, config, parameters: parameters)
    }
    try node("\(name).linear", layer, inputs, config, parameters: parameters)
    try node(name, function, ["\(name).linear"], config)
  }

  mutating func node(
    _ name: String, _ layer: Layer, _ inputs: [String], _ config: KerasObject,
    parameters: String? = nil
  ) throws(NetworkError) {
    let shape: Shape
    do {
      try layer.checkNumbers()
      shape = try layer.outputShape(of: inputs.map { shapes[$0]! })
      try Limits.check(shape, of: "the result")
    } catch {
      throw config.error(error.description)
    }
    guard shapes.updateValue(shape, forKey: name) == nil else {
      throw config.error("two layers are called \(name)")
    }
    let node = LayerNode(
      name: name, layer: layer, inputs: inputs, parameterPrefix: parameters ?? path)
    nodes.append(
      node.parameters.isEmpty ? LayerNode(name: name, layer: layer, inputs: inputs) : node)
  }
}
