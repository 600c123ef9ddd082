import Checkpoints
import Foundation
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
      return try reordered(for: layout) { _ in .channelsFirst }
    case .keras2, .keras3:
      if isKeras { return nil }
      if isTorch { return try counterpart() }
      // The weights are for the model that they came with, which flattens as it does.
      if self.layout.isKeras {
        try checkWeights(alone: layout)
        return nil
      }
      let first = Set(specification.channelsFirstInKeras ?? [])
      return try reordered(for: layout) { first.contains($0) ? .channelsFirst : .channelsLast }
    }
  }

  /// Weights without their model load into the one that they came with, and only whole.
  private func checkWeights(alone layout: CheckpointLayout) throws {
    let advice = "write it as keras or keras2-model, which bring their own description"
    if let other = kerasUnused.sorted().first {
      throw RunError(
        "\(architecture.name) has other outputs, whose layers (\(other.prefix(100)) among them) were "
          + "not read, so that the model would not load these weights; \(advice)")
    }
    if layout == .keras2, let inner = kerasGroups.filter({ $1.count > 1 }).keys.sorted().first {
      throw RunError(
        "\(architecture.name) has models within it (\(inner.prefix(100)) is a layer of one), whose "
          + "weights Keras 2 orders by what was trainable; write it as keras3, or \(advice)")
    }
  }

  /// The network with its images flattened in another order.
  private func reordered(
    for layout: CheckpointLayout, _ order: (String) -> FlattenOrder
  ) throws -> NetworkConversion {
    do {
      return try NetworkConversion(
        from: architecture, to: architecture.flattening(order), as: specification)
    } catch let error as NetworkDifference {
      throw RunError(
        "\(architecture.name) cannot be written as \(layout.rawValue), which flattens images in "
          + "another order: \(error.text); write it as keras, keras2-model or trompe")
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
  /// An image that the source flattens in another order than the target.
  package struct Flattening: Hashable {
    let shape: Shape
    /// The source's.
    let order: FlattenOrder
  }

  /// By the target's name: the source's name, and for parameters of flattened pixels how these lie.
  package let sources: [String: (name: String, flattened: Flattening?)]

  /// - Throws: `NetworkDifference` if the networks differ in more than names and the order of
  ///   flattening.
  package init(
    from source: Architecture, to target: Architecture, as specification: ArchitectureSpecification
  ) throws {
    var specification = specification
    if specification.family == Self.graphFamily { specification.graph = target }
    (self.specification, architecture) = (specification, target)
    let (before, after) = (Self.steps(of: source), Self.steps(of: target))
    var sources: [String: (name: String, flattened: Flattening?)] = [:]
    // By step of the source: whose result lies in another order than the target's.
    var flattened: [Int: Flattening] = [:]
    for (number, (first, second)) in zip(before, after).enumerated() {
      guard first.inputs == second.inputs else {
        throw NetworkDifference(
          text: "\(first.node.name) and \(second.node.name) read other layers")
      }
      let pending = Set(first.inputs.map { flattened[$0] })
      if case .flatten(let order) = first.node.layer, case .flatten(let other) = second.node.layer {
        let shape = first.inputShape
        if order != other, shape.rank == 3, shape[0] * shape[1] > 1, shape[2] > 1 {
          flattened[number] = Flattening(shape: shape, order: order)
        }
        continue
      }
      guard first.node.layer == second.node.layer else {
        throw NetworkDifference(
          text: "\(first.node.name) is \(Self.text(first.node.layer)), "
            + "\(second.node.name) \(Self.text(second.node.layer))")
      }
      var ofPixels: Flattening?
      if pending != [nil] {
        guard pending.count == 1, let only = pending.first, let only,
          let rows = first.node.layer.readsRows
        else {
          throw NetworkDifference(
            text: "\(first.node.name) reads a flattened image, whose order is another")
        }
        ofPixels = only
        if rows == .eachPixel { flattened[number] = only }
      }
      // An activation function may have the name of the layer that it belongs to.
      guard second.node.layer.hasParameters else { continue }
      for suffix in ["weight", "bias", "running_mean", "running_var", "layer_scale"] {
        let isOfPixels = suffix == "weight" || first.node.layer.readsRows == .eachPixel
        let source = (
          name: "\(first.node.parameterPrefix).\(suffix)", flattened: isOfPixels ? ofPixels : nil
        )
        let name = "\(second.node.parameterPrefix).\(suffix)"
        if let known = sources[name], known.flattened != source.flattened {
          throw NetworkDifference(
            text: "\(first.node.parameterPrefix) reads a flattened image, whose order is another, "
              + "and other rows")
        }
        sources[name] = source
      }
    }
    guard before.count == after.count else {
      throw NetworkDifference(
        text: "they have \(before.count) and \(after.count) layers")
    }
    guard flattened[before.count - 1] == nil else {
      throw NetworkDifference(text: "the logits are a flattened image, whose order is another")
    }
    self.sources = sources
  }

  /// A parameter of the target.
  package func tensor(_ name: String, from tensors: (String) -> Tensor) -> Tensor {
    guard let source = sources[name] else { preconditionFailure("no source for \(name)") }
    let tensor = tensors(source.name)
    guard let flattened = source.flattened else { return tensor }
    let (area, channels) = (flattened.shape[0] * flattened.shape[1], flattened.shape[2])
    // One number for all pixels, as a PReLU may have, has no order.
    guard tensor.shape[-1] == area * channels else { return tensor }
    let count = tensor.shape.count / (area * channels)
    // Columns [C, H·W] become [H·W, C], or the other way round.
    let rows = Tensor(
      shape: flattened.order == .channelsFirst
        ? [count, channels, area] : [count, area, channels],
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

/// What a layer does with the numbers of a row.
private enum RowReading { case eachPixel, all }

extension Layer {
  /// Of a row of pixels: a function of each by itself, with parameters of its own if any, or one of all
  /// of them, which its weight tells apart; nil if it is neither.
  fileprivate var readsRows: RowReading? {
    switch self {
    case .dense: .all
    case .relu, .activation, .softmax, .batchNorm, .prelu, .layerNorm, .layerScale, .normalization,
      .add, .subtract, .multiply, .divide, .average, .maximum:
      .eachPixel
    case .rescale(let layer): layer.scale.count == 1 && layer.offset.count == 1 ? .eachPixel : nil
    default: nil
    }
  }

  fileprivate var hasParameters: Bool {
    switch self {
    case .convolution, .dense, .batchNorm, .prelu, .layerNorm, .layerScale, .normalization: true
    default: false
    }
  }
}

extension CheckpointFile {
  /// Keras flattens an image as height, width, channel, and orders the rows of the dense layer behind it
  /// so. The files do not say it, and by their shapes they fit networks that flatten channels first.
  /// - Throws: where a built-in network of PyTorch's would take them in another order.
  func checkFlattening(
    of specification: ArchitectureSpecification, _ architecture: Architecture
  ) throws {
    let family = specification.family
    guard layout.isKeras, family != NetworkConversion.graphFamily,
      architecture.imagesFlattenedChannelsFirst != nil, !isRecorded(family)
    else { return }
    let counterpart = NetworkConversion.kerasPrefix + family
    let advice =
      metadata.architecture != nil || modelConfig != nil
      ? "leave network.architecture out: the file says itself what it holds"
      : NetworkFamily.all.contains { $0.name == counterpart }
        ? "the network of keras.applications is \(counterpart)"
        : "write it from Keras as a whole model (.keras), which brings its own description"
    throw RunError(
      "\(path): \(family) flattens images channels first, as PyTorch does, but the file's layout is "
        + "Keras's, which flattens them channels last; \(advice)")
  }

  /// Whether the file was written for a network of this family, in the order of that.
  private func isRecorded(_ family: String) -> Bool {
    guard let text = metadata.architecture,
      let recorded = try? CheckedJSON.decode(
        ArchitectureSpecification.self, from: Data(text.utf8))
    else { return false }
    return recorded.family == family
  }
}

extension Architecture {
  /// Names of the layers that flatten images channels first; nil if there are none.
  var imagesFlattenedChannelsFirst: [String]? {
    let shapes = Dictionary(
      uniqueKeysWithValues: [(Self.inputName, inputShape)]
        + zip(nodes, shapes).map { ($0.name, $1) })
    let names = nodes.filter { node in
      guard case .flatten(order: .channelsFirst) = node.layer, let x = shapes[node.inputs[0]] else {
        return false
      }
      return x.rank == 3 && x[0] * x[1] > 1 && x[2] > 1
    }.map(\.name)
    return names.isEmpty ? nil : names
  }

  /// The same network, flattening images in these orders, by the names of the nodes.
  fileprivate func flattening(_ order: (String) -> FlattenOrder) throws -> Architecture {
    try Architecture(
      name: name, inputShape: inputShape, classes: classes,
      nodes: nodes.map { node in
        guard case .flatten = node.layer else { return node }
        return LayerNode(
          name: node.name, layer: .flatten(order: order(node.name)), inputs: node.inputs,
          parameterPrefix: node.parameterPrefix)
      }, aliases: aliases, denseInitialization: denseInitialization)
  }
}
