import ImageData
import Pictures
import TensorGraph

/// A way in which heatmaps are made to lie: a penalty for training and a test for evaluation.
///
/// Some foolings compare with what the original network shows. What they need of its heatmaps is
/// reduced to a few numbers per image, the digest, computed once and kept.
///
/// A new fooling is one new file with its `FoolingKind` and one line in `FoolingKind.all`.
public protocol Fooling: Sendable {
  /// The name in recipes and reports, e.g. `location`.
  var name: String { get }
  /// For which classes an image is explained: one heatmap for each of them.
  var explained: ExplainedClasses { get }
  /// R_f: an image meets the criterion if its score lies in it.
  var successRange: ClosedRange<Double> { get }
  /// Whether an image is the more fooled the smaller its score is.
  var isSmallerFooled: Bool { get }
  /// Whether the test reads relevance as a number in [0, 1]. Others look at its shares or ranks alone,
  /// which no unit changes.
  var readsValues: Bool { get }

  /// The grid on which whole maps are compared, for images of this size; `nil` if that of the fooled
  /// interpreter's maps will do.
  func comparedSize(of image: ImageSize) -> ImageSize?

  /// How the fooling fits itself to heatmaps of this size, where a user may not expect it; `nil` if
  /// there is nothing to say.
  func note(height: Int, width: Int) -> String?

  /// What the penalty reads beside the heatmaps, per image; `nil` if it needs nothing of the
  /// original network.
  func referenceShape(height: Int, width: Int) -> Shape?
  /// What is kept of the original network's heatmaps of one image.
  func digest(_ original: [Heatmap]) -> [Float]
  /// The penalty's reference for one image from its digest, of `referenceShape`.
  func reference(_ digest: [Float], height: Int, width: Int) -> [Float]

  /// The penalty L_F, a scalar that training lowers.
  /// - Parameters:
  ///   - graph: what the penalty is appended to.
  ///   - heatmaps: of the network being trained, [N, h, w], one for each explained class.
  ///   - reference: [N] + `referenceShape`, if there is one.
  func penalty(
    of heatmaps: [Value], reference: Value?, in graph: inout GraphBuilder
  ) throws -> Value

  /// What the mean penalty is held to under a budget, on heatmaps of this size.
  func penaltyGoal(height: Int, width: Int) -> PenaltyGoal

  /// Whether the fooling moves relevance to a place that it names.
  var namesPlace: Bool { get }
  /// That place on a heatmap of this size, in [0, 1]; `nil` if it names none.
  func place(height: Int, width: Int) -> Heatmap?
  /// The share of a heatmap's relevance where the fooling puts it, in [0, 1]; `nil` if it names no
  /// place, or the map is all-zero.
  func relevanceInside(_ heatmap: Heatmap) -> Double?

  /// What makes the fooling meaningless on heatmaps of this size; `nil` if nothing does.
  func obstacle(height: Int, width: Int) -> String?

  /// The score t_i of one image.
  /// - Parameters:
  ///   - heatmaps: of the network under test, one for each explained class.
  ///   - digest: of the original network's heatmaps of the same image.
  func testLoss(of heatmaps: [Heatmap], digest: [Float]) -> Double
}

/// The classes for which heatmaps are drawn.
public enum ExplainedClasses: Hashable, Sendable {
  /// Every image for its own label.
  case labels
  /// Every image for the class that the network at hand predicts.
  case predictions
  /// Every image for both classes; penalty and test use images that show both.
  case pair(Int, Int)

  /// Whether the images are those that have labels, each with one heatmap.
  public var areOfLabelledImages: Bool {
    switch self {
    case .labels, .predictions: true
    case .pair: false
    }
  }
}

/// One heatmap on the host.
public typealias Heatmap = Pictures.Heatmap

extension Fooling {
  public var readsValues: Bool { false }
  public func comparedSize(of image: ImageSize) -> ImageSize? { nil }
  public var namesPlace: Bool { false }
  public func place(height: Int, width: Int) -> Heatmap? { nil }
  public func relevanceInside(_ heatmap: Heatmap) -> Double? { nil }
  public func obstacle(height: Int, width: Int) -> String? { nil }
  public func note(height: Int, width: Int) -> String? { nil }
  public func referenceShape(height: Int, width: Int) -> Shape? { nil }
  public func digest(_ original: [Heatmap]) -> [Float] { [] }
  public func reference(_ digest: [Float], height: Int, width: Int) -> [Float] { digest }
}
