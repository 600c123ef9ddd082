/// Densely connected networks for ImageNet (Huang, Liu, van der Maaten, Weinberger 2017), with
/// torchvision's topology and names.
///
/// Activations: `features.conv0`, `.norm0`, `.relu0`, `.pool0`; in each dense layer
/// `features.denseblock1.denselayer1.norm1`, `.relu1`, `.conv1`, `.norm2`, `.relu2`, `.conv2` (the
/// new channels, what torchvision's module gives) and `.concat` (all channels so far);
/// `features.transition1.norm`, `.relu`, `.conv`, `.pool`; `features.norm5` (also `features`),
/// `relu`, `avgpool` [1, 1, C], `flatten`, `classifier`. `features.denseblock1` … `4` are the ends of
/// the blocks, with all their channels; the last is where Heo et al. 2019 explain DenseNet121.
enum DenseNet {
  private static let bottleneck = 4  // times the growth rate; torchvision's bn_size

  static let families = [
    family("densenet121", [6, 12, 24, 16], growth: 32, stem: 64),
    family("densenet169", [6, 12, 32, 32], growth: 32, stem: 64),
    family("densenet201", [6, 12, 48, 32], growth: 32, stem: 64),
    family("densenet161", [6, 12, 36, 24], growth: 48, stem: 96),
  ]

  private static func family(
    _ name: String, _ blocks: [Int], growth: Int, stem: Int
  ) -> NetworkFamily {
    NetworkFamily(name) { (specification) throws(NetworkError) in
      var builder = ArchitectureBuilder()
      builder.append(
        "features.conv0",
        .convolution(
          ConvolutionLayer(
            inputChannels: specification.channels, outputChannels: stem, kernelSize: 7, stride: 2,
            padding: 3, hasBias: false)))
      builder.append("features.norm0", .batchNorm(BatchNormLayer(channels: stem)))
      builder.append("features.relu0", .relu)
      builder.append("features.pool0", .maxPool(.init(3, stride: 2, padding: 1)))
      var channels = stem
      for (index, layers) in blocks.enumerated() {
        let block = "features.denseblock\(index + 1)"
        for layer in 0..<layers {
          append("\(block).denselayer\(layer + 1)", growth, &channels, to: &builder)
        }
        builder.alias(block)
        if index < blocks.count - 1 {
          appendTransition("features.transition\(index + 1)", &channels, to: &builder)
        }
      }
      builder.append("features.norm5", .batchNorm(BatchNormLayer(channels: channels)))
      builder.alias("features")
      builder.append("relu", .relu)
      ResNet.appendHead("classifier", channels, specification.classes, to: &builder)
      return try builder.architecture(specification, .uniform)
    }
  }

  /// Batch norm and ReLU before each convolution; the result joins what was there.
  private static func append(
    _ name: String, _ growth: Int, _ channels: inout Int, to builder: inout ArchitectureBuilder
  ) {
    let (input, width) = (builder.last, bottleneck * growth)
    builder.append("\(name).norm1", .batchNorm(BatchNormLayer(channels: channels)))
    builder.append("\(name).relu1", .relu)
    builder.append(
      "\(name).conv1",
      .convolution(
        ConvolutionLayer(
          inputChannels: channels, outputChannels: width, kernelSize: 1, hasBias: false)))
    builder.append("\(name).norm2", .batchNorm(BatchNormLayer(channels: width)))
    builder.append("\(name).relu2", .relu)
    builder.append(
      "\(name).conv2",
      .convolution(
        ConvolutionLayer(
          inputChannels: width, outputChannels: growth, kernelSize: 3, padding: 1, hasBias: false)))
    builder.append("\(name).concat", .concatenate, [input, builder.last])
    channels += growth
  }

  /// Half the channels, half the height and width.
  private static func appendTransition(
    _ name: String, _ channels: inout Int, to builder: inout ArchitectureBuilder
  ) {
    builder.append("\(name).norm", .batchNorm(BatchNormLayer(channels: channels)))
    builder.append("\(name).relu", .relu)
    builder.append(
      "\(name).conv",
      .convolution(
        ConvolutionLayer(
          inputChannels: channels, outputChannels: channels / 2, kernelSize: 1, hasBias: false)))
    builder.append("\(name).pool", .averagePool(.init(2, stride: 2)))
    channels /= 2
  }
}
