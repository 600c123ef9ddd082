import Pictures
import Similarity
import TensorGraph

/// The heatmap becomes that of another image and the logits stay:
/// D = −Σ_n (mean_j (S_j − T_j)² + γ·mean_c (g_c(x) − g_c(x₀))²), T the relevance map of the other image and
/// g the logits of the network as it is. Progress is −mean_j (S_j − T_j)². Dombrowski et al. 2019,
/// Section 2.1, with their growing β and Adam.
/// - Note: the paper's heatmaps sum to 1 and its released code compares probabilities instead of logits,
///   with weights of 1e11 and 1e6; here maps have a mean of 1, and γ weighs logits.
public struct TargetMap: AttackObjective {
  /// β of the last iteration. Dombrowski et al. 2019, released code: from 10 to 100.
  public static let paperFinalBeta = 100.0
  /// Of mean squared changes of the logits against those of the relevance map.
  public static let defaultLogitWeight = 1.0

  /// γ.
  public let logitWeight: Double
  public let finalBeta: Double?
  public var name: String { "target-map" }
  public var hasTarget: Bool { true }
  public var update: AttackUpdate { .adam }

  public init(logitWeight: Double = defaultLogitWeight, finalBeta: Double? = paperFinalBeta) {
    (self.logitWeight, self.finalBeta) = (logitWeight, finalBeta)
  }

  static let kind = AttackKind("target-map", options: [.target, .logitWeight, .finalBeta]) {
    specification, _, _ in
    TargetMap(
      logitWeight: specification.logitWeight ?? defaultLogitWeight,
      finalBeta: specification.finalBeta ?? paperFinalBeta)
  }

  public func referenceShape(height: Int, width: Int, classes: Int) -> Shape? {
    [height * width + classes]
  }

  /// T, then g(x₀).
  public func reference(of start: AttackStart) -> [Float] {
    guard let target = start.target else { preconditionFailure("target-map without a target") }
    return target.values + start.logits
  }

  public func objective(
    of relevance: Value, logits: (inout GraphBuilder) throws -> Value, reference: Value?,
    in graph: inout GraphBuilder
  ) throws -> Value? {
    guard let reference else { preconditionFailure("target-map without its reference") }
    let pixels = relevance.shape[1] * relevance.shape[2]
    let count = reference.shape[1]
    let target = try graph.reshape(
      graph.slice(reference, axis: 1, 0..<pixels), to: relevance.shape)
    let away = try graph.multiply(
      graph.sum(graph.square(graph.subtract(relevance, target))), 1 / Double(pixels))
    guard logitWeight > 0 else { return try graph.negate(away) }
    let before = try graph.slice(reference, axis: 1, pixels..<count)
    let change = try graph.sum(graph.square(graph.subtract(logits(&graph), before)))
    return try graph.negate(
      graph.add(away, graph.multiply(change, logitWeight / Double(count - pixels))))
  }

  public func progress(of perturbed: Heatmap, from start: AttackStart) -> Double {
    guard let target = start.target else { preconditionFailure("target-map without a target") }
    return -MeanSquaredError()(perturbed, target)
  }
}
