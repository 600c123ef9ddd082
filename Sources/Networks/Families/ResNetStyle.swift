/// A small residual network of basic blocks: `widths` and `blocks` say the channels and number of
/// blocks of each stage. Names as in torchvision's ResNets; the stem is one 3×3 convolution without
/// pooling, for small images.
enum ResNetStyle {
  static let families = [
    NetworkFamily("resnet-style", options: [.widths, .blocks]) {
      (specification) throws(NetworkError) in
      guard let widths = specification.widths, let depths = specification.blocks,
        widths.count == depths.count, !widths.isEmpty
      else {
        throw NetworkError(
          "resnet-style needs \"widths\" and \"blocks\", one number each for every stage")
      }
      guard widths.count <= maximumStages else {
        throw NetworkError("resnet-style: \(widths.count) stages, expected 1 to \(maximumStages)")
      }
      for (width, depth) in zip(widths, depths) {
        try Limits.check(positive: [("a width", width)], in: "resnet-style")
        guard (1...maximumBlocks).contains(depth) else {
          throw NetworkError("resnet-style: \(depth) blocks, expected 1 to \(maximumBlocks)")
        }
      }
      var builder = ArchitectureBuilder()
      builder.append(
        "conv1",
        .convolution(
          ConvolutionLayer(
            inputChannels: specification.channels, outputChannels: widths[0], kernelSize: 3,
            padding: 1, hasBias: false)))
      builder.append("bn1", .batchNorm(BatchNormLayer(channels: widths[0])))
      builder.append("relu", .relu)
      var channels = widths[0]
      ResNet.appendStages(.basic, widths, depths, &channels, to: &builder)
      ResNet.appendHead("fc", channels, specification.classes, to: &builder)
      return try builder.architecture(specification, .uniform)
    }
  ]

  /// Twenty stages divide even the largest image down to one pixel.
  private static let maximumStages = 20
  private static let maximumBlocks = 1000
}
