import Networks
import TensorGraph

/// The mean over the images of ‖∂ℓ/∂x‖₂², ℓ the cross-entropy, in units of the normalised input.
/// Ross and Doshi-Velez 2018, Eq. 1.
public struct GradientNorm: Regularizer {
  public var name: String { "gradient-norm" }

  public init() {}

  static let kind = RegularizerKind("gradient-norm") { _ in GradientNorm() }

  public func penalty(
    of network: NetworkGraph, labels: Value, directions: Value?, in graph: inout GraphBuilder
  ) throws -> Value {
    let gradient = try graph.lossGradient(of: network, labels: labels)
    return try graph.multiply(graph.sum(graph.square(gradient)), 1 / Double(gradient.shape[0]))
  }
}
