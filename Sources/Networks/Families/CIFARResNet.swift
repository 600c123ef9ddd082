/// Residual networks for 32×32 images (He, Zhang, Ren, Sun 2016, section 4.2) of depth 6n + 2:
/// three stages of 16, 32 and 64 channels, shortcuts without parameters (option A: every second
/// row and column, zero channels on both sides).
///
/// Names as in akamaster/pytorch_resnet_cifar10: `conv1`, `bn1`, `relu`, `layer1` … `layer3`,
/// `layer1.0.conv1`, …, `layer2.0.shortcut`, `linear`.
enum CIFARResNet {
  private static let widths = [16, 32, 64]

  static let families = [20, 32, 44, 56, 110].map { depth in
    NetworkFamily("cifar-resnet\(depth)") { (specification) throws(NetworkError) in
      var builder = ArchitectureBuilder()
      builder.append(
        "conv1",
        .convolution(
          ConvolutionLayer(
            inputChannels: specification.channels, outputChannels: 16, kernelSize: 3, padding: 1,
            hasBias: false)))
      builder.append("bn1", .batchNorm(BatchNormLayer(channels: 16)))
      builder.append("relu", .relu)
      var channels = 16
      for (stage, width) in widths.enumerated() {
        for block in 0..<(depth - 2) / 6 {
          append("layer\(stage + 1).\(block)", width, &channels, to: &builder)
        }
        builder.alias("layer\(stage + 1)")
      }
      ResNet.appendHead("linear", channels, specification.classes, to: &builder)
      return try builder.architecture(specification, .uniform)
    }
  }

  private static func append(
    _ name: String, _ width: Int, _ channels: inout Int, to builder: inout ArchitectureBuilder
  ) {
    let input = builder.last
    let stride = channels == width ? 1 : 2
    ResNet.appendConvolution(name, 1, channels, width, 3, stride, to: &builder)
    builder.append("\(name).relu1", .relu)
    ResNet.appendConvolution(name, 2, width, width, 3, 1, to: &builder)
    let branch = builder.last
    var shortcut = input
    if stride != 1 {
      let padding = (width - channels) / 2
      builder.append(
        "\(name).shortcut",
        .subsampleAndPadChannels(stride: stride, before: padding, after: padding), [input])
      shortcut = builder.last
    }
    builder.append("\(name).add", .add, [branch, shortcut])
    builder.append(name, .relu)
    channels = width
  }
}
