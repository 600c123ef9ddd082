import TensorGraph

/// VGG-11, 13, 16 and 19 (Simonyan, Zisserman 2015), with and without batch norm, with torchvision's
/// names: `features.0` …, `avgpool` (adaptive, 7×7), `flatten`, `classifier.0` … `classifier.6`, with
/// ReLU and dropout after each hidden layer. `classifier` has other hidden layers than its two.
enum VGG {
  private static let pooledSide = 7  // torchvision: nn.AdaptiveAvgPool2d((7, 7))
  static let hidden = [4096, 4096]
  private static let dropout = 0.5

  private static let plans: [(name: String, convolutions: [Int])] = [
    ("vgg11", [1, 1, 2, 2, 2]), ("vgg13", [2, 2, 2, 2, 2]), ("vgg16", [2, 2, 3, 3, 3]),
    ("vgg19", [2, 2, 4, 4, 4]),
  ]

  static let families = [false, true].flatMap { batchNorm in
    plans.map { plan in
      let name = plan.name + (batchNorm ? "-bn" : "")
      return NetworkFamily(name, options: [.classifier]) { (specification) throws(NetworkError) in
        let steps = zip([64, 128, 256, 512, 512], plan.convolutions).flatMap { width, count in
          [VGGStep](repeating: .convolution(channels: width), count: count) + [.pool]
        }
        var builder = ArchitectureBuilder()
        var channels = specification.channels
        append(steps, batchNorm: batchNorm, &channels, to: &builder)
        builder.append("avgpool", .adaptiveAveragePool(height: pooledSide, width: pooledSide))
        builder.append("flatten", .flatten)
        var inputs = channels * pooledSide * pooledSide
        let widths = specification.classifier ?? hidden
        for (index, units) in widths.enumerated() {
          try Limits.check(positive: [("a hidden layer's width", units)], in: name)
          let number = 3 * index
          builder.append(
            "classifier.\(number)", .dense(DenseLayer(inputs: inputs, outputs: units)))
          builder.append("classifier.\(number + 1)", .relu)
          builder.append("classifier.\(number + 2)", .dropout(rate: dropout))
          inputs = units
        }
        builder.append(
          "classifier.\(3 * widths.count)",
          .dense(DenseLayer(inputs: inputs, outputs: specification.classes)))
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
