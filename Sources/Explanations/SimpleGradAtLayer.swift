import Networks
import TensorGraph

/// h = (g − min g) / (max g − min g + 1e-8) with g = Σ_channels |∂logit_c/∂A|, A the activation of
/// the target layer: relevance in [0, 1], [N, h, w]. SimpleGrad_T of Heo et al. 2019.
///
/// Where g is the same everywhere the map is all 0.
public struct SimpleGradAtLayer: Interpreter {
  static let stabilizer = 1e-8  // Heo et al. 2019, released code

  public let layer: String
  public var name: String { "simple-grad-t" }
  public var targetLayer: String? { layer }
  public var range: HeatmapRange { .unit }

  public init(layer: String) { self.layer = layer }

  static let kind = InterpreterKind(
    "simple-grad-t", at: { layer, _ in SimpleGradAtLayer(layer: layer) })

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let activation = try network.target(layer, for: name)
    let score = try network.score(of: classes, in: &graph)
    let gradient = try graph.gradient(of: score, with: [activation])[0]
    let magnitude = try graph.sumChannels(graph.unary(.absolute, gradient))
    return try graph.minMaxScaled(magnitude, stabilizer: Self.stabilizer)
  }
}
