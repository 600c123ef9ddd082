import Networks
import TensorGraph

/// The mean over the images of ‖H v‖₂², H the Hessian of the label's logit in the input and v standard
/// normal: over v its mean is the squared Frobenius norm of H. Dombrowski et al. 2022; what Joo, Heo, Moon
/// 2023 compare gradient alignment with, at a weight of 1e-4.
///
/// A network of ReLUs has no second derivative almost everywhere, so the one is penalised that has
/// softplus with β in place of every ReLU; cross-entropy stays that of the network itself.
/// - Note: in units of the normalised input.
public struct HessianNorm: Regularizer {
  public static let defaultBeta = 8.0

  /// β.
  public let beta: Double
  public var name: String { "hessian-norm" }
  public var needsDirections: Bool { true }

  public init(beta: Double = defaultBeta) {
    precondition(beta > 0, "β is \(beta)")
    self.beta = beta
  }

  static let kind = RegularizerKind("hessian-norm", options: [.beta]) {
    HessianNorm(beta: $0.beta ?? defaultBeta)
  }

  public func penalty(
    of network: NetworkGraph, labels: Value, directions: Value?, in graph: inout GraphBuilder
  ) throws -> Value {
    guard let directions else { preconditionFailure("hessian-norm without its directions") }
    let smooth = try network.lowered(
      on: network.input, rectifier: .softplus(beta: graph.scalar(beta)), in: &graph)
    let score = try graph.sum(graph.multiply(smooth.logits, labels))
    let slope = try graph.gradient(of: score, with: [network.input])[0]
    let along = try graph.sum(graph.multiply(slope, directions))
    let product = try graph.gradient(of: along, with: [network.input])[0]
    return try graph.multiply(
      graph.sum(graph.square(product)), 1 / Double(product.shape[0]))
  }
}
