import TensorGraph

/// One step of a network, with everything that decides its shape and none of its values.
///
/// Images are [height, width, channels] here: the batch axis comes first in the graph and is no
/// part of an architecture.
public enum Layer: Hashable, Sendable {
  case convolution(ConvolutionLayer)
  case batchNorm(BatchNormLayer)
  case relu
  case maxPool(Window2D)
  /// `countsPadding`: whether taps on the padding count for the mean (PyTorch: yes, Keras: no).
  case averagePool(Window2D, countsPadding: Bool = true)
  /// The mean over rows ⌊i·H/h⌋ ..< ⌈(i+1)·H/h⌉ and the same for columns, as PyTorch.
  case adaptiveAveragePool(height: Int, width: Int)
  /// The mean over all positions: [H, W, C] to [1, 1, C].
  case globalAveragePool
  case dense(DenseLayer)
  /// [H, W, C] to one row, in the order in which the dense weights after it count.
  case flatten(order: FlattenOrder)
  /// The sum of two or more inputs of one shape.
  case add
  /// The channels of all inputs, one after the other.
  case concatenate
  /// Every `stride`-th row and column, with zero channels put before and after: the shortcut
  /// without parameters of He et al. 2016, option A.
  case subsampleAndPadChannels(stride: Int, before: Int, after: Int)
  case zeroPadding(top: Int, left: Int, bottom: Int, right: Int)
  /// Sets a share `rate` of the elements to zero and divides the others by 1 − rate in training.
  case dropout(rate: Double)
  case softmax
  /// A function of every element.
  case activation(ActivationFunction)
  case prelu(PReLULayer)
  case layerNorm(LayerNormLayer)
  /// γ·x with one trained factor for each channel. Touvron et al. 2021.
  case layerScale(channels: Int)
  /// The product of two or more inputs; where one has an extent of 1 it is repeated.
  case multiply
  /// The first of two inputs of one shape less the second.
  case subtract
  /// The first of two inputs over the second; where one has an extent of 1 it is repeated.
  case divide
  /// The mean of two or more inputs of one shape.
  case average
  /// The largest of two or more inputs of one shape.
  case maximum
  /// The same elements, channels last, under another shape.
  case reshape([Int])
  /// Axis i of the result is axis `order[i]` of the input, from 0.
  case permute([Int])
  /// The last channel first: red and blue exchanged.
  case reverseChannels
  case resize(ResizingLayer)
  /// Rows and columns taken off the sides.
  case crop(top: Int, left: Int, bottom: Int, right: Int)
  case rescale(RescalingLayer)
  /// (x − mean) / √(variance + ε) for each channel, by stored statistics that nothing trains.
  case normalization(channels: Int)
  /// In training sets whole channels of an image to zero with probability `rate` and divides the others
  /// by 1 − rate.
  case spatialDropout(rate: Double)
}

extension Layer {
  /// In channel, height, width order.
  public static var flatten: Layer { .flatten(order: .channelsFirst) }

  /// min(max(x, 0), 6)
  public static var relu6: Layer { .activation(.rectifier(maximum: 6)) }

  /// ε of `normalization`: √ε is the least deviation that Keras divides by.
  package static let normalizationEpsilon = 1e-14
}

/// In which order the elements of an image stand in its flattened row.
public enum FlattenOrder: String, Codable, Hashable, Sendable, CaseIterable {
  /// Channel, height, width: PyTorch.
  case channelsFirst
  /// Height, width, channel: Keras and TensorFlow.
  case channelsLast
}

/// Cross-correlation with a filter of graph layout [K, R, S, C / groups].
public struct ConvolutionLayer: Hashable, Sendable {
  public var inputChannels: Int
  public var outputChannels: Int
  public var window: Window2D
  public var groups: Int
  public var hasBias: Bool

  public init(
    inputChannels: Int, outputChannels: Int, window: Window2D, groups: Int = 1, hasBias: Bool = true
  ) {
    (self.inputChannels, self.outputChannels) = (inputChannels, outputChannels)
    (self.window, self.groups, self.hasBias) = (window, groups, hasBias)
  }

  /// A square kernel with the same stride and padding in both directions.
  public init(
    inputChannels: Int, outputChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    groups: Int = 1, hasBias: Bool = true
  ) {
    self.init(
      inputChannels: inputChannels, outputChannels: outputChannels,
      window: Window2D(kernelSize, stride: stride, padding: padding), groups: groups,
      hasBias: hasBias)
  }

  /// Each input channel has filters of its own: what Keras calls a depthwise convolution.
  public var isDepthwise: Bool { groups == inputChannels && groups > 1 }

  /// Only for validated layers: `groups` divides `inputChannels`.
  var weightShape: Shape { [outputChannels, window.height, window.width, inputChannels / groups] }
}

/// y = gamma · (x − mean) / √(variance + epsilon) + beta for each channel. Without a gamma it is 1,
/// without a beta 0.
public struct BatchNormLayer: Hashable, Sendable {
  public static let torchEpsilon = 1e-5  // torch.nn.BatchNorm2d
  public static let torchMomentum = 0.1  // torch.nn.BatchNorm2d

  public var channels: Int
  public var epsilon: Double
  /// Weight of the newest batch in the running statistics: PyTorch's convention, 1 − Keras's.
  public var momentum: Double
  public var hasGamma: Bool
  public var hasBeta: Bool

  public init(
    channels: Int, epsilon: Double = torchEpsilon, momentum: Double = torchMomentum,
    hasGamma: Bool = true, hasBeta: Bool = true
  ) {
    (self.channels, self.epsilon, self.momentum) = (channels, epsilon, momentum)
    (self.hasGamma, self.hasBeta) = (hasGamma, hasBeta)
  }
}

/// y = x·Wᵀ + b with W [outputs, inputs].
public struct DenseLayer: Hashable, Sendable {
  public var inputs: Int
  public var outputs: Int
  public var hasBias: Bool

  public init(inputs: Int, outputs: Int, hasBias: Bool = true) {
    (self.inputs, self.outputs, self.hasBias) = (inputs, outputs, hasBias)
  }
}
