/// Residual networks for ImageNet (He, Zhang, Ren, Sun 2016), ResNeXts (Xie et al. 2017) and wide ones
/// (Zagoruyko, Komodakis 2016), with torchvision's topology (the
/// stride of a bottleneck is in its 3×3 convolution) and torchvision's names.
///
/// Activations: `conv1`, `bn1`, `relu`, `maxpool`, `layer1` … `layer4` (aliases of their last
/// block), `layer1.0` (after the block's last ReLU), `layer1.0.conv1`, `.bn1`, `.relu1`, …, `.add`,
/// `avgpool` [1, 1, C], `flatten`, `fc`. torchvision uses one module `relu` several times in a
/// block; here each use has its number, and the last is the block itself.
enum ResNet {
  enum Block { case basic, bottleneck }

  private static let widths = [64, 128, 256, 512]
  private static let expansion = 4  // He et al. 2016, bottleneck

  static let families = [
    family("resnet18", .basic, [2, 2, 2, 2]), family("resnet34", .basic, [3, 4, 6, 3]),
    family("resnet50", .bottleneck, [3, 4, 6, 3]), family("resnet101", .bottleneck, [3, 4, 23, 3]),
    family("resnet152", .bottleneck, [3, 8, 36, 3]),
    family("resnext50-32x4d", .bottleneck, [3, 4, 6, 3], Branches(groups: 32, width: 4)),
    family("resnext101-32x8d", .bottleneck, [3, 4, 23, 3], Branches(groups: 32, width: 8)),
    family("wide-resnet50-2", .bottleneck, [3, 4, 6, 3], Branches(groups: 1, width: 128)),
    family("wide-resnet101-2", .bottleneck, [3, 4, 23, 3], Branches(groups: 1, width: 128)),
  ]

  /// Of a bottleneck's 3×3 convolution: its groups, and the channels of each where the stage has 64.
  struct Branches {
    var groups = 1
    var width = 64

    func channels(_ stage: Int) -> Int { stage * width / 64 * groups }
  }

  private static func family(
    _ name: String, _ block: Block, _ depths: [Int], _ branches: Branches = Branches()
  ) -> NetworkFamily {
    NetworkFamily(name) { (specification) throws(NetworkError) in
      var builder = ArchitectureBuilder()
      builder.append(
        "conv1",
        .convolution(
          ConvolutionLayer(
            inputChannels: specification.channels, outputChannels: 64, kernelSize: 7, stride: 2,
            padding: 3, hasBias: false)))
      builder.append("bn1", .batchNorm(BatchNormLayer(channels: 64)))
      builder.append("relu", .relu)
      builder.append("maxpool", .maxPool(.init(3, stride: 2, padding: 1)))
      var channels = 64
      appendStages(block, widths, depths, branches: branches, &channels, to: &builder)
      appendHead("fc", channels, specification.classes, to: &builder)
      return try builder.architecture(specification, .uniform)
    }
  }

  /// Stages `layer1` …; from the second on the first block halves height and width.
  static func appendStages(
    _ block: Block, _ widths: [Int], _ depths: [Int], branches: Branches = Branches(),
    _ channels: inout Int,
    to builder: inout ArchitectureBuilder
  ) {
    for (stage, (width, depth)) in zip(widths, depths).enumerated() {
      for index in 0..<depth {
        append(
          block, "layer\(stage + 1).\(index)", width, branches, stage > 0 && index == 0 ? 2 : 1,
          &channels, to: &builder)
      }
      builder.alias("layer\(stage + 1)")
    }
  }

  static func appendHead(
    _ name: String, _ channels: Int, _ classes: Int, to builder: inout ArchitectureBuilder
  ) {
    builder.append("avgpool", .globalAveragePool)
    builder.append("flatten", .flatten)
    builder.append(name, .dense(DenseLayer(inputs: channels, outputs: classes)))
  }

  private static func append(
    _ block: Block, _ name: String, _ width: Int, _ branches: Branches, _ stride: Int,
    _ channels: inout Int,
    to builder: inout ArchitectureBuilder
  ) {
    let input = builder.last
    let output = block == .basic ? width : width * expansion
    switch block {
    case .basic:
      appendConvolution(name, 1, channels, width, 3, stride, to: &builder)
      builder.append("\(name).relu1", .relu)
      appendConvolution(name, 2, width, width, 3, 1, to: &builder)
    case .bottleneck:
      let inner = branches.channels(width)
      appendConvolution(name, 1, channels, inner, 1, 1, to: &builder)
      builder.append("\(name).relu1", .relu)
      appendConvolution(
        name, 2, inner, inner, 3, stride, groups: branches.groups, to: &builder)
      builder.append("\(name).relu2", .relu)
      appendConvolution(name, 3, inner, output, 1, 1, to: &builder)
    }
    appendSum(name, "downsample", input, channels, output, stride, to: &builder)
    channels = output
  }

  /// The end of a block: its branch, which was appended last, and its input, projected where their
  /// shapes differ.
  static func appendSum(
    _ block: String, _ projection: String, _ input: String, _ channels: Int, _ output: Int,
    _ stride: Int, to builder: inout ArchitectureBuilder
  ) {
    let branch = builder.last
    var shortcut = input
    if stride != 1 || channels != output {
      builder.append(
        "\(block).\(projection).0",
        .convolution(
          ConvolutionLayer(
            inputChannels: channels, outputChannels: output, kernelSize: 1, stride: stride,
            hasBias: false)), [input])
      builder.append("\(block).\(projection).1", .batchNorm(BatchNormLayer(channels: output)))
      shortcut = builder.last
    }
    builder.append("\(block).add", .add, [branch, shortcut])
    builder.append(block, .relu)
  }

  /// `conv<n>` and `bn<n>` of a block.
  static func appendConvolution(
    _ block: String, _ number: Int, _ input: Int, _ output: Int, _ kernel: Int, _ stride: Int,
    groups: Int = 1, to builder: inout ArchitectureBuilder
  ) {
    builder.append(
      "\(block).conv\(number)",
      .convolution(
        ConvolutionLayer(
          inputChannels: input, outputChannels: output, kernelSize: kernel, stride: stride,
          padding: kernel / 2, groups: groups, hasBias: false)))
    builder.append("\(block).bn\(number)", .batchNorm(BatchNormLayer(channels: output)))
  }
}
