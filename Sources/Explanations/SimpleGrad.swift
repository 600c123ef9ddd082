import Networks
import TensorGraph

/// h = g / (Σ g + 1e-12) with g = Σ_channels |∂logit_c/∂x| at the input, the sum over the image's
/// pixels: a distribution over pixels, [N, H, W].
///
/// Simonyan et al. 2013, normalised as in Heo et al. 2019.
/// - Note: the summand in the denominator is ours. Where the gradient vanishes everywhere the map
///   and its derivatives are 0 instead of NaN; for any other it lies below float precision.
public struct SimpleGrad: Interpreter {
  static let stabilizer = 1e-12

  public var name: String { "simple-grad" }
  public var range: HeatmapRange { .nonNegative }

  public init() {}

  static let kind = InterpreterKind("simple-grad", make: { _ in SimpleGrad() })

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let score = try network.score(of: classes, in: &graph)
    let gradient = try graph.gradient(of: score, with: [network.input])[0]
    let magnitude = try graph.sumChannels(graph.unary(.absolute, gradient))
    let total = try graph.sum(magnitude, axes: [1, 2])
    return try graph.divide(magnitude, graph.add(total, Self.stabilizer))
  }
}
