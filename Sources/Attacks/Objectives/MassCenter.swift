import Pictures
import Similarity
import TensorGraph

/// The center of mass moves away: D = ‖C(S) − C₀‖², C(S) = Σ_j j·S_j / Σ_j S_j. Progress is the
/// distance of C(S) from the clean map's center, in heatmap pixels. Ghorbani et al. 2019, Algorithm 1.
///
/// D has no slope at its minimum, where the first iteration would start. As in the authors' code C₀ is
/// the clean center with its decimals cut off.
/// - Note: a whole number becomes the next smaller one, which the authors' code does not do.
public struct MassCenter: AttackObjective {
  public var name: String { "mass-center" }

  public init() {}

  static let kind = AttackKind("mass-center") { _, _, _ in MassCenter() }

  public func referenceShape(height: Int, width: Int, classes: Int) -> Shape? { [2] }

  /// Row and column of C₀.
  public func reference(of start: AttackStart) -> [Float] {
    let center = start.relevance.centerOfMass
    return [center.row, center.column].map { Float($0.rounded(.up) - 1) }
  }

  public func objective(
    of relevance: Value, logits: (inout GraphBuilder) throws -> Value, reference: Value?,
    in graph: inout GraphBuilder
  ) throws -> Value? {
    guard let start = reference else { preconditionFailure("mass-center without its reference") }
    let (images, height, width) = (relevance.shape[0], relevance.shape[1], relevance.shape[2])
    let rows = try graph.constant(
      Tensor(shape: [1, height, 1], values: (0..<height).map(Float.init)))
    let columns = try graph.constant(
      Tensor(shape: [1, 1, width], values: (0..<width).map(Float.init)))
    let mass = try graph.add(graph.sum(relevance, axes: [1, 2]), RelevanceMap.stabilizer)
    var distance: Value?
    for (axis, positions) in [rows, columns].enumerated() {
      let moment = try graph.sum(graph.multiply(relevance, positions), axes: [1, 2])
      let center = try graph.reshape(graph.divide(moment, mass), to: [images, 1])
      let difference = try graph.subtract(
        center, graph.slice(start, axis: 1, axis..<axis + 1))
      let square = try graph.square(difference)
      distance = try distance.map { try graph.add($0, square) } ?? square
    }
    return try graph.sum(distance!)
  }

  public func progress(of perturbed: Heatmap, from start: AttackStart) -> Double {
    CenterShift()(perturbed, start.relevance)
  }
}
