import Networks
import TensorGraph

/// h = g / (Σ g + 1e-12) with g = Σ_channels |∂logit_c/∂x| at the input, the sum over the image's
/// pixels: a distribution over pixels, [N, H, W].
///
/// Simonyan et al. 2013, normalised as in Heo et al. 2019.
/// - Note: the summand in the denominator is ours. Where the gradient vanishes everywhere the map
///   and its derivatives are 0 instead of NaN; for any other it lies below float precision.
public struct SimpleGrad: GradientInterpreter {
  static let stabilizer = 1e-12

  public var name: String { "simple-grad" }
  public var range: HeatmapRange { .nonNegative }

  public var projection: TangentProjection?

  public init(projection: TangentProjection? = nil) { self.projection = projection }

  static let kind = InterpreterKind(
    "simple-grad", options: [.projected], make: { SimpleGrad(projection: $0.projected) })

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let gradient = try inputGradient(of: network, classes: classes, in: &graph)
    let magnitude = try graph.sumChannels(graph.unary(.absolute, gradient))
    let total = try graph.sum(magnitude, axes: [1, 2])
    return try graph.divide(magnitude, graph.add(total, Self.stabilizer))
  }
}
