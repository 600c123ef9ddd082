import Networks
import TensorGraph

/// SSR, smooth surface regularisation: the mean over the images of λ_max(H), H = Jᵀ(diag p − ppᵀ)J the
/// Hessian of the cross-entropy in the input where the network is piecewise linear, J the Jacobian
/// [classes, H·W·C] of the logits and p their softmax. Wang et al. 2020, Section 4.
///
/// The leading eigenvector v comes from a power iteration that starts at a random direction; through it
/// no derivative flows, since that of an eigenvalue is vᵀ(∂H)v. So
/// λ = Σ_c p_c (Jv)_c² − (Σ_c p_c (Jv)_c)², the variance of the logits' slopes along v.
///
/// - Note: as few as two passes of the network for each iteration, however many classes there are. The
///   authors' code builds JJᵀ from one gradient for each class instead, averaged over colours.
/// - Note: in units of the normalised input.
public struct SmoothSurface: Regularizer {
  public static let defaultIterations = 5

  public let iterations: Int
  public var name: String { "ssr" }
  public var needsDirections: Bool { true }

  public init(iterations: Int = defaultIterations) {
    precondition(iterations > 0, "\(iterations) iterations")
    self.iterations = iterations
  }

  static let kind = RegularizerKind("ssr", options: [.iterations]) {
    SmoothSurface(iterations: $0.iterations ?? defaultIterations)
  }

  public func penalty(
    of network: NetworkGraph, labels: Value, directions: Value?, in graph: inout GraphBuilder
  ) throws -> Value {
    guard let directions else { preconditionFailure("ssr without its directions") }
    return try graph.mean(
      largestEigenvalues(of: network, from: directions, in: &graph))
  }

  /// λ_max of every image, [N, 1].
  public func largestEigenvalues(
    of network: NetworkGraph, from directions: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    guard network.architecture.output != .labels else {
      throw NetworkError(
        "ssr: \(network.architecture.name) ends in a sigmoid over several labels, and the penalty is "
          + "that of a softmax; choose another defence")
    }
    let p = try graph.softmax(network.logits)
    var v = try graph.normalized(directions)
    for _ in 0..<iterations {
      let slopes = try graph.jacobianVectorProduct(
        of: network.logits, with: network.input, along: v)
      let weighted = try graph.multiply(p, slopes)
      let mean = try graph.sum(weighted, axes: [1])
      let deviation = try graph.subtract(weighted, graph.multiply(p, mean))
      let next = try graph.gradient(
        of: network.logits, with: [network.input], seed: deviation)[0]
      v = try graph.stopGradient(graph.normalized(next))
    }
    let slopes = try graph.jacobianVectorProduct(of: network.logits, with: network.input, along: v)
    let mean = try graph.sum(graph.multiply(p, slopes), axes: [1])
    let second = try graph.sum(graph.multiply(p, graph.square(slopes)), axes: [1])
    return try graph.subtract(second, graph.square(mean))
  }
}
