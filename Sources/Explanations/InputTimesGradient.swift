import Networks
import TensorGraph

/// h = Σ_channels x · ∂logit_c/∂x at the input: signed relevance in units of the logit, [N, H, W].
///
/// Shrikumar et al. 2016. For a network of ReLUs without biases its sum is the logit itself.
public struct InputTimesGradient: GradientInterpreter {
  public var name: String { "input-x-gradient" }
  public var range: HeatmapRange { .signed }

  public var projection: TangentProjection?

  public init(projection: TangentProjection? = nil) { self.projection = projection }

  static let kind = InterpreterKind(
    "input-x-gradient", options: [.projected],
    make: { InputTimesGradient(projection: $0.projected) })

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let gradient = try inputGradient(of: network, classes: classes, in: &graph)
    return try graph.sumChannels(graph.multiply(network.input, gradient))
  }
}
