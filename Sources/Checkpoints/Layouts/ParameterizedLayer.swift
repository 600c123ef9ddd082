import Foundation
import TensorGraph

/// A layer that has parameters, as files see it. Its parameters are called
/// `<layer>.<weight|bias|running_mean|running_var>` and shaped as in the graph.
public struct ParameterizedLayer: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case convolution, depthwiseConvolution, dense, batchNorm
    /// Of a PReLU.
    case slopes
    case layerNorm, layerScale
    /// Stored statistics without anything that is trained.
    case normalization
  }

  public let name: String
  public let kind: Kind
  /// A filter [K, R, S, C / groups], a dense weight [outputs, inputs], the extents of slopes or of a
  /// layer norm, or [channels].
  public let weightShape: Shape
  /// Of what a depthwise convolution reads; as many as outputs if omitted.
  public let inputChannels: Int?
  /// Whether a norm has a factor (Keras's `scale`); all others have a weight.
  public let hasWeight: Bool
  /// Whether there is a summand.
  public let hasBias: Bool

  public init(
    name: String, kind: Kind, weightShape: Shape, inputChannels: Int? = nil,
    hasWeight: Bool = true, hasBias: Bool = true
  ) {
    let rank: Int? =
      switch kind {
      case .convolution, .depthwiseConvolution: 4
      case .dense: 2
      case .batchNorm, .layerScale, .normalization: 1
      case .slopes, .layerNorm: nil
      }
    precondition(
      rank.map { weightShape.rank == $0 } ?? true, "\(kind) \(name) with a weight \(weightShape)")
    precondition(hasWeight || kind.isNorm, "\(kind) \(name) without a weight")
    (self.name, self.kind, self.weightShape) = (name, kind, weightShape)
    self.inputChannels = inputChannels
    (self.hasWeight, self.hasBias) = (hasWeight, hasBias)
  }

  /// In PyTorch's and Keras's order.
  public var parameters: [ParameterSpecification] {
    let outputs: Shape = kind == .layerNorm ? weightShape : [weightShape[0]]
    var parameters: [(String, Shape)] = []
    if hasWeight {
      parameters.append((kind == .layerScale ? "layer_scale" : "weight", weightShape))
    }
    if hasBias { parameters.append(("bias", outputs)) }
    if kind == .batchNorm || kind == .normalization {
      parameters += [("running_mean", outputs), ("running_var", outputs)]
    }
    return parameters.map { ParameterSpecification(name: "\(name).\($0)", shape: $1) }
  }

  /// Keras's names of `parameters`.
  var kerasNames: [String] {
    var names: [String] = []
    switch kind {
    case .convolution, .dense: names.append("kernel")
    case .depthwiseConvolution: names.append("depthwise_kernel")
    case .batchNorm, .layerNorm: if hasWeight { names.append("gamma") }
    case .layerScale: names.append("gamma")
    case .slopes: names.append("alpha")
    case .normalization: names += ["mean", "variance"]
    }
    if hasBias { names.append(kind.isNorm ? "beta" : "bias") }
    if kind == .batchNorm { names += ["moving_mean", "moving_variance"] }
    return names
  }

  /// Arrays of the layer, by the ends of their names as Keras has them (`bn_1/gamma:0`), in the order
  /// of `kerasNames`. As they are if one of these is not there.
  func inKerasOrder(_ datasets: [String]) -> [String] {
    func name(_ dataset: String) -> Substring {
      (dataset.split(separator: "/").last ?? "").prefix { $0 != ":" }
    }
    let ordered = kerasNames.compactMap { wanted in
      datasets.first { name($0) == wanted }
        ?? datasets.first { name($0).hasPrefix(wanted + "_") }
    }
    return ordered.count == kerasNames.count && datasets.count == ordered.count
      ? ordered : datasets
  }

  /// The layer's name in Keras's files, which on top of PyTorch knows no dots in names.
  var kerasName: String { Self.kerasName(of: name) }

  static func kerasName(of name: String) -> String {
    name.replacingOccurrences(of: ".", with: "_")
  }

  /// The name of Keras's class in snake case, as Keras 3 calls its groups.
  var kerasClass: String {
    switch kind {
    case .convolution: "conv2d"
    case .depthwiseConvolution: "depthwise_conv2d"
    case .dense: "dense"
    case .batchNorm: "batch_normalization"
    case .slopes: "p_re_lu"
    case .layerNorm: "layer_normalization"
    case .layerScale: "layer_scale"
    case .normalization: "normalization"
    }
  }

  /// The shape of a weight in Keras's files: a depthwise filter is [R, S, channels, multiplier], which
  /// are the same numbers as [R, S, 1, K] in the same order.
  func kerasShape(of shape: Shape) -> Shape {
    switch (kind, shape.rank) {
    case (.slopes, _), (.layerNorm, _): shape
    case (.depthwiseConvolution, 4):
      [
        shape[1], shape[2], inputChannels ?? shape[0], shape[0] / (inputChannels ?? shape[0]),
      ]
    case (_, 2...): AxisOrder.outputsLast.storedShape(of: shape)
    default: shape
    }
  }

  /// Whether a dataset of this shape holds the weight of that shape.
  func kerasShape(_ stored: Shape, fits shape: Shape) -> Bool {
    guard kind == .depthwiseConvolution, shape.rank == 4 else {
      return stored == kerasShape(of: shape)
    }
    // Channels times multiplier are the outputs, and the graph knows only these.
    return stored.rank == 4 && stored[0] == shape[1] && stored[1] == shape[2]
      && stored.dimensions[2...].reduce(1, *) == shape[0]
  }
}

extension ParameterizedLayer.Kind {
  /// Whether its factor and summand are gamma and beta.
  var isNorm: Bool {
    switch self {
    case .batchNorm, .layerNorm, .normalization: true
    case .convolution, .depthwiseConvolution, .dense, .slopes, .layerScale: false
    }
  }

  /// How Keras orders the axes of its weight.
  var kerasOrder: AxisOrder {
    switch self {
    case .convolution, .depthwiseConvolution, .dense: .outputsLast
    case .batchNorm, .slopes, .layerNorm, .layerScale, .normalization: .same
    }
  }
}
