import Checkpoints
import KerasModels
import Networks
import RunSupport
import TensorGraph

extension LoadedNetwork {
  /// Whether the network can be written in a layout.
  ///
  /// - Throws: why not, and what to do instead.
  package func checkExport(as layout: CheckpointLayout) throws {
    if layout == self.layout, layout.hasModelConfig { return try checkDescription() }
    guard layout != self.layout, layout != .trompe else { return }
    _ = try conversion(to: layout)
  }

  /// The network as the other side has it: PyTorch's names and flattening for `torch`,
  /// `safetensors` and `pth`, Keras's for `keras2` and `keras3`. For a whole model, which brings its own
  /// description, it is the network itself.
  package func converted(to layout: CheckpointLayout) throws -> LoadedNetwork {
    guard let conversion = try conversion(to: layout) else { return self }
    return try LoadedNetwork(conversion, of: self)
  }

  private func conversion(to layout: CheckpointLayout) throws -> NetworkConversion? {
    let isKeras = specification.family.hasPrefix(NetworkConversion.kerasPrefix)
    let isTorch = specification.family != NetworkConversion.graphFamily && !isKeras
    switch layout {
    case .trompe: return nil
    case .keras2Model, .keras:
      _ = try architecture.kerasModelConfig()
      return nil
    case .torch, .safetensors, .pth:
      if isTorch { return nil }
      if isKeras { return try counterpart() }
      return try NetworkConversion(
        from: architecture, to: architecture.flattening(.channelsFirst), as: specification)
    case .keras2, .keras3:
      if isKeras { return nil }
      if isTorch { return try counterpart() }
      // The weights are for the model that they came with, which flattens as it does.
      if self.layout.isKeras { return nil }
      return try NetworkConversion(
        from: architecture, to: architecture.flattening(.channelsLast), as: specification)
    }
  }

  /// The built-in network of the other side.
  private func counterpart() throws -> NetworkConversion {
    let prefix = NetworkConversion.kerasPrefix
    let isKeras = specification.family.hasPrefix(prefix)
    var other = specification
    other.family =
      isKeras
      ? String(specification.family.dropFirst(prefix.count)) : prefix + specification.family
    let advice =
      isKeras
      ? "write it as keras2, keras3 or trompe"
      : "write it as keras2-model, which brings its own description"
    guard NetworkFamily.all.contains(where: { $0.name == other.family }) else {
      throw RunError(
        "\(specification.family) is no network of "
          + "\(isKeras ? "torchvision" : "keras.applications"); \(advice)")
    }
    do {
      return try NetworkConversion(
        from: architecture, to: other.architecture(), as: other)
    } catch let error as NetworkDifference {
      throw RunError(
        "\(specification.family) and \(other.family) are different networks: \(error.text); \(advice)"
      )
    }
  }
}

/// Where two networks are not the same function.
struct NetworkDifference: Error {
  package let text: String
}

/// How one network's parameters become those of another that computes the same.
struct NetworkConversion {
  static let kerasPrefix = "keras-"
  static let graphFamily = "graph"

  package let specification: ArchitectureSpecification
  package let architecture: Architecture
  /// By the target's name: the source's name, and for the weight after a flattening in another order
  /// the image's shape and the source's order.
  package let sources: [String: (name: String, flattened: (shape: Shape, order: FlattenOrder)?)]

  /// - Throws: `NetworkDifference` if the networks differ in more than names and the order of
  ///   flattening.
  package init(
    from source: Architecture, to target: Architecture, as specification: ArchitectureSpecification
  ) throws {
    var specification = specification
    if specification.family == Self.graphFamily { specification.graph = target }
    (self.specification, architecture) = (specification, target)
    let (before, after) = (Self.steps(of: source), Self.steps(of: target))
    var sources: [String: (String, (Shape, FlattenOrder)?)] = [:]
    // By step of the source: an image flattened in another order than in the target.
    var flattened: [Int: (Shape, FlattenOrder)] = [:]
    for (number, (first, second)) in zip(before, after).enumerated() {
      let pending = first.inputs.lazy.compactMap { flattened[$0] }.first
      guard first.inputs == second.inputs else {
        throw NetworkDifference(
          text: "\(first.node.name) and \(second.node.name) read other layers")
      }
      switch (first.node.layer, second.node.layer) {
      case (.flatten(let order), .flatten(let other)):
        let shape = first.inputShape
        if order != other, shape.rank == 3, shape[0] * shape[1] > 1, shape[2] > 1 {
          flattened[number] = (shape, order)
        }
      case (.relu, .relu): flattened[number] = pending
      case (let layer, let other):
        guard layer == other else {
          throw NetworkDifference(
            text:
              "\(first.node.name) is \(Self.text(layer)), \(second.node.name) \(Self.text(other))")
        }
        if pending != nil {
          guard case .dense = layer else {
            throw NetworkDifference(
              text: "\(first.node.name) reads a flattened image, whose order is another")
          }
        }
      }
      // An activation function may have the name of the layer that it belongs to.
      guard second.node.layer.hasParameters else { continue }
      for suffix in ["weight", "bias", "running_mean", "running_var", "layer_scale"] {
        sources["\(second.node.parameterPrefix).\(suffix)"] = (
          "\(first.node.parameterPrefix).\(suffix)", suffix == "weight" ? pending : nil
        )
      }
    }
    guard before.count == after.count else {
      throw NetworkDifference(
        text: "they have \(before.count) and \(after.count) layers")
    }
    self.sources = sources
  }

  /// A parameter of the target.
  package func tensor(_ name: String, from tensors: (String) -> Tensor) -> Tensor {
    guard let source = sources[name] else { preconditionFailure("no source for \(name)") }
    let tensor = tensors(source.name)
    guard let (shape, order) = source.flattened else { return tensor }
    let (area, channels) = (shape[0] * shape[1], shape[2])
    // Columns [C, H·W] become [H·W, C], or the other way round.
    let rows = Tensor(
      shape: order == .channelsFirst
        ? [tensor.shape[0], channels, area] : [tensor.shape[0], area, channels],
      values: tensor.values)
    return rows.transposed([0, 2, 1]).reshaped(to: tensor.shape)
  }

  // MARK: Steps

  private struct Step {
    let node: LayerNode
    /// Numbers of steps, -1 for the image.
    let inputs: [Int]
    /// Of the first input.
    let inputShape: Shape
  }

  /// The network without what changes nothing: dropout, means over single pixels, flattening of rows,
  /// and a softmax at the end, which leaves the logits' order.
  private static func steps(of architecture: Architecture) -> [Step] {
    var steps: [Step] = []
    var numbers = [Architecture.inputName: -1]
    var shapes = [Architecture.inputName: architecture.inputShape]
    for (index, (node, shape)) in zip(architecture.nodes, architecture.shapes).enumerated() {
      shapes[node.name] = shape
      let inputShape = shapes[node.inputs[0]]!
      let isLast = index == architecture.nodes.count - 1
      let changesNothing =
        switch node.layer {
        case .dropout: true
        case .adaptiveAveragePool(let height, let width):
          height == inputShape[0] && width == inputShape[1]
        case .flatten: inputShape.rank == 1
        case .softmax: isLast
        default: false
        }
      if changesNothing {
        numbers[node.name] = numbers[node.inputs[0]]
      } else {
        numbers[node.name] = steps.count
        steps.append(
          Step(node: node, inputs: node.inputs.map { numbers[$0]! }, inputShape: inputShape))
      }
    }
    return steps
  }

  private static func text(_ layer: Layer) -> String {
    switch layer {
    case .convolution(let layer):
      "a convolution of \(layer.window.height)×\(layer.window.width), stride "
        + "\(layer.window.strideY), \(layer.inputChannels) to \(layer.outputChannels) channels"
        + (layer.hasBias ? "" : " without bias")
    case .batchNorm(let layer): "a batch norm with ε = \(layer.epsilon)"
    case .dense(let layer): "a dense layer of \(layer.inputs) to \(layer.outputs)"
    default: layer.kind.rawValue
    }
  }
}

extension Layer {
  fileprivate var hasParameters: Bool {
    switch self {
    case .convolution, .dense, .batchNorm, .prelu, .layerNorm, .layerScale, .normalization: true
    default: false
    }
  }
}

extension Architecture {
  /// The same network, flattening images in this order.
  fileprivate func flattening(_ order: FlattenOrder) throws -> Architecture {
    try Architecture(
      name: name, inputShape: inputShape, classes: classes,
      nodes: nodes.map { node in
        guard case .flatten = node.layer else { return node }
        return LayerNode(
          name: node.name, layer: .flatten(order: order), inputs: node.inputs,
          parameterPrefix: node.parameterPrefix)
      }, aliases: aliases, denseInitialization: denseInitialization)
  }
}
