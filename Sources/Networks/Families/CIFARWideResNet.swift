/// Two more networks for 32×32 images: ResNet-18 to 152 as in kuangliu/pytorch-cifar (`shortcut.0`,
/// `linear`), and wide ResNets (Zagoruyko, Komodakis 2016) as in xternalz/WideResNet-pytorch
/// (`block1.layer.0.conv1`, `convShortcut`, `fc`).
enum CIFARWideResNet {
  static let families =
    [
      ("cifar-resnet18", false, [2, 2, 2, 2]), ("cifar-resnet34", false, [3, 4, 6, 3]),
      ("cifar-resnet50", true, [3, 4, 6, 3]),
    ].map { name, isBottleneck, depths in
      NetworkFamily(name) { (specification) throws(NetworkError) in
        var builder = ArchitectureBuilder()
        appendStem(specification.channels, 64, to: &builder)
        builder.append("bn1", .batchNorm(BatchNormLayer(channels: 64)))
        builder.append("relu", .relu)
        var channels = 64
        for (stage, depth) in depths.enumerated() {
          for index in 0..<depth {
            append(
              "layer\(stage + 1).\(index)", &channels, 64 << stage,
              stage > 0 && index == 0 ? 2 : 1, isBottleneck, to: &builder)
          }
          builder.alias("layer\(stage + 1)")
        }
        ResNet.appendHead("linear", channels, specification.classes, to: &builder)
        return try builder.architecture(specification, .uniform)
      }
    }
    + [(28, 10), (40, 2), (16, 4)].map { depth, widening in
      wide("wide-resnet\(depth)-\(widening)", blocks: (depth - 4) / 6, widening)
    }

  private static func appendStem(
    _ inputs: Int, _ outputs: Int, to builder: inout ArchitectureBuilder
  ) {
    builder.append(
      "conv1",
      .convolution(
        ConvolutionLayer(
          inputChannels: inputs, outputChannels: outputs, kernelSize: 3, padding: 1,
          hasBias: false)))
  }

  private static func append(
    _ name: String, _ channels: inout Int, _ width: Int, _ stride: Int, _ isBottleneck: Bool,
    to builder: inout ArchitectureBuilder
  ) {
    let (input, output) = (builder.last, isBottleneck ? 4 * width : width)
    let kernels = isBottleneck ? [1, 3, 1] : [3, 3]
    for (index, kernel) in kernels.enumerated() {
      let isLast = index == kernels.count - 1
      // The stride is the first 3×3 convolution's.
      ResNet.appendConvolution(
        name, index + 1, index == 0 ? channels : width, isLast ? output : width, kernel,
        index == kernels.firstIndex(of: 3) ? stride : 1, to: &builder)
      if !isLast { builder.append("\(name).relu\(index + 1)", .relu) }
    }
    ResNet.appendSum(name, "shortcut", input, channels, output, stride, to: &builder)
    channels = output
  }

  // MARK: Wide

  private static func wide(_ name: String, blocks: Int, _ widening: Int) -> NetworkFamily {
    NetworkFamily(name) { (specification) throws(NetworkError) in
      var builder = ArchitectureBuilder()
      appendStem(specification.channels, 16, to: &builder)
      var channels = 16
      for (stage, width) in [16, 32, 64].enumerated() {
        for index in 0..<blocks {
          appendWide(
            "block\(stage + 1).layer.\(index)", &channels, width * widening,
            stage > 0 && index == 0 ? 2 : 1, to: &builder)
        }
        builder.alias("block\(stage + 1)")
      }
      builder.append("bn1", .batchNorm(BatchNormLayer(channels: channels)))
      builder.append("relu", .relu)
      ResNet.appendHead("fc", channels, specification.classes, to: &builder)
      return try builder.architecture(specification, .uniform)
    }
  }

  /// Batch norm and ReLU come first; where channels change, the shortcut begins after them.
  private static func appendWide(
    _ name: String, _ channels: inout Int, _ output: Int, _ stride: Int,
    to builder: inout ArchitectureBuilder
  ) {
    func convolution(_ inputs: Int, _ kernel: Int, _ stride: Int) -> Layer {
      .convolution(
        ConvolutionLayer(
          inputChannels: inputs, outputChannels: output, kernelSize: kernel, stride: stride,
          padding: kernel / 2, hasBias: false))
    }
    let input = builder.last
    builder.append("\(name).bn1", .batchNorm(BatchNormLayer(channels: channels)))
    builder.append("\(name).relu1", .relu)
    let first = builder.last
    builder.append("\(name).conv1", convolution(channels, 3, stride))
    builder.append("\(name).bn2", .batchNorm(BatchNormLayer(channels: output)))
    builder.append("\(name).relu2", .relu)
    builder.append("\(name).conv2", convolution(output, 3, 1))
    let branch = builder.last
    var shortcut = input
    if channels != output {
      builder.append("\(name).convShortcut", convolution(channels, 1, stride), [first])
      shortcut = builder.last
    }
    builder.append(name, .add, [branch, shortcut])
    channels = output
  }
}
