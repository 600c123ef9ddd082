import Networks
import TensorGraph

/// How much the gradient of the label's logit, g = ∂f_y/∂x, changes nearby: with z uniform in ±h,
///
/// - `gradient-distance`: the mean over the images of ‖g(x) − g(x + z)‖₂²;
/// - `gradient-angle`: the mean over the images of (1 − cos(g(x), g(x + z))) / 2, in [0, 1].
///
/// No derivative flows through g(x). The first alone can be had by making gradients small, the second asks
/// for their direction. Joo, Heo, Moon 2023 add both, with weights 0.01 and 0.1.
/// - Note: h is in units of the normalised input. The paper's is 4/255 of the pixels' range, which is 0.07
///   for the standard deviations of ImageNet.
public struct LocalGradientAlignment: Regularizer {
  public enum Measure: Hashable, Sendable { case distance, angle }

  /// 4/255 over 0.225, the mean of ImageNet's standard deviations.
  public static let defaultStep = 0.07

  public let measure: Measure
  /// h.
  public let step: Double
  public var name: String { measure == .distance ? "gradient-distance" : "gradient-angle" }
  public var needsDirections: Bool { true }

  public init(_ measure: Measure, step: Double = defaultStep) {
    (self.measure, self.step) = (measure, step)
  }

  static let kinds = [
    RegularizerKind("gradient-distance", options: [.step]) {
      LocalGradientAlignment(.distance, step: $0.step ?? defaultStep)
    },
    RegularizerKind("gradient-angle", options: [.step]) {
      LocalGradientAlignment(.angle, step: $0.step ?? defaultStep)
    },
  ]

  /// Of gradients that are 0.
  static let stabilizer = 1e-20

  public func penalty(
    of network: NetworkGraph, labels: Value, directions: Value?, in graph: inout GraphBuilder
  ) throws -> Value {
    guard let directions else { preconditionFailure("gradient alignment without directions") }
    func gradient(_ network: NetworkGraph, _ graph: inout GraphBuilder) throws -> Value {
      let score = try graph.sum(graph.multiply(network.logits, labels))
      return try graph.gradient(of: score, with: [network.input])[0]
    }
    let here = try graph.stopGradient(gradient(network, &graph))
    // erf(n/√2) of a standard normal n is uniform in ±1.
    let uniform = try graph.errorFunction(graph.multiply(directions, 0.5.squareRoot()))
    let point = try graph.add(network.input, graph.multiply(uniform, step))
    graph.watch(point)
    let there = try gradient(network.lowered(on: point, in: &graph), &graph)
    let images = Double(here.shape[0])
    switch measure {
    case .distance:
      let difference = try graph.square(graph.subtract(there, here))
      return try graph.multiply(graph.sum(difference), 1 / images)
    case .angle:
      func total(_ v: Value, _ graph: inout GraphBuilder) throws -> Value {
        try graph.sum(v, axes: [1, 2, 3])
      }
      let product = try total(graph.multiply(here, there), &graph)
      let lengths = try graph.multiply(
        total(graph.square(here), &graph), total(graph.square(there), &graph))
      let cosine = try graph.divide(
        product, graph.squareRoot(graph.add(lengths, Self.stabilizer)))
      return try graph.multiply(graph.subtract(1, graph.mean(cosine)), 0.5)
    }
  }
}
