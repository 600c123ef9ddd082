import Networks
import TensorGraph

/// h = mean over samples of SimpleGrad(x + σ·s·n), n standard normal noise: each sample is a
/// distribution over pixels, and so is their mean, [N, H, W].
///
/// Smilkov et al. 2017. s is 1 (Heo et al. 2019: n = 16, σ = 0.1 of the normalised input) or the
/// range max x − min x of the image (Smilkov).
public struct SmoothGrad: SampledInterpreter, GradientInterpreter {
  /// What σ is a multiple of.
  public enum SigmaUnit: String, Codable, Hashable, Sendable, CaseIterable {
    /// The normalised input's own unit.
    case absolute
    /// max − min of each normalised image.
    case range
  }
  public static let defaultSamples = 16  // Heo et al. 2019
  public static let defaultSigma = 0.1  // Heo et al. 2019; within Smilkov's 10% to 20%

  public let sampleCount: Int
  public let sigma: Double
  public let unit: SigmaUnit
  public let seed: UInt64
  public var projection: TangentProjection?
  public var channels = ChannelReduction.sum
  public var name: String { "smooth-grad" }
  public var range: HeatmapRange { .nonNegative }

  public init(
    samples: Int = defaultSamples, sigma: Double = defaultSigma, unit: SigmaUnit = .absolute,
    seed: UInt64 = 0
  ) {
    precondition(samples > 0, "\(samples) samples")
    (sampleCount, self.sigma, self.unit, self.seed) = (samples, sigma, unit, seed)
  }

  init(_ specification: InterpreterSpecification) throws(NetworkError) {
    self.init(
      samples: try specification.checked(
        .samples, specification.samples, default: Self.defaultSamples, in: SampleLimits.samples),
      sigma: try specification.checked(
        .sigma, specification.sigma, default: Self.defaultSigma, in: 0...100),
      unit: specification.sigmaUnit ?? .absolute, seed: specification.seed ?? 0)
  }

  static let options: Set<InterpreterSpecification.Key> = [.samples, .sigma, .sigmaUnit, .seed]
  static let kind = InterpreterKind("smooth-grad", options: options.union([.projected, .channels]))
  {
    (specification) throws(NetworkError) in
    var method = try SmoothGrad(specification)
    method.projection = specification.projected
    method.channels = specification.channels ?? .sum
    return method
  }

  public func variation(sample: Int, image: Int, of architecture: Architecture) -> Tensor {
    var random = RandomStream(seed: seed, name: "noise of image \(image), sample \(sample)")
    return random.normal(shape: architecture.inputShape, deviation: 1)
  }

  public func sample(
    of network: NetworkGraph, classes: Value, variation: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let noisy = try noisy(network, variation, in: &graph)
    return try SimpleGrad(projection: projection, channels: channels).heatmap(
      of: noisy, classes: classes, in: &graph)
  }

  /// The network on x + σ·s·n.
  func noisy(
    _ network: NetworkGraph, _ variation: Value, in graph: inout GraphBuilder
  ) throws -> NetworkGraph {
    let x = network.input
    var noise = try graph.multiply(variation, sigma)
    if unit == .range {
      let axes = [1, 2, 3]
      noise = try graph.multiply(
        noise, graph.subtract(graph.maximum(of: x, axes: axes), graph.minimum(of: x, axes: axes)))
    }
    return try graph.lowered(network, on: graph.add(x, noise))
  }
}

/// h = mean over samples of SimpleGrad_T(x + σ·s·n): each sample is scaled to [0, 1] before they are
/// averaged, [N, h, w]. Options as `SmoothGrad`.
public struct SmoothGradAtLayer: SampledInterpreter {
  public let layer: String
  public let noise: SmoothGrad
  public var name: String { "smooth-grad-t" }
  public var range: HeatmapRange { .unit }
  public var targetLayer: String? { layer }
  public var sampleCount: Int { noise.sampleCount }

  public init(layer: String, noise: SmoothGrad = SmoothGrad()) {
    (self.layer, self.noise) = (layer, noise)
  }

  static let kind = InterpreterKind("smooth-grad-t", options: SmoothGrad.options) {
    (layer, specification) throws(NetworkError) in
    SmoothGradAtLayer(layer: layer, noise: try SmoothGrad(specification))
  }

  public func variation(sample: Int, image: Int, of architecture: Architecture) -> Tensor {
    noise.variation(sample: sample, image: image, of: architecture)
  }

  public func sample(
    of network: NetworkGraph, classes: Value, variation: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let noisy = try noise.noisy(network, variation, in: &graph)
    return try SimpleGradAtLayer(layer: layer).heatmap(of: noisy, classes: classes, in: &graph)
  }
}
