import Networks
import TensorGraph

extension Interpreter {
  /// The same method on the same network with log(1 + e^(βx)) / β in place of every ReLU; what the
  /// network predicts stays as it is. Dombrowski et al. 2019, Section 4.1: the smoother the function, the
  /// less its gradient can be moved by a change of the image.
  public func onSoftplus(beta: Double) -> any Interpreter {
    precondition(beta > 0, "β is \(beta)")
    if let sampled = self as? any SampledInterpreter {
      return SampledSoftplusInterpreter(base: sampled, beta: beta)
    }
    return SoftplusInterpreter(base: self, beta: beta)
  }
}

private struct SoftplusInterpreter: Interpreter {
  let base: any Interpreter
  let beta: Double
  var name: String { base.name }
  var targetLayer: String? { base.targetLayer }
  var range: HeatmapRange { base.range }
  var keptActivations: Set<String> { base.keptActivations }
  var projections: [TangentProjection] { base.projections }

  func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    try base.heatmap(of: network.softened(beta, in: &graph), classes: classes, in: &graph)
  }
}

private struct SampledSoftplusInterpreter: SampledInterpreter {
  let base: any SampledInterpreter
  let beta: Double
  var name: String { base.name }
  var targetLayer: String? { base.targetLayer }
  var range: HeatmapRange { base.range }
  var keptActivations: Set<String> { base.keptActivations }
  var projections: [TangentProjection] { base.projections }
  var sampleCount: Int { base.sampleCount }

  func variation(sample: Int, image: Int, of architecture: Architecture) -> Tensor {
    base.variation(sample: sample, image: image, of: architecture)
  }

  func sample(
    of network: NetworkGraph, classes: Value, variation: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    try base.sample(
      of: network.softened(beta, in: &graph), classes: classes, variation: variation, in: &graph)
  }

  func combine(
    mean: Value, of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    try base.combine(
      mean: mean, of: network.softened(beta, in: &graph), classes: classes, in: &graph)
  }
}

extension NetworkGraph {
  fileprivate func softened(_ beta: Double, in graph: inout GraphBuilder) throws -> NetworkGraph {
    try lowered(on: input, rectifier: .softplus(beta: graph.scalar(beta)), in: &graph)
  }
}
