import Networks
import TensorGraph

/// h = Σ_channels x · ∂logit_c/∂x at the input: signed relevance in units of the logit, [N, H, W].
///
/// Shrikumar et al. 2016. For a network of ReLUs without biases its sum is the logit itself.
public struct InputTimesGradient: Interpreter {
  public var name: String { "input-x-gradient" }
  public var range: HeatmapRange { .signed }

  public init() {}

  static let kind = InterpreterKind("input-x-gradient", make: { _ in InputTimesGradient() })

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let score = try network.score(of: classes, in: &graph)
    let gradient = try graph.gradient(of: score, with: [network.input])[0]
    return try graph.sumChannels(graph.multiply(network.input, gradient))
  }
}
