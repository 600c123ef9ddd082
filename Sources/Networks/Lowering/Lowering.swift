import TensorGraph

/// Writes an architecture into a graph, layer by layer.
struct Lowering {
  let architecture: Architecture
  let input: Value
  let mode: NetworkGraph.Mode
  /// Names of layers, aliases resolved.
  let keeping: Set<String>
  let foldsBatchNorm: Bool
  let rectifier: Rectifier
  /// What is read in place of some layers' own activations, by their names.
  let replacing: [String: Value]

  var parameters: [String: Value] = [:]
  var runningStatisticsUpdates: [String: Value] = [:]
  var dropoutMasks: [NetworkGraph.DropoutMask] = []
  var steps: [NetworkGraph.Step] = []
  var activations: [String: Value] = [:]

  init(
    architecture: Architecture, input: Value, mode: NetworkGraph.Mode, keeping: Set<String>,
    foldsBatchNorm: Bool, rectifier: Rectifier = .relu, replacing: [String: Value] = [:]
  ) {
    (self.architecture, self.input, self.mode) = (architecture, input, mode)
    (self.keeping, self.foldsBatchNorm, self.replacing) = (keeping, foldsBatchNorm, replacing)
    self.rectifier = rectifier
    activations[Architecture.inputName] = input
  }

  mutating func run(_ graph: inout GraphBuilder) throws {
    let folded = foldedLayers()
    var waiting: [String: LayerNode] = [:]
    for node in architecture.nodes {
      if folded.contains(node.name) {
        waiting[node.name] = node
      } else if case .batchNorm(let norm) = node.layer, let host = waiting[node.inputs[0]] {
        try appendFolded(host, node, norm, &graph)
      } else {
        try append(node, &graph)
      }
    }
    activations[Architecture.inputName] = nil
  }

  /// Convolutions and dense layers that only a frozen batch norm reads.
  private func foldedLayers() -> Set<String> {
    guard foldsBatchNorm, mode == .frozen else { return [] }
    var readers: [String: [LayerNode]] = [:]
    for node in architecture.nodes {
      for input in node.inputs { readers[input, default: []].append(node) }
    }
    var folded: Set<String> = []
    for node in architecture.nodes where !keeping.contains(node.name) {
      switch node.layer {
      case .convolution, .dense: break
      default: continue
      }
      guard let users = readers[node.name], users.count == 1, case .batchNorm = users[0].layer
      else { continue }
      folded.insert(node.name)
    }
    return folded
  }

  // MARK: Layers

  private mutating func append(_ node: LayerNode, _ graph: inout GraphBuilder) throws {
    let inputs = node.inputs.map { name -> Value in
      guard let value = activations[name] else {
        preconditionFailure("\(node.name) reads \(name), which is checked to precede it")
      }
      return value
    }
    let x = inputs[0]
    var (weight, bias): (Value?, Value?) = (nil, nil)
    let output: Value
    switch node.layer {
    case .convolution, .dense:
      (weight, bias) = try affineParameters(node, &graph)
      output = try affine(node.layer, x, weight!, bias, &graph)
    case .batchNorm(let norm):
      switch mode {
      case .frozen:
        let (scale, shift) = try frozenScale(node, norm, bias: nil, &graph)
        (weight, bias) = (scale, shift)
        output = try graph.add(graph.multiply(x, scale), shift)
      case .training: output = try batchStatistics(node, norm, x, &graph)
      }
    case .relu: output = try graph.rectified(x, rectifier)
    case .maxPool(let window): output = try graph.maxPool(x, window: window)
    case .averagePool(let window, let countsPadding):
      output = try graph.averagePool(x, window: window, countsPadding: countsPadding)
    case .adaptiveAveragePool(let height, let width):
      output = try graph.adaptiveAveragePool(x, height: height, width: width)
    case .globalAveragePool: output = try graph.mean(x, axes: [1, 2])
    case .flatten(let order): output = try graph.flatten(x, order)
    case .add:
      output = try inputs.dropFirst().reduce(x) { try graph.add($0, $1) }
    case .concatenate: output = try graph.concatenate(inputs, axis: -1)
    case .subsampleAndPadChannels(let stride, let before, let after):
      output = try graph.subsampleAndPadChannels(x, stride: stride, before: before, after: after)
    case .zeroPadding(let top, let left, let bottom, let right):
      output = try graph.append(
        Pad(low: [0, top, left, 0], high: [0, bottom, right, 0], interior: [0, 0, 0, 0]), [x])
    case .dropout(let rate): output = try dropout(node, x, rate, &graph)
    case .softmax: output = try graph.softmax(x)
    case .activation(let function): output = try graph.activated(x, function, rectifier)
    case .prelu:
      let slope = try onlyParameter(node, &graph)
      weight = slope
      output = try graph.parametricRectifier(x, slope: slope, rectifier)
    case .layerNorm(let norm): output = try layerNorm(node, norm, x, &graph)
    case .layerScale:
      let scale = try onlyParameter(node, &graph)
      weight = scale
      output = try graph.multiply(x, scale)
    case .normalization:
      let (scale, shift) = try storedScale(node, &graph)
      (weight, bias) = (scale, shift)
      output = try graph.add(graph.multiply(x, scale), shift)
    case .rescale(let layer):
      let (scale, offset) = (try graph.numbers(layer.scale), try graph.numbers(layer.offset))
      (weight, bias) = (scale, offset)
      output = try graph.add(graph.multiply(x, scale), offset)
    case .multiply: output = try inputs.dropFirst().reduce(x) { try graph.multiply($0, $1) }
    case .subtract: output = try graph.subtract(x, inputs[1])
    case .divide: output = try graph.divide(x, inputs[1])
    case .average:
      let sum = try inputs.dropFirst().reduce(x) { try graph.add($0, $1) }
      output = try graph.multiply(sum, 1 / Double(inputs.count))
    case .maximum: output = try inputs.dropFirst().reduce(x) { try graph.maximum($0, $1) }
    case .reshape(let extents):
      output = try graph.reshape(x, to: Shape([x.shape[0]] + extents))
    case .permute(let order): output = try graph.transpose(x, [0] + order.map { $0 + 1 })
    case .reverseChannels: output = try graph.reversingChannels(x)
    case .resize(let layer): output = try graph.resized(x, layer)
    case .crop(let top, let left, let bottom, let right):
      let rows = try graph.slice(x, axis: 1, top..<x.shape[1] - bottom)
      output = try graph.slice(rows, axis: 2, left..<x.shape[2] - right)
    case .spatialDropout(let rate):
      output = try dropout(node, x, rate, &graph, over: [x.shape[0], 1, 1, x.shape[3]])
    }
    // Gradients will be taken with respect to kept activations: nothing may look through them.
    if keeping.contains(node.name) { graph.watch(output) }
    activations[node.name] = replacing[node.name] ?? output
    steps.append(
      NetworkGraph.Step(
        name: node.name, layers: [node.name], layer: node.layer, inputNames: node.inputs,
        inputs: inputs, output: output, weight: weight, bias: bias))
  }

  /// BN(conv(x, w) + b) = conv(x, w·scale) + (beta + (b − mean)·scale): weight-sized arithmetic
  /// through which gradients reach w, b, gamma and beta, and no activation-sized batch norm.
  private mutating func appendFolded(
    _ host: LayerNode, _ node: LayerNode, _ norm: BatchNormLayer, _ graph: inout GraphBuilder
  ) throws {
    let (raw, bias) = try affineParameters(host, &graph)
    let (scale, shift) = try frozenScale(node, norm, bias: bias, &graph)
    // One factor for each output channel, the first axis of filters and matrices alike.
    let ones = [Int](repeating: 1, count: raw.shape.rank - 1)
    let weight = try graph.multiply(
      raw, graph.reshape(scale, to: Shape([scale.shape[0]] + ones)))
    guard let x = activations[host.inputs[0]] else {
      preconditionFailure("\(host.name) reads \(host.inputs[0]), which is checked to precede it")
    }
    let output = try affine(host.layer, x, weight, shift, &graph)
    if keeping.contains(node.name) { graph.watch(output) }
    activations[node.name] = replacing[node.name] ?? output
    steps.append(
      NetworkGraph.Step(
        name: node.name, layers: [host.name, node.name], layer: host.layer,
        inputNames: host.inputs, inputs: [x], output: output, weight: weight, bias: shift))
  }

  // MARK: Parts

  private mutating func parameter(
    _ role: NetworkParameter.Role, of node: LayerNode, _ shape: Shape, _ graph: inout GraphBuilder
  ) throws -> Value {
    let name = NetworkParameter.name(of: role, in: node.parameterPrefix)
    let value = try graph.parameter(name, shape: shape)
    parameters[name] = value
    return value
  }

  private mutating func affineParameters(
    _ node: LayerNode, _ graph: inout GraphBuilder
  ) throws -> (weight: Value, bias: Value?) {
    var (weight, bias): (Value?, Value?) = (nil, nil)
    for specification in node.parameters {
      let value = try parameter(specification.role, of: node, specification.shape, &graph)
      if specification.role == .weight { weight = value } else { bias = value }
    }
    guard let weight else { preconditionFailure("\(node.name) has a weight") }
    return (weight, bias)
  }

  private mutating func onlyParameter(
    _ node: LayerNode, _ graph: inout GraphBuilder
  ) throws -> Value {
    let only = node.parameters[0]
    return try parameter(only.role, of: node, only.shape, &graph)
  }

  /// Over the last axes of each image.
  private mutating func layerNorm(
    _ node: LayerNode, _ norm: LayerNormLayer, _ x: Value, _ graph: inout GraphBuilder
  ) throws -> Value {
    let axes = Array(x.shape.rank - norm.extents.count..<x.shape.rank)
    let centered = try graph.subtract(x, graph.mean(x, axes: axes))
    let variance = try graph.mean(graph.square(centered), axes: axes)
    let deviation = try graph.unary(.squareRoot, graph.add(variance, norm.epsilon))
    var y = try graph.divide(centered, deviation)
    for specification in node.parameters {
      let value = try parameter(specification.role, of: node, specification.shape, &graph)
      y = specification.role == .gamma ? try graph.multiply(y, value) : try graph.add(y, value)
    }
    return y
  }

  /// 1 / √(variance + ε) and −mean times that, both [C].
  private mutating func storedScale(
    _ node: LayerNode, _ graph: inout GraphBuilder
  ) throws -> (scale: Value, shift: Value) {
    let shape = node.parameters[0].shape
    let mean = try parameter(.runningMean, of: node, shape, &graph)
    let variance = try parameter(.runningVariance, of: node, shape, &graph)
    let deviation = try graph.unary(
      .squareRoot, graph.add(variance, Layer.normalizationEpsilon))
    let scale = try graph.unary(.reciprocal, deviation)
    return (scale, try graph.negate(graph.multiply(mean, scale)))
  }

  private func affine(
    _ layer: Layer, _ x: Value, _ weight: Value, _ bias: Value?, _ graph: inout GraphBuilder
  ) throws -> Value {
    let product: Value
    if case .convolution(let convolution) = layer {
      product = try graph.convolution(
        x, weight, window: convolution.window, groups: convolution.groups)
    } else {
      product = try graph.dense(x, weight)
    }
    guard let bias else { return product }
    return try graph.add(product, bias)
  }

  /// scale = gamma / √(variance + epsilon), shift = beta + (bias − mean)·scale, both [C].
  private mutating func frozenScale(
    _ node: LayerNode, _ norm: BatchNormLayer, bias: Value?, _ graph: inout GraphBuilder
  ) throws -> (scale: Value, shift: Value) {
    let shape: Shape = [norm.channels]
    let (gamma, beta) = try gammaAndBeta(node, norm, &graph)
    let mean = try parameter(.runningMean, of: node, shape, &graph)
    let variance = try parameter(.runningVariance, of: node, shape, &graph)
    let deviation = try graph.unary(.squareRoot, graph.add(variance, norm.epsilon))
    let scale = try graph.divide(gamma ?? graph.scalar(1), deviation)
    let offset = try bias.map { try graph.subtract($0, mean) } ?? graph.negate(mean)
    let shift = try graph.multiply(offset, scale)
    return (scale, try beta.map { try graph.add($0, shift) } ?? shift)
  }

  private mutating func gammaAndBeta(
    _ node: LayerNode, _ norm: BatchNormLayer, _ graph: inout GraphBuilder
  ) throws -> (gamma: Value?, beta: Value?) {
    let shape: Shape = [norm.channels]
    let gamma = norm.hasGamma ? try parameter(.gamma, of: node, shape, &graph) : nil
    let beta = norm.hasBeta ? try parameter(.beta, of: node, shape, &graph) : nil
    return (gamma, beta)
  }

  /// Batch norm by the mean and the biased variance of the batch (over N, H, W); the running
  /// average takes the unbiased variance, as PyTorch does.
  private mutating func batchStatistics(
    _ node: LayerNode, _ norm: BatchNormLayer, _ x: Value, _ graph: inout GraphBuilder
  ) throws -> Value {
    let axes = Array(0..<x.shape.rank - 1)
    let count = x.shape.count / norm.channels
    guard count > 1 else {
      throw NetworkError(
        "\(node.name): batch statistics of \(x.shape) need more than one value for each channel; "
          + "use a larger batch or freeze the statistics")
    }
    let shape: Shape = [norm.channels]
    let (gamma, beta) = try gammaAndBeta(node, norm, &graph)
    let mean = try graph.mean(x, axes: axes)
    let centered = try graph.subtract(x, mean)
    let variance = try graph.mean(graph.square(centered), axes: axes)
    let deviation = try graph.unary(.squareRoot, graph.add(variance, norm.epsilon))
    let scale = try graph.divide(gamma ?? graph.scalar(1), deviation)

    let unbiased = try graph.multiply(variance, Double(count) / Double(count - 1))
    for (role, statistic) in [
      (NetworkParameter.Role.runningMean, mean), (.runningVariance, unbiased),
    ] {
      // A batch norm that is called several times goes on from its last call.
      let name = NetworkParameter.name(of: role, in: node.parameterPrefix)
      let given = try parameter(role, of: node, shape, &graph)
      let running = runningStatisticsUpdates[name] ?? given
      runningStatisticsUpdates[name] =
        try graph.add(
          graph.multiply(running, 1 - norm.momentum),
          graph.multiply(graph.reshape(statistic, to: shape), norm.momentum))
    }
    let scaled = try graph.multiply(centered, scale)
    return try beta.map { try graph.add(scaled, $0) } ?? scaled
  }

  private mutating func dropout(
    _ node: LayerNode, _ x: Value, _ rate: Double, _ graph: inout GraphBuilder,
    over shape: Shape? = nil
  ) throws -> Value {
    guard mode == .training, rate > 0 else { return x }
    let mask = NetworkGraph.DropoutMask(
      name: "dropout.\(node.name)", shape: shape ?? x.shape, rate: rate)
    dropoutMasks.append(mask)
    return try graph.multiply(x, graph.placeholder(mask.name, shape: mask.shape))
  }
}
