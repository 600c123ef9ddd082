import Networks
import Pictures
import Similarity
import TensorGraph

/// An image before an attack, as objectives see it.
public struct AttackStart: Sendable {
  /// Its relevance map.
  public let relevance: Heatmap
  /// Of the network as it is, [classes].
  public let logits: [Float]
  /// The relevance map that the image is to get; `nil` for attacks that know none.
  public let target: Heatmap?

  public init(relevance: Heatmap, logits: [Float] = [], target: Heatmap? = nil) {
    (self.relevance, self.logits, self.target) = (relevance, logits, target)
  }
}

/// How an attack moves along its direction.
public enum AttackUpdate: Hashable, Sendable {
  /// By α times the signs.
  case sign
  /// By Adam with learning rate α (Kingma and Ba 2015, with their β₁, β₂ and ε), each image for itself.
  case adam
}

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
  func referenceShape(height: Int, width: Int, classes: Int) -> Shape?
  /// That of one image, of `referenceShape`.
  func reference(of start: AttackStart) -> [Float]

  /// Whether each image is to get the explanation of another one.
  var hasTarget: Bool { get }
  var update: AttackUpdate { get }
  /// β of the last iteration where it grows from that of the first, in equal ratios; `nil` where it
  /// stays. Of an attack whose β grows all images take all iterations.
  var finalBeta: Double? { get }

  /// D, the sum over the images of what the attack raises, a scalar. `nil` for an attack that knows
  /// no direction and takes random ones.
  /// - Parameters:
  ///   - relevance: [N, h, w].
  ///   - logits: appends the logits of the network as it is, with its ReLUs, and returns them,
  ///     [N, classes].
  ///   - reference: [N] + `referenceShape`, if there is one.
  ///   - graph: what D is appended to.
  func objective(
    of relevance: Value, logits: (inout GraphBuilder) throws -> Value, reference: Value?,
    in graph: inout GraphBuilder
  ) throws -> Value?

  /// How far the attack has come; of all iterates that keep the label the one with the largest value
  /// is the result.
  func progress(of perturbed: Heatmap, from start: AttackStart) -> Double
  /// Further than this no attack can come, and it ends there; `nil` if nobody can tell.
  var largestProgress: Double? { get }
}

extension AttackObjective {
  public func referenceShape(height: Int, width: Int, classes: Int) -> Shape? { nil }
  public func reference(of start: AttackStart) -> [Float] { [] }
  public var hasTarget: Bool { false }
  public var update: AttackUpdate { .sign }
  public var finalBeta: Double? { nil }
  public var largestProgress: Double? { nil }
}
