import Networks
import TensorGraph

/// h = ReLU(Σ_k α_k A_k) / (max + 1e-8), α_k the spatial mean of ∂logit_c/∂A_k, A the activation of
/// the target layer: relevance in [0, 1], [N, h, w].
///
/// Selvaraju et al. 2017; scaled as in Heo et al. 2019. A map without positive evidence is all 0,
/// and so are its derivatives.
/// - Note: with a `leak`, the map is the same, but its derivative is that of a leaky ReLU: where
///   evidence is negative, the slope is `leak` instead of 0. A map that has vanished is then scaled
///   by the largest |evidence| for its derivative. Penalties can so bring back relevance where there
///   is none; without it, maps that have vanished stay so.
/// - Note: with detached weights the map is the same as well, but its derivatives take α for a constant,
///   as the code of Noppel, Peter, Wressnegger 2023 does. By default they are exact.
public struct GradCAM: Interpreter {
  static let stabilizer = 1e-8  // Heo et al. 2019, released code

  public let layer: String
  /// Slope of the derivative where evidence is negative, in [0, 1].
  public let leak: Double
  /// Whether derivatives of the heatmap take the channels' weights α for constants.
  public let detachesWeights: Bool
  public var name: String { "grad-cam" }
  public var targetLayer: String? { layer }
  public var range: HeatmapRange { .unit }

  public init(layer: String, leak: Double = 0, detachesWeights: Bool = false) {
    (self.layer, self.leak, self.detachesWeights) = (layer, leak, detachesWeights)
  }

  static let kind = InterpreterKind("grad-cam", options: [.leak, .alpha]) {
    (layer, specification) throws(NetworkError) in
    GradCAM(
      layer: layer,
      leak: try specification.checked(.leak, specification.leak, default: 0, in: 0...1),
      detachesWeights: specification.alpha == .detached)
  }

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let activation = try network.target(layer, for: name)
    let score = try network.score(of: classes, in: &graph)
    let gradient = try graph.gradient(of: score, with: [activation])[0]
    var weights = try graph.mean(gradient, axes: [1, 2])
    if detachesWeights { weights = try graph.stopGradient(weights) }
    let evidence = try graph.sumChannels(graph.multiply(activation, weights))
    guard leak > 0 else {
      return try graph.dividedByMaximum(graph.relu(evidence), stabilizer: Self.stabilizer)
    }
    // Adds 0, with the slope as its derivative.
    let negative = try graph.multiply(graph.minimum(evidence, graph.scalar(0)), leak)
    let passed = try graph.subtract(negative, graph.stopGradient(negative))
    let map = try graph.add(graph.relu(evidence), passed)
    let largest = try graph.maximum(of: graph.relu(evidence), axes: [1, 2])
    let hasVanished = try graph.isEqual(largest, graph.scalar(0))
    let scale = try graph.stopGradient(
      graph.maximum(of: graph.absolute(evidence), axes: [1, 2]))
    let divisor = try graph.add(largest, graph.multiply(hasVanished, scale))
    return try graph.divide(map, graph.add(divisor, Self.stabilizer))
  }
}
