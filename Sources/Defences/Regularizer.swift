import Networks
import TensorGraph

/// A penalty that training adds to the cross-entropy so that the network's explanations cannot be moved
/// as easily.
///
/// A new regularizer is one new file with its `RegularizerKind` and one line in `RegularizerKind.all`.
public protocol Regularizer: Sendable {
  /// The name in recipes, e.g. `ssr`.
  var name: String { get }
  /// Whether the penalty reads random directions.
  var needsDirections: Bool { get }

  /// The mean over the images, a scalar.
  /// - Parameters:
  ///   - network: on a placeholder of images.
  ///   - labels: one-hot rows, [N, classes].
  ///   - directions: standard normal numbers of the images' shape, if they are needed.
  ///   - graph: what the penalty is appended to.
  /// - Note: with batch statistics an image's derivatives include those through the statistics.
  func penalty(
    of network: NetworkGraph, labels: Value, directions: Value?, in graph: inout GraphBuilder
  ) throws -> Value
}

extension Regularizer {
  public var needsDirections: Bool { false }
}

extension GraphBuilder {
  /// ∂ℓ_n/∂x_n of every image, ℓ the cross-entropy: [N, H, W, C].
  mutating func lossGradient(of network: NetworkGraph, labels: Value) throws -> Value {
    let likelihood = try sum(network.logLikelihoods(of: labels, in: &self))
    return try gradient(of: negate(likelihood), with: [network.input])[0]
  }

  /// v / ‖v‖₂ of each image. What is 0 stays 0.
  public mutating func normalized(_ v: Value) throws(ShapeError) -> Value {
    let norm = try squareRoot(sum(square(v), axes: [1, 2, 3]))
    return try divide(v, add(norm, 1e-30))
  }
}
