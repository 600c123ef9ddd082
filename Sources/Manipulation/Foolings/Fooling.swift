import TensorGraph

/// A way in which heatmaps are made to lie: a penalty for training and a test for evaluation.
///
/// A new fooling is one new file with its `FoolingKind` and one line in `FoolingKind.all`.
public protocol Fooling: Sendable {
  /// The name in recipes and reports, e.g. `location`.
  var name: String { get }

  /// The penalty L_F, a scalar that training lowers.
  /// - Parameter heatmaps: of the network being trained, for the labels' classes, [N, h, w].
  func penalty(of heatmaps: Value, in graph: inout GraphBuilder) throws -> Value

  /// The test loss t_i of every image, [N].
  func testLosses(of heatmaps: Value, in graph: inout GraphBuilder) throws -> Value

  /// R_f: an image counts as fooled if its test loss lies in it.
  var successRange: ClosedRange<Double> { get }
}

/// Which fooling a recipe asks for: `fooling: {name: location, lambda: 2}`.
public struct FoolingSpecification: Hashable, Sendable {
  /// A name of `FoolingKind.all`.
  public var name: String
  /// λ, the weight of the penalty beside the cross-entropy.
  public var lambda: Double
  /// `location`: width of the frame in heatmap pixels; ⌊side / 7⌋, at least 1, if `nil`.
  public var frameWidth: Int?
  /// Largest test loss that counts as fooled; the paper's if `nil`.
  public var threshold: Double?

  public init(
    name: String, lambda: Double, frameWidth: Int? = nil, threshold: Double? = nil
  ) {
    (self.name, self.lambda, self.frameWidth, self.threshold) = (
      name, lambda, frameWidth, threshold
    )
  }
}
