import Networks
import TensorGraph

/// h = mean over samples of SimpleGrad(x + u), u uniform in the l∞ ball of `radius`: a distribution
/// over pixels, [N, H, W]. Wang et al. 2020.
///
/// `radius` is a share of the pixels' range: 4/255 means up to four grey levels. The network sees
/// normalised images, so noise of channel c is uniform in ±radius / standardDeviation[c].
public struct UniGrad: SampledInterpreter, GradientInterpreter {
  public static let defaultSamples = 50  // Wang et al. 2020
  public static let defaultRadius = 4.0 / 255  // Wang et al. 2020
  /// Of ImageNet's images, the normalisation of torchvision's weights.
  public static let imageNetStandardDeviation = [0.229, 0.224, 0.225]

  public let sampleCount: Int
  public let radius: Double
  /// By what each channel was divided after scaling to [0, 1].
  public let standardDeviation: [Double]
  public let seed: UInt64
  public var projection: TangentProjection?
  public var channels = ChannelReduction.sum
  public var name: String { "uni-grad" }
  public var range: HeatmapRange { .nonNegative }

  public init(
    samples: Int = defaultSamples, radius: Double = defaultRadius,
    standardDeviation: [Double] = imageNetStandardDeviation, seed: UInt64 = 0
  ) {
    precondition(samples > 0, "\(samples) samples")
    (sampleCount, self.radius) = (samples, radius)
    (self.standardDeviation, self.seed) = (standardDeviation, seed)
  }

  static let kind = InterpreterKind(
    "uni-grad", options: [.samples, .radius, .standardDeviation, .seed, .projected, .channels]
  ) { (specification) throws(NetworkError) in
    let deviation = specification.standardDeviation ?? imageNetStandardDeviation
    guard !deviation.isEmpty, deviation.allSatisfy({ $0.isFinite && $0 > 0 }) else {
      throw NetworkError(
        "uni-grad: standardDeviation is \(deviation), expected a positive number for each channel")
    }
    var method = UniGrad(
      samples: try specification.checked(
        .samples, specification.samples, default: defaultSamples, in: SampleLimits.samples),
      radius: try specification.checked(
        .radius, specification.radius, default: defaultRadius, in: 0...1),
      standardDeviation: deviation, seed: specification.seed ?? 0)
    method.projection = specification.projected
    method.channels = specification.channels ?? .sum
    return method
  }

  /// Uniform in ±1.
  public func variation(sample: Int, image: Int, of architecture: Architecture) -> Tensor {
    var random = RandomStream(seed: seed, name: "ball of image \(image), sample \(sample)")
    return random.uniform(shape: architecture.inputShape, bound: 1)
  }

  /// - Throws: `NetworkError` if the image has not as many channels as there are deviations.
  public func sample(
    of network: NetworkGraph, classes: Value, variation: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let x = network.input
    guard x.shape[3] == standardDeviation.count else {
      throw NetworkError(
        "uni-grad: \(standardDeviation.count) standard deviations for images \(x.shape) with "
          + "\(x.shape[3]) channels; give \"standardDeviation\" for each channel")
    }
    let reach = try graph.constant(
      Tensor(
        shape: [standardDeviation.count], values: standardDeviation.map { Float(radius / $0) }))
    let noisy = try graph.lowered(
      network, on: graph.add(x, graph.multiply(variation, reach)))
    return try SimpleGrad(projection: projection, channels: channels).heatmap(
      of: noisy, classes: classes, in: &graph)
  }
}
