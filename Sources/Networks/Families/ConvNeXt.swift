/// ConvNeXt (Liu et al. 2022) with torchvision's names: `features.0.0` (4×4 patches) and `.1`, stages
/// `features.1`, `.3`, `.5`, `.7` of blocks `features.1.0` with `block.0` (7×7 depthwise), `block.2` (layer
/// norm), `block.3`, `block.4` (GELU), `block.5` and `layer_scale`; between them `features.2.0` and `.1`;
/// `classifier.0` (layer norm), `classifier.2`.
enum ConvNeXt {
  private static let epsilon = 1e-6  // torchvision/models/convnext.py

  static let families = [
    family("convnext-tiny", [3, 3, 9, 3], [96, 192, 384, 768]),
    family("convnext-small", [3, 3, 27, 3], [96, 192, 384, 768]),
    family("convnext-base", [3, 3, 27, 3], [128, 256, 512, 1024]),
  ]

  private static func norm(_ channels: Int) -> Layer {
    .layerNorm(LayerNormLayer(extents: [channels], epsilon: epsilon))
  }

  private static func family(_ name: String, _ depths: [Int], _ widths: [Int]) -> NetworkFamily {
    NetworkFamily(name) { (specification) throws(NetworkError) in
      var builder = ArchitectureBuilder()
      builder.append(
        "features.0.0",
        .convolution(
          ConvolutionLayer(
            inputChannels: specification.channels, outputChannels: widths[0], kernelSize: 4,
            stride: 4)))
      builder.append("features.0.1", norm(widths[0]))
      for (stage, (depth, width)) in zip(depths, widths).enumerated() {
        let number = 2 * stage + 1
        for index in 0..<depth { append("features.\(number).\(index)", width, to: &builder) }
        builder.alias("features.\(number)")
        guard stage + 1 < widths.count else { break }
        builder.append("features.\(number + 1).0", norm(width))
        builder.append(
          "features.\(number + 1).1",
          .convolution(
            ConvolutionLayer(
              inputChannels: width, outputChannels: widths[stage + 1], kernelSize: 2, stride: 2)))
      }
      let channels = widths[widths.count - 1]
      builder.alias("features")
      builder.append("avgpool", .globalAveragePool)
      builder.append("classifier.0", norm(channels))
      builder.append("classifier.1", .flatten)
      builder.append(
        "classifier.2", .dense(DenseLayer(inputs: channels, outputs: specification.classes)))
      return try builder.architecture(specification, .normal)
    }
  }

  private static func append(
    _ name: String, _ width: Int, to builder: inout ArchitectureBuilder
  ) {
    let (input, expansion) = (builder.last, 4)
    builder.append(
      "\(name).block.0",
      .convolution(
        ConvolutionLayer(
          inputChannels: width, outputChannels: width, kernelSize: 7, padding: 3, groups: width)))
    builder.append("\(name).block.2", norm(width))
    builder.append(
      "\(name).block.3", .dense(DenseLayer(inputs: width, outputs: expansion * width)))
    builder.append("\(name).block.4", .activation(.gelu))
    builder.append(
      "\(name).block.5", .dense(DenseLayer(inputs: expansion * width, outputs: width)))
    builder.append("\(name).layer_scale", .layerScale(channels: width), parameters: name)
    builder.append(name, .add, [builder.last, input])
  }
}
