import Networks
import TensorGraph

/// h = Σ_channels x · (1/m) Σ_{k=1…m} ∂logit_c/∂x at (k/m)·x: signed relevance in units of the
/// logit, [N, H, W]. The baseline is 0 in normalised space, the data set's mean colour.
///
/// Sundararajan et al. 2017, Eq. 3. Its sum tends to logit_c(x) − logit_c(0) as m grows.
public struct IntegratedGradients: SampledInterpreter, GradientInterpreter {
  public static let defaultSteps = 50  // Sundararajan et al. 2017: 20 to 300 are enough

  public let steps: Int
  public var projection: TangentProjection?
  public var name: String { "integrated-gradients" }
  public var range: HeatmapRange { .signed }
  public var sampleCount: Int { steps }

  public init(steps: Int = defaultSteps) {
    precondition(steps > 0, "\(steps) steps")
    self.steps = steps
  }

  init(_ specification: InterpreterSpecification) throws(NetworkError) {
    self.init(
      steps: try specification.checked(
        .steps, specification.steps, default: Self.defaultSteps, in: SampleLimits.samples))
  }

  static let kind = InterpreterKind("integrated-gradients", options: [.steps, .projected]) {
    (specification) throws(NetworkError) in
    var method = try IntegratedGradients(specification)
    method.projection = specification.projected
    return method
  }

  /// Where on the path: (sample + 1) / m, the same for all images.
  public func variation(sample: Int, image: Int, of architecture: Architecture) -> Tensor {
    Tensor(shape: [1, 1, 1], values: [Float(sample + 1) / Float(steps)])
  }

  /// The gradient, [N, H, W, C].
  public func sample(
    of network: NetworkGraph, classes: Value, variation: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let point = try graph.multiply(network.input, variation)
    let lowered = try graph.lowered(network, on: point)
    let score = try lowered.score(of: classes, in: &graph)
    return try graph.gradient(of: score, with: [point])[0]
  }

  public func combine(
    mean: Value, of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    // The same as projecting every sample: a projection is linear.
    let mean = try projection.map { try $0(mean, in: &graph) } ?? mean
    return try graph.sumChannels(graph.multiply(network.input, mean))
  }
}

/// h = Σ_channels (A − A′) · (1/m) Σ_{k=1…m} ∂logit_c/∂A at A′ + (k/m)·(A − A′), A the target
/// layer's activation and A′ that of the baseline image 0: the path is straight in activation
/// space, [N, h, w].
///
/// Its sum tends to the difference of the logits where everything flows through the target layer;
/// what flows past it (a shortcut) stays that of the image.
public struct IntegratedGradientsAtLayer: SampledInterpreter {
  public let layer: String
  public let path: IntegratedGradients
  public var name: String { "integrated-gradients-t" }
  public var range: HeatmapRange { .signed }
  public var targetLayer: String? { layer }
  public var sampleCount: Int { path.steps }

  public init(layer: String, steps: Int = IntegratedGradients.defaultSteps) {
    (self.layer, path) = (layer, IntegratedGradients(steps: steps))
  }

  static let kind = InterpreterKind("integrated-gradients-t", options: [.steps]) {
    (layer, specification) throws(NetworkError) in
    IntegratedGradientsAtLayer(
      layer: layer, steps: try IntegratedGradients(specification).steps)
  }

  public func variation(sample: Int, image: Int, of architecture: Architecture) -> Tensor {
    path.variation(sample: sample, image: image, of: architecture)
  }

  /// The gradient, [N, h, w, C].
  public func sample(
    of network: NetworkGraph, classes: Value, variation: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let (baseline, difference) = try ends(network, in: &graph)
    let point = try graph.add(baseline, graph.multiply(difference, variation))
    graph.watch(point)
    let rest = try network.lowered(on: network.input, replacing: [layer: point], in: &graph)
    let score = try rest.score(of: classes, in: &graph)
    return try graph.gradient(of: score, with: [point])[0]
  }

  public func combine(
    mean: Value, of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    try graph.sumChannels(graph.multiply(ends(network, in: &graph).difference, mean))
  }

  /// A′ [1, h, w, C] and A − A′ [N, h, w, C].
  private func ends(
    _ network: NetworkGraph, in graph: inout GraphBuilder
  ) throws -> (baseline: Value, difference: Value) {
    let activation = try network.target(layer, for: name)
    let baseline = try network.loweredOnBaseline(in: &graph).target(layer, for: name)
    return (baseline, try graph.subtract(activation, baseline))
  }
}
