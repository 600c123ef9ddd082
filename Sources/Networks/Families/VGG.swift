import TensorGraph

/// VGG-11, 13, 16 and 19 (Simonyan, Zisserman 2015), with and without batch norm, with torchvision's
/// names: `features.0` …, `avgpool` (adaptive, 7×7), `flatten`, `classifier.0` … `classifier.6`.
enum VGG {
  private static let pooledSide = 7  // torchvision: nn.AdaptiveAvgPool2d((7, 7))
  private static let hidden = 4096
  private static let dropout = 0.5

  private static let plans: [(name: String, convolutions: [Int])] = [
    ("vgg11", [1, 1, 2, 2, 2]), ("vgg13", [2, 2, 2, 2, 2]), ("vgg16", [2, 2, 3, 3, 3]),
    ("vgg19", [2, 2, 4, 4, 4]),
  ]

  static let families = [false, true].flatMap { batchNorm in
    plans.map { plan in
      NetworkFamily(plan.name + (batchNorm ? "-bn" : "")) { (specification) throws(NetworkError) in
        let steps = zip([64, 128, 256, 512, 512], plan.convolutions).flatMap { width, count in
          [VGGStep](repeating: .convolution(channels: width), count: count) + [.pool]
        }
        var builder = ArchitectureBuilder()
        var channels = specification.channels
        append(steps, batchNorm: batchNorm, &channels, to: &builder)
        builder.append("avgpool", .adaptiveAveragePool(height: pooledSide, width: pooledSide))
        builder.append("flatten", .flatten)
        builder.append(
          "classifier.0",
          .dense(DenseLayer(inputs: channels * pooledSide * pooledSide, outputs: hidden)))
        builder.append("classifier.1", .relu)
        builder.append("classifier.2", .dropout(rate: dropout))
        builder.append("classifier.3", .dense(DenseLayer(inputs: hidden, outputs: hidden)))
        builder.append("classifier.4", .relu)
        builder.append("classifier.5", .dropout(rate: dropout))
        builder.append(
          "classifier.6", .dense(DenseLayer(inputs: hidden, outputs: specification.classes)))
        return try builder.architecture(specification, .normal)
      }
    }
  }

  /// `features.N`: convolution, batch norm, ReLU and pooling each count one, as in a PyTorch
  /// `Sequential`.
  static func append(
    _ steps: [VGGStep], batchNorm: Bool, _ channels: inout Int,
    to builder: inout ArchitectureBuilder
  ) {
    var number = 0
    func next() -> String {
      defer { number += 1 }
      return "features.\(number)"
    }
    for step in steps {
      switch step {
      case .pool: builder.append(next(), .maxPool(Window2D(2, stride: 2)))
      case .convolution(let width):
        builder.append(
          next(),
          .convolution(
            ConvolutionLayer(
              inputChannels: channels, outputChannels: width, kernelSize: 3, padding: 1)))
        if batchNorm { builder.append(next(), .batchNorm(BatchNormLayer(channels: width))) }
        builder.append(next(), .relu)
        channels = width
      }
    }
    builder.alias("features")
  }
}
