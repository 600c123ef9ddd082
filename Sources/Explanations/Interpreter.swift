import Networks
import TensorGraph

/// A method that explains a classification by a heatmap, written as more graph, so that any loss
/// can be differentiated through it.
///
/// A new method is one new file with its `InterpreterKind` and one line in `InterpreterKind.all`.
public protocol Interpreter: Sendable {
  /// The name in recipes and reports, e.g. `grad-cam`.
  var name: String { get }
  /// The layer whose height and width the heatmap has; `nil` for heatmaps at the input.
  var targetLayer: String? { get }
  /// Activations that a network must be lowered with (`NetworkGraph.init`, `keeping:`).
  var keptActivations: Set<String> { get }
  /// Which values its heatmaps have: whether they can be compared as they are.
  var range: HeatmapRange { get }
  /// Tangent spaces whose bases a program is given with every batch, each once.
  var projections: [TangentProjection] { get }

  /// One heatmap for each image, [N, h, w], for the class that `classes` marks.
  ///
  /// Interpreters that explain several inputs (noisy or interpolated ones) lower the network again
  /// with `network.lowered(on:in:)`; the parameters are shared.
  /// - Parameters:
  ///   - graph: what the heatmap is appended to.
  ///   - network: a lowered network; the heatmap belongs to its `input`.
  ///   - classes: one-hot rows, [N, classes].
  /// - Throws: `NetworkError` for a target layer that does not exist or has no height and width.
  func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value
}

/// Which values a method's heatmaps have, and in which unit.
public enum HeatmapRange: Hashable, Sendable {
  /// In [0, 1], each image scaled by its own values; no unit.
  case unit
  /// At least 0, in a unit of the method's own, such as a share of all relevance.
  case nonNegative
  /// Of either sign, in a unit of the method's own, such as that of the logit.
  case signed
}

extension Interpreter {
  public var targetLayer: String? { nil }
  public var projections: [TangentProjection] { [] }
  public var keptActivations: Set<String> { targetLayer.map { [$0] } ?? [] }
}
