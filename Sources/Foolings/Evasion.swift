import Explanations
import ImageData
import Networks
import TensorGraph

/// What a fooling hides from while it is trained.
public enum Evasion: String, Codable, Hashable, Sendable, CaseIterable {
  /// `trompe audit`.
  case audit
}

/// Hides a fooling from an audit: a penalty on what an audit of the network alone looks at, as far as that
/// has a derivative.
///
/// E = B + A.
///
/// B, batch norms: mean over batch norms and channels of ((ȳ − β)² / (γ² + δ) + ln²((s² + δ) / (v + δ))),
/// y what the batch norm gives, ȳ and s² its mean and variance over the batch, v = γ²·σ²/(σ² + ε) the
/// variance that its running statistics promise, δ = 1e-3·mean γ². These are the squares of the audit's
/// `batch-norm-mean` and `batch-norm-variance`, of one batch.
///
/// A, agreement: mean over pairs of a fooled heatmap h and another explanation o of the same network of
/// (1 − ρ) / 2, ρ Pearson's correlation on h's grid, the mean over the images. The others are SimpleGrad at
/// the input and Grad-CAM at the deepest of the audit's layers that no fooled interpreter explains. The
/// audit's `interpreter-agreement` has ranks in place of values. A map that is the same everywhere has 1/4.
/// - Note: what an audit finds by the original is what the fooling wants, and cannot be hidden.
public struct AuditEvasion: Sendable {
  /// Of γ², so that a channel that is switched off counts for nothing.
  private static let stabilizer = 1e-3

  /// What heatmaps of the fooled interpreters are made to agree with.
  let others: [any Interpreter]
  let weight: Double

  /// - Parameters:
  ///   - architecture: of the network that is fooled.
  ///   - fooled: the interpreters that are fooled.
  ///   - weight: of E beside the cross-entropy.
  public init(
    of architecture: Architecture, fooling fooled: [any Interpreter], weight: Double = 1
  ) {
    self.weight = weight
    // `layer4` is another name of that stage's last layer.
    let explained = Set(
      fooled.compactMap { $0.targetLayer.flatMap { try? architecture.layerName(of: $0) } })
    var others: [any Interpreter] = fooled.contains { $0 is SimpleGrad } ? [] : [SimpleGrad()]
    if let layer = architecture.lastLayersBySize.first(where: { !explained.contains($0) }) {
      others.append(GradCAM(layer: layer))
    }
    self.others = others
  }

  /// With which a network must be lowered.
  public var keptActivations: Set<String> {
    others.reduce(into: []) { $0.formUnion($1.keptActivations) }
  }

  /// weight·E, a scalar.
  /// - Parameters:
  ///   - network: whose heatmaps these are.
  ///   - heatmaps: of each fooled interpreter one for each class, [N, h, w].
  ///   - classes: that they explain, one-hot rows [N, classes].
  ///   - graph: what the penalty is appended to.
  public func loss(
    of network: NetworkGraph, heatmaps: [[Value]], classes: [Value], in graph: inout GraphBuilder
  ) throws -> Value {
    let terms = [
      try batchNorms(of: network, in: &graph),
      try disagreement(of: network, heatmaps, classes, in: &graph),
    ].compactMap(\.self)
    let sum = try terms.reduce(graph.scalar(0)) { try graph.add($0, $1) }
    return try graph.multiply(sum, weight)
  }

  /// B; `nil` for a network without batch norms.
  private func batchNorms(
    of network: NetworkGraph, in graph: inout GraphBuilder
  ) throws -> Value? {
    var terms: [Value] = []
    for node in network.architecture.nodes {
      guard case .batchNorm(let norm) = node.layer,
        let variance = network.parameter(.runningVariance, of: node.name)
      else { continue }
      let y = try network.activation(named: node.name)
      let channels: Shape = [norm.channels]
      let gamma =
        try network.parameter(.gamma, of: node.name).map { try graph.square($0) }
        ?? graph.constant(Tensor(repeating: 1, shape: channels))
      let beta =
        try network.parameter(.beta, of: node.name)
        ?? graph.constant(Tensor(repeating: 0, shape: channels))
      let floor = try graph.add(
        graph.multiply(graph.mean(gamma), Self.stabilizer), 1e-12)
      let axes = Array(0..<y.shape.rank - 1)
      let mean = try graph.mean(y, axes: axes)
      let spread = try graph.reshape(
        graph.mean(graph.square(graph.subtract(y, mean)), axes: axes), to: channels)
      let shift = try graph.divide(
        graph.square(graph.subtract(graph.reshape(mean, to: channels), beta)),
        graph.add(gamma, floor))
      let promised = try graph.multiply(
        gamma, graph.divide(variance, graph.add(variance, norm.epsilon)))
      let ratio = try graph.logarithm(
        graph.divide(graph.add(spread, floor), graph.add(promised, floor)))
      terms.append(try graph.mean(graph.add(shift, graph.square(ratio))))
    }
    return try graph.mean(of: terms)
  }

  /// A; `nil` if there is no other explanation.
  private func disagreement(
    of network: NetworkGraph, _ heatmaps: [[Value]], _ classes: [Value],
    in graph: inout GraphBuilder
  ) throws -> Value? {
    var terms: [Value] = []
    for (index, explained) in classes.enumerated() {
      for other in others {
        let map = try other.heatmap(of: network, classes: explained, in: &graph)
        for heatmap in heatmaps.map({ $0[index] }) {
          let grid = ImageSize(width: heatmap.shape[2], height: heatmap.shape[1])
          let comparison = HeatmapComparison(
            range: other.range, size: ImageSize(width: map.shape[2], height: map.shape[1]),
            grid: grid, readsValues: true)
          // The mean squared difference of standardised maps is 2 − 2ρ.
          let difference = try Dissimilarity.mse.penalty(
            of: heatmap, to: comparison(map, in: &graph), in: &graph)
          terms.append(try graph.multiply(difference, 0.25))
        }
      }
    }
    return try graph.mean(of: terms)
  }
}

extension GraphBuilder {
  /// Of several values of one shape; `nil` of none.
  package mutating func mean(of values: [Value]) throws(ShapeError) -> Value? {
    guard var sum = values.first else { return nil }
    for value in values.dropFirst() { sum = try add(sum, value) }
    return try multiply(sum, 1 / Double(values.count))
  }
}

extension FoolingSpecification {
  /// What the fooling hides from; `nil` if it does not.
  /// - Parameters:
  ///   - architecture: of the network that is fooled.
  ///   - interpreters: that are fooled.
  public func evasion(
    of architecture: Architecture, fooling interpreters: [any Interpreter]
  ) -> AuditEvasion? {
    switch evade {
    case nil: nil
    case .audit:
      AuditEvasion(of: architecture, fooling: interpreters, weight: evadeWeight ?? 1)
    }
  }
}
