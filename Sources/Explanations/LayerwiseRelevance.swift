import Networks
import TensorGraph

/// h = Σ_channels R at the input: signed relevance in units of the logit, [N, H, W].
///
/// LRP-composite: layer-wise relevance with a rule for each kind of layer. Bach et al. 2015;
/// Lapuschkin et al. 2017; rules and stabilisers by default as in Heo et al. 2019.
public struct LayerwiseRelevance: Interpreter {
  public let composite: RelevanceComposite
  public let batchNorm: BatchNormRelevance
  public var name: String { "lrp" }
  public var range: HeatmapRange { .signed }

  public init(composite: RelevanceComposite = .heo, batchNorm: BatchNormRelevance = .identity) {
    (self.composite, self.batchNorm) = (composite, batchNorm)
  }

  static let kind = InterpreterKind("lrp", options: [.composite, .batchNorm]) { specification in
    LayerwiseRelevance(
      composite: specification.composite ?? .heo, batchNorm: specification.batchNorm ?? .identity)
  }

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let propagation = RelevancePropagation(composite: composite, batchNorm: batchNorm)
    return try graph.sumChannels(
      propagation.relevance(of: nil, in: network, classes: classes, graph: &graph))
  }
}
