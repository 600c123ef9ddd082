import TensorGraph

/// y = x where x > 0, else slope·x with trained slopes. He et al. 2015.
public struct PReLULayer: Hashable, Sendable {
  /// Extents of the slopes, which are repeated as numpy does: [channels], [1] for one slope, or as many
  /// as the input has axes.
  public var slopes: [Int]

  public init(slopes: [Int]) { self.slopes = slopes }
}

/// y = gamma · (x − mean) / √(variance + epsilon) + beta, mean and (biased) variance over the last axes
/// of each image. Ba, Kiros, Hinton 2016.
public struct LayerNormLayer: Hashable, Sendable {
  public static let torchEpsilon = 1e-5  // torch.nn.LayerNorm

  /// Extents of the last axes, over which mean and variance go: [channels], or the whole input.
  public var extents: [Int]
  public var epsilon: Double
  public var hasGamma: Bool
  public var hasBeta: Bool

  public init(
    extents: [Int], epsilon: Double = torchEpsilon, hasGamma: Bool = true, hasBeta: Bool = true
  ) {
    (self.extents, self.epsilon) = (extents, epsilon)
    (self.hasGamma, self.hasBeta) = (hasGamma, hasBeta)
  }
}

/// y = scale·x + offset with constants: one each, or one for each channel.
public struct RescalingLayer: Hashable, Sendable {
  public var scale: [Double]
  public var offset: [Double]

  public init(scale: [Double], offset: [Double]) { (self.scale, self.offset) = (scale, offset) }
}

/// Another height and width. Pixel i of the result has its centre at (i + 1/2)·(extent / result) of the
/// image, as TensorFlow and PyTorch have it; nothing is smoothed before images become smaller.
public struct ResizingLayer: Hashable, Sendable {
  public enum Interpolation: String, Codable, Hashable, Sendable, CaseIterable {
    case nearest, bilinear
  }

  public var height: Int
  public var width: Int
  public var interpolation: Interpolation

  public init(height: Int, width: Int, interpolation: Interpolation) {
    (self.height, self.width, self.interpolation) = (height, width, interpolation)
  }
}
