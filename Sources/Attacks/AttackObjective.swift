import Networks
import Pictures
import Similarity
import TensorGraph

/// What an attack on an explanation wants of the perturbed image's heatmap.
///
/// Attacks see heatmaps as relevance maps: S = h·w·|H| / Σ|H|, so that S sums to the number of its
/// pixels whatever the interpreter's own scale and sign (Ghorbani et al. 2019, released code).
///
/// A new objective is one new file with its `AttackKind` and one line in `AttackKind.all`.
public protocol AttackObjective: Sendable {
  /// The name in recipes and reports, e.g. `top-k`.
  var name: String { get }

  /// What the objective reads of each image beside its relevance map, without the batch axis; `nil`
  /// if it needs nothing.
  func referenceShape(height: Int, width: Int) -> Shape?
  /// That of one image, of `referenceShape`.
  /// - Parameter clean: the relevance map of the image as it was.
  func reference(of clean: Heatmap) -> [Float]

  /// D, the sum over the images of what the attack raises, a scalar. `nil` for an attack that knows
  /// no direction and takes random ones.
  /// - Parameters:
  ///   - relevance: [N, h, w].
  ///   - reference: [N] + `referenceShape`, if there is one.
  ///   - graph: what D is appended to.
  func objective(
    of relevance: Value, reference: Value?, in graph: inout GraphBuilder
  ) throws -> Value?

  /// How far the attack has come; of all iterates that keep the label the one with the largest value
  /// is the result.
  func progress(of perturbed: Heatmap, from clean: Heatmap) -> Double
  /// Further than this no attack can come, and it ends there; `nil` if nobody can tell.
  var largestProgress: Double? { get }
}

extension AttackObjective {
  public func referenceShape(height: Int, width: Int) -> Shape? { nil }
  public func reference(of clean: Heatmap) -> [Float] { [] }
  public var largestProgress: Double? { nil }
}
