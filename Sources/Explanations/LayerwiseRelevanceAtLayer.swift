import Networks
import TensorGraph

/// h = (r − min r) / (max r − min r + 1e-8) with r = ReLU(Σ_channels R), R the relevance of the
/// target layer's activation: in [0, 1], [N, h, w]. LRP_T of Heo et al. 2019.
///
/// Layers below the target need no rule. Where no pixel has positive relevance the map is all 0.
/// - Note: a target that is a convolution before a batch norm keeps that batch norm from being
///   merged; relevance then passes it unchanged under `merged` too.
public struct LayerwiseRelevanceAtLayer: Interpreter {
  static let stabilizer = 1e-8  // Heo et al. 2019, released code

  public let layer: String
  public let composite: RelevanceComposite
  public let batchNorm: BatchNormRelevance
  public var name: String { "lrp-t" }
  public var targetLayer: String? { layer }
  public var range: HeatmapRange { .unit }

  public init(
    layer: String, composite: RelevanceComposite = .heo, batchNorm: BatchNormRelevance = .identity
  ) {
    (self.layer, self.composite, self.batchNorm) = (layer, composite, batchNorm)
  }

  static let kind = InterpreterKind("lrp-t", options: [.composite, .batchNorm]) {
    layer, specification in
    LayerwiseRelevanceAtLayer(
      layer: layer, composite: specification.composite ?? .heo,
      batchNorm: specification.batchNorm ?? .identity)
  }

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let propagation = RelevancePropagation(composite: composite, batchNorm: batchNorm)
    let relevance = try graph.sumChannels(
      propagation.relevance(of: layer, in: network, classes: classes, graph: &graph))
    return try graph.minMaxScaled(graph.relu(relevance), stabilizer: Self.stabilizer)
  }
}
