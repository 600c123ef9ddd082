import Networks
import TensorGraph

/// h = g / (Σ g + 1e-12) with g = Σ_channels |∂logit_c/∂x| at the input, or max_channels of it, the sum
/// over the image's pixels: a distribution over pixels, [N, H, W].
///
/// Simonyan et al. 2013, who take the maximum; normalised as in Heo et al. 2019, who take the sum.
/// - Note: the summand in the denominator is ours. Where the gradient vanishes everywhere the map
///   and its derivatives are 0 instead of NaN; for any other it lies below float precision.
public struct SimpleGrad: GradientInterpreter {
  static let stabilizer = 1e-12

  public var name: String { "simple-grad" }
  public var range: HeatmapRange { .nonNegative }

  public var projection: TangentProjection?
  public let channels: ChannelReduction

  public init(projection: TangentProjection? = nil, channels: ChannelReduction = .sum) {
    (self.projection, self.channels) = (projection, channels)
  }

  static let kind = InterpreterKind(
    "simple-grad", options: [.projected, .channels],
    make: { SimpleGrad(projection: $0.projected, channels: $0.channels ?? .sum) })

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let gradient = try inputGradient(of: network, classes: classes, in: &graph)
    let magnitude = try channels(graph.unary(.absolute, gradient), in: &graph)
    let total = try graph.sum(magnitude, axes: [1, 2])
    return try graph.divide(magnitude, graph.add(total, Self.stabilizer))
  }
}

/// What a pixel's channels come to in one number.
public enum ChannelReduction: String, Codable, Hashable, Sendable, CaseIterable {
  case sum
  /// Simonyan et al. 2013. Of equal channels the derivative is shared.
  case max

  /// [N, h, w, C] to [N, h, w].
  func callAsFunction(_ x: Value, in graph: inout GraphBuilder) throws(ShapeError) -> Value {
    switch self {
    case .sum: try graph.sumChannels(x)
    case .max:
      try graph.reshape(
        graph.maximum(of: x, axes: [-1]), to: Shape(Array(x.shape.dimensions.dropLast())))
    }
  }
}
