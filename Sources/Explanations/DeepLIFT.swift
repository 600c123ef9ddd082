import Networks
import TensorGraph

/// h = Σ_channels m · (x − x′) at the input, m the multiplier from there to the class's logit:
/// signed relevance in units of the logit, [N, H, W]. The baseline x′ is 0 in normalised space.
///
/// DeepLIFT with the Rescale rule, Shrikumar et al. 2017: multipliers follow the chain rule, with
/// Δoutput / Δinput in place of a non-linearity's derivative (and the derivative where
/// abs(Δinput) < 1e-7). Its sum is logit_c(x) − logit_c(x′).
public struct DeepLIFT: Interpreter {
  public var name: String { "deep-lift" }
  public var range: HeatmapRange { .signed }

  public init() {}

  static let kind = InterpreterKind("deep-lift", make: { _ in DeepLIFT() })

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let baseline = try network.loweredOnBaseline(in: &graph)
    let multiplier = try DeepLIFTPropagation(network: network, baseline: baseline)
      .multiplier(at: Architecture.inputName, classes: classes, graph: &graph)
    let difference = try graph.subtract(network.input, baseline.input)
    return try graph.sumChannels(graph.multiply(multiplier, difference))
  }
}

/// h = Σ_channels m · (A − A′), A the activation of the target layer, A′ that of the baseline and m
/// the multiplier from there to the class's logit: [N, h, w]. As `DeepLIFT`.
public struct DeepLIFTAtLayer: Interpreter {
  public let layer: String
  public var name: String { "deep-lift-t" }
  public var range: HeatmapRange { .signed }
  public var targetLayer: String? { layer }

  public init(layer: String) { self.layer = layer }

  static let kind = InterpreterKind(
    "deep-lift-t", at: { layer, _ in DeepLIFTAtLayer(layer: layer) })

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let activation = try network.target(layer, for: name)
    let baseline = try network.loweredOnBaseline(in: &graph)
    let target = try network.architecture.layerName(of: layer)
    let multiplier = try DeepLIFTPropagation(network: network, baseline: baseline)
      .multiplier(at: target, classes: classes, graph: &graph)
    let difference = try graph.subtract(activation, baseline.target(layer, for: name))
    return try graph.sumChannels(graph.multiply(multiplier, difference))
  }
}

/// Multipliers layer by layer from the class's logit down.
struct DeepLIFTPropagation {
  /// Below this the ratio is replaced by the derivative. Definitions; captum's default is 1e-10.
  static let smallestDifference = 1e-7

  let network: NetworkGraph
  /// The same layers on the baseline, with a batch of one.
  let baseline: NetworkGraph

  func multiplier(
    at target: String, classes: Value, graph: inout GraphBuilder
  ) throws -> Value {
    guard network.mode == .frozen else {
      throw NetworkError(
        "deep-lift: \(network.architecture.name) has batch norms in training mode; lower it frozen")
    }
    var pairs = Array(zip(network.steps, baseline.steps))
    if let last = pairs.last, last.0.layer.endsInProbabilities { pairs.removeLast() }
    let start = try network.atScores(
      network.checked(classes), isMultiplier: true, in: &graph)
    var multipliers = [pairs.last?.0.name ?? target: start]
    var onTheWay: Set<String> = []
    for (step, _) in pairs
    where step.inputNames.contains(where: { $0 == target || onTheWay.contains($0) }) {
      onTheWay.insert(step.name)
    }
    for (step, reference) in pairs.reversed() where onTheWay.contains(step.name) {
      guard let received = multipliers.removeValue(forKey: step.name) else { continue }
      let inputs = try propagate(received, through: step, reference, &graph)
      for (name, value) in zip(step.inputNames, inputs)
      where name == target || onTheWay.contains(name) {
        multipliers[name] = try multipliers[name].map { try graph.add($0, value) } ?? value
      }
    }
    guard let result = multipliers[target] else {
      throw NetworkError(
        "deep-lift: the logits of \(network.architecture.name) do not depend on \(target)")
    }
    return result
  }

  private func propagate(
    _ m: Value, through step: NetworkGraph.Step, _ reference: NetworkGraph.Step,
    _ graph: inout GraphBuilder
  ) throws -> [Value] {
    if let routed = try graph.routed(step, m) { return routed }
    switch step.layer {
    case .convolution, .dense, .batchNorm:
      guard let weight = step.weight else {
        preconditionFailure("\(step.name) has a weight where batch norms are frozen")
      }
      return [try AffineMap(step, weight: weight, bias: nil).adjoint(m, weight, in: &graph)]
    case .averagePool, .adaptiveAveragePool, .globalAveragePool, .resize:
      return [try graph.averageAdjoint(step, m)]
    case .add: return step.inputs.map { _ in m }
    case .average:
      let part = try graph.multiply(m, 1 / Double(step.inputs.count))
      return step.inputs.map { _ in part }
    case .subtract: return [m, try graph.negate(m)]
    case .multiply: return try throughProduct(m, step, reference, &graph)
    case .layerScale, .rescale, .normalization: return [try graph.multiply(m, step.weight!)]
    case .activation, .prelu: return [try throughActivation(m, step, reference, &graph)]
    case .relu: return [try throughReLU(m, step, reference, &graph)]
    case .maxPool(let window): return [try throughMaxPool(m, window, step, reference, &graph)]
    default:
      throw NetworkError(
        "deep-lift: no multiplier passes through layer \(step.name) (\(step.layer.kind.rawValue)); "
          + "there is no rule for this kind of layer within a network")
    }
  }

  /// m · Δy / Δx.
  private func throughReLU(
    _ m: Value, _ step: NetworkGraph.Step, _ reference: NetworkGraph.Step,
    _ graph: inout GraphBuilder
  ) throws -> Value {
    let change = try graph.subtract(step.output, reference.output)
    return try ratio(
      graph.multiply(m, change), graph.subtract(step.inputs[0], reference.inputs[0]),
      derivative: graph.multiply(m, graph.slope(of: network.rectifier, at: step.inputs[0])), &graph)
  }

  /// The same for any function of single elements.
  private func throughActivation(
    _ m: Value, _ step: NetworkGraph.Step, _ reference: NetworkGraph.Step,
    _ graph: inout GraphBuilder
  ) throws -> Value {
    let x = step.inputs[0]
    // Whose derivative is needed must not be looked through.
    graph.watch(x)
    let y = try graph.applied(step, to: x, rectifier: network.rectifier)
    let change = try graph.subtract(step.output, reference.output)
    return try ratio(
      graph.multiply(m, change), graph.subtract(x, reference.inputs[0]),
      derivative: graph.gradient(of: y, with: [x], seed: m)[0], &graph)
  }

  /// A change of x·y is Δx·(y + y′)/2 + Δy·(x + x′)/2: each factor has the mean of the other as its
  /// multiplier, the Shapley value of a product. Of several factors, the product so far and the next.
  private func throughProduct(
    _ m: Value, _ step: NetworkGraph.Step, _ reference: NetworkGraph.Step,
    _ graph: inout GraphBuilder
  ) throws -> [Value] {
    func products(_ factors: [Value], _ graph: inout GraphBuilder) throws -> [Value] {
      var products = [factors[0]]
      for factor in factors.dropFirst() {
        products.append(try graph.multiply(products[products.count - 1], factor))
      }
      return products
    }
    let own = try products(step.inputs, &graph)
    let other = try products(reference.inputs, &graph)
    var (received, results) = (m, [Value]())
    for position in step.inputs.indices.dropFirst().reversed() {
      let before = try graph.multiply(graph.add(own[position - 1], other[position - 1]), 0.5)
      let factor = try graph.multiply(
        graph.add(step.inputs[position], reference.inputs[position]), 0.5)
      results.append(
        try graph.summed(graph.multiply(received, before), to: step.inputs[position].shape))
      received = try graph.summed(graph.multiply(received, factor), to: own[position - 1].shape)
    }
    return [received] + results.reversed()
  }

  /// Of each window's Δy the part by which it grew goes to the winner of the image and the part by
  /// which it shrank to that of the baseline: with y* = max(y, y′) that is y* − y′ and y − y*, so no
  /// ratio exceeds 1.
  private func throughMaxPool(
    _ m: Value, _ window: Window2D, _ step: NetworkGraph.Step, _ reference: NetworkGraph.Step,
    _ graph: inout GraphBuilder
  ) throws -> Value {
    let x = step.inputs[0]
    let referenceY = try graph.broadcast(reference.output, to: step.output.shape)
    let scatter = MaxPoolScatter(window: window, inputShape: x.shape)
    let largest = try graph.maximum(step.output, referenceY)
    let index = try graph.append(MaxPoolIndex(window: window), [x])
    let referenceIndex = try graph.append(
      MaxPoolIndex(window: window),
      [graph.broadcast(earliestWinning(reference.inputs[0], window, &graph), to: x.shape)])
    let grown = try graph.multiply(m, graph.subtract(largest, referenceY))
    let shrunk = try graph.multiply(m, graph.subtract(step.output, largest))
    let contribution = try graph.add(
      graph.append(scatter, [grown, index]), graph.append(scatter, [shrunk, referenceIndex]))
    let difference = try graph.subtract(x, reference.inputs[0])
    return try ratio(
      contribution, difference, derivative: graph.append(scatter, [m, index]), &graph)
  }

  /// x′, [1, H, W, C], a little less the later a pixel comes in a window: of equals the first wins, however
  /// their sums were rounded.
  ///
  /// The baseline is one colour, so most of its windows hold equal values, and which of them wins changes
  /// the heatmap: by 15% of its norm where Winograd's algorithm sums neighbouring pixels in other orders.
  private func earliestWinning(
    _ x: Value, _ window: Window2D, _ graph: inout GraphBuilder
  ) throws -> Value {
    let (height, width) = (x.shape[1], x.shape[2])
    // Above what rounding does, far below what pixels differ by.
    let step: Float = 0x1p-15
    let handicaps = Tensor(
      shape: [1, height, width, 1],
      values: (0..<height * width).map {
        step * Float($0 / width * window.width * window.dilationX + $0 % width)
      })
    return try graph.subtract(
      x, graph.multiply(graph.constant(handicaps), graph.mean(graph.absolute(x))))
  }

  /// contribution / difference, or `derivative` where the difference is too small.
  private func ratio(
    _ contribution: Value, _ difference: Value, derivative: Value, _ graph: inout GraphBuilder
  ) throws -> Value {
    let isSmall = try graph.isGreater(
      graph.scalar(Self.smallestDifference), graph.absolute(difference))
    // 1 in place of a small difference: what is not chosen must be finite for its derivatives.
    let safe = try graph.select(isSmall, graph.constant(1, shape: difference.shape), difference)
    return try graph.select(isSmall, derivative, graph.divide(contribution, safe))
  }
}
