import Networks
import TensorGraph

/// h = ReLU(Σ_k α_k A_k) / (max + 1e-8), α_k the spatial mean of ∂logit_c/∂A_k, A the activation of
/// the target layer: relevance in [0, 1], [N, h, w].
///
/// Selvaraju et al. 2017; scaled as in Heo et al. 2019. A map without positive evidence is all 0,
/// and so are its derivatives.
public struct GradCAM: Interpreter {
  static let stabilizer = 1e-8  // Heo et al. 2019, released code

  public let layer: String
  public var name: String { "grad-cam" }
  public var targetLayer: String? { layer }

  public init(layer: String) { self.layer = layer }

  static let kind = InterpreterKind("grad-cam", at: { layer, _ in GradCAM(layer: layer) })

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let activation = try network.target(layer, for: name)
    let score = try network.score(of: classes, in: &graph)
    let gradient = try graph.gradient(of: score, with: [activation])[0]
    let weights = try graph.mean(gradient, axes: [1, 2])
    let evidence = try graph.relu(graph.sumChannels(graph.multiply(activation, weights)))
    return try graph.dividedByMaximum(evidence, stabilizer: Self.stabilizer)
  }
}
