import Networks
import TensorGraph
import TensorReference

/// Numbers in [-1, 1) that are the same in every run.
struct TestNumbers {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) * 0x1p-52 - 1
  }

  mutating func array(_ shape: Shape, scale: Double = 1, offset: Double = 0) -> ReferenceArray {
    ReferenceArray(shape: shape, values: (0..<shape.count).map { _ in offset + scale * next() })
  }
}

extension Architecture {
  /// Values for all parameters, with variances around 1 and no symmetry anywhere.
  func testParameters(seed: UInt64 = 1) -> [String: ReferenceArray] {
    var numbers = TestNumbers(seed)
    var values: [String: ReferenceArray] = [:]
    for parameter in parameters {
      values[parameter.name] =
        switch parameter.role {
        case .weight: numbers.array(parameter.shape, scale: 0.5)
        case .slope, .layerScale: numbers.array(parameter.shape, scale: 0.3, offset: 0.3)
        case .bias, .beta, .runningMean: numbers.array(parameter.shape, scale: 0.3)
        case .gamma, .runningVariance: numbers.array(parameter.shape, scale: 0.5, offset: 1)
        }
    }
    return values
  }
}

func largestDifference(_ a: ReferenceArray, _ b: ReferenceArray) -> Double {
  guard a.shape == b.shape else { return .infinity }
  return zip(a.values, b.values).map { abs($0 - $1) }.max() ?? 0
}

/// Small relatives of all families, of a size that the reference evaluator takes in its stride.
enum SmallNetworks {
  static func residual() throws -> Architecture {
    try ArchitectureSpecification(
      family: "resnet-style", classes: 3, height: 6, width: 6, channels: 2, widths: [3, 4],
      blocks: [1, 2]
    ).architecture()
  }

  static func vgg() throws -> Architecture {
    try ArchitectureSpecification(
      family: "vgg-style", classes: 3, height: 4, width: 6, channels: 2,
      plan: [.convolution(channels: 3), .pool, .convolution(channels: 4)], classifier: [5]
    ).architecture()
  }

  /// Batch norm before the convolution, concatenated: what DenseNets are made of.
  static func preactivation() throws -> Architecture {
    try Architecture(
      name: "preactivation", inputShape: [4, 4, 2], classes: 2,
      nodes: [
        LayerNode(
          name: "conv0",
          layer: .convolution(
            ConvolutionLayer(inputChannels: 2, outputChannels: 3, kernelSize: 3, padding: 1)),
          inputs: ["input"]),
        LayerNode(name: "norm1", layer: .batchNorm(BatchNormLayer(channels: 3)), inputs: ["conv0"]),
        LayerNode(name: "relu1", layer: .relu, inputs: ["norm1"]),
        LayerNode(
          name: "conv1",
          layer: .convolution(
            ConvolutionLayer(
              inputChannels: 3, outputChannels: 2, kernelSize: 3, padding: 1, hasBias: false)),
          inputs: ["relu1"]),
        LayerNode(name: "concat", layer: .concatenate, inputs: ["conv0", "conv1"]),
        LayerNode(
          name: "norm2", layer: .batchNorm(BatchNormLayer(channels: 5)), inputs: ["concat"]),
        LayerNode(name: "relu2", layer: .relu, inputs: ["norm2"]),
        LayerNode(name: "pool", layer: .globalAveragePool, inputs: ["relu2"]),
        LayerNode(name: "flat", layer: .flatten, inputs: ["pool"]),
        LayerNode(
          name: "fc", layer: .dense(DenseLayer(inputs: 5, outputs: 2)), inputs: ["flat"]),
      ])
  }

  static let names = ["residual", "vgg", "preactivation"]

  static func named(_ name: String) throws -> Architecture {
    switch name {
    case "residual": try residual()
    case "vgg": try vgg()
    default: try preactivation()
    }
  }
}
