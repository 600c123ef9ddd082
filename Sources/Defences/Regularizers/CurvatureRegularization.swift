import Networks
import TensorGraph

/// CURE: the mean over the images of ‖∇ℓ(x + h·z) − ∇ℓ(x)‖₂², ℓ the cross-entropy and
/// z = sign ∇ℓ(x) / ‖sign ∇ℓ(x)‖₂, through which no derivative flows. Moosavi-Dezfooli et al. 2019,
/// Eq. 5, in units of the normalised input.
public struct CurvatureRegularization: Regularizer {
  public static let defaultStep = 1.5  // Moosavi-Dezfooli et al. 2019, Section 4.2

  /// h.
  public let step: Double
  public var name: String { "curvature" }

  public init(step: Double = defaultStep) { self.step = step }

  static let kind = RegularizerKind("curvature", options: [.step]) {
    CurvatureRegularization(step: $0.step ?? defaultStep)
  }

  public func penalty(
    of network: NetworkGraph, labels: Value, directions: Value?, in graph: inout GraphBuilder
  ) throws -> Value {
    let here = try graph.lossGradient(of: network, labels: labels)
    let way = try graph.stopGradient(graph.normalized(graph.sign(here)))
    let point = try graph.add(network.input, graph.multiply(way, step))
    graph.watch(point)
    let moved = try network.lowered(on: point, in: &graph)
    let there = try graph.lossGradient(of: moved, labels: labels)
    let difference = try graph.square(graph.subtract(there, here))
    return try graph.multiply(graph.sum(difference), 1 / Double(here.shape[0]))
  }
}
