import TensorGraph

/// EfficientNet-B0 to B2 (Tan, Le 2019) with torchvision's names, and EfficientNet-Lite0, without
/// squeeze-and-excite and with ReLU6, with those of `efficientnet-lite-pytorch`.
///
/// B0: `features.0`, stages `features.1` … `features.7` of blocks `features.2.0.block.0.0` …, the
/// squeeze-and-excite `features.2.0.block.2`, `features.8`, `classifier.1`. Lite0: `_conv_stem`, `_bn0`,
/// `_blocks.0` … `_blocks.15` (`_expand_conv`, `_bn0`, `_depthwise_conv`, `_bn1`, `_project_conv`,
/// `_bn2`), `_conv_head`, `_bn1`, `_fc`.
enum EfficientNet {
  /// Expansion, kernel, stride, input, output, blocks: the paper's table 1.
  private static let stages = [
    (1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3), (6, 5, 2, 112, 192, 4), (6, 3, 1, 192, 320, 1),
  ]

  static let families = [
    family("efficientnet-b0", width: 1, depth: 1, dropout: 0.2),
    family("efficientnet-b1", width: 1, depth: 1.1, dropout: 0.2),
    family("efficientnet-b2", width: 1.1, depth: 1.2, dropout: 0.3),
    NetworkFamily("efficientnet-lite0", pixels: .lite) { (specification) throws(NetworkError) in
      try lite(specification)
    },
  ]

  private static func family(
    _ name: String, width: Double, depth: Double, dropout: Double
  ) -> NetworkFamily {
    NetworkFamily(name) { (specification) throws(NetworkError) in
      var builder = ArchitectureBuilder()
      let swish = Layer.activation(.silu)
      func wide(_ channels: Int) -> Int { multipleOfEight(Double(channels) * width) }
      builder.appendBlock(
        "features.0", specification.channels, wide(32), kernel: 3, stride: 2, activation: swish)
      for (stage, (expansion, kernel, stride, first, output, count)) in stages.enumerated() {
        var channels = wide(first)
        for index in 0..<Int((Double(count) * depth).rounded(.up)) {
          appendBlock(
            "features.\(stage + 1).\(index)", &channels, wide(output), expansion, kernel,
            index == 0 ? stride : 1, to: &builder)
        }
        builder.alias("features.\(stage + 1)")
      }
      let channels = wide(320)
      builder.appendBlock(
        "features.\(stages.count + 1)", channels, 4 * channels, kernel: 1, activation: swish)
      builder.alias("features")
      builder.append("avgpool", .globalAveragePool)
      builder.append("flatten", .flatten)
      builder.append("classifier.0", .dropout(rate: dropout))
      builder.append(
        "classifier.1", .dense(DenseLayer(inputs: 4 * channels, outputs: specification.classes)))
      return try builder.architecture(specification, .uniform)
    }
  }

  private static func appendBlock(
    _ name: String, _ channels: inout Int, _ output: Int, _ expansion: Int, _ kernel: Int,
    _ stride: Int, to builder: inout ArchitectureBuilder
  ) {
    let swish = Layer.activation(.silu)
    let (input, expanded) = (builder.last, multipleOfEight(Double(channels * expansion)))
    var step = 0
    func next() -> String {
      defer { step += 1 }
      return "\(name).block.\(step)"
    }
    if expanded != channels {
      builder.appendBlock(next(), channels, expanded, kernel: 1, activation: swish)
    }
    builder.appendBlock(
      next(), expanded, expanded, kernel: kernel, stride: stride, groups: expanded,
      activation: swish)
    builder.appendSqueezeExcitation(
      next(), expanded, squeezed: max(1, channels / 4), activation: swish, gate: .sigmoid)
    builder.appendBlock(next(), expanded, output, kernel: 1)
    builder.endBlock(name, adding: stride == 1 && channels == output ? input : nil)
    channels = output
  }

  // MARK: Lite

  /// TensorFlow's padding "same", ε and momentum.
  private static func lite(
    _ specification: ArchitectureSpecification
  ) throws(NetworkError) -> Architecture {
    var builder = ArchitectureBuilder()
    var size: Shape = [specification.height, specification.width, 1]
    func convolution(
      _ name: String, _ norm: String, _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1,
      groups: Int = 1, activation: String? = nil
    ) {
      let window = Window2D(kernel, stride: stride).same(for: size)
      builder.append(
        name,
        .convolution(
          ConvolutionLayer(
            inputChannels: inputs, outputChannels: outputs, window: window, groups: groups,
            hasBias: false)))
      builder.append(
        norm, .batchNorm(BatchNormLayer(channels: outputs, epsilon: 1e-3, momentum: 0.01)))
      if let activation { builder.append(activation, .relu6) }
      size = [(size[0] + stride - 1) / stride, (size[1] + stride - 1) / stride, 1]
    }
    convolution(
      "_conv_stem", "_bn0", specification.channels, 32, kernel: 3, stride: 2, activation: "_relu0")
    var (channels, number) = (32, 0)
    for (expansion, kernel, stride, _, output, count) in stages {
      for index in 0..<count {
        let (name, input) = ("_blocks.\(number)", builder.last)
        let (expanded, step) = (channels * expansion, index == 0 ? stride : 1)
        if expansion != 1 {
          convolution(
            "\(name)._expand_conv", "\(name)._bn0", channels, expanded, kernel: 1,
            activation: "\(name)._relu0")
        }
        convolution(
          "\(name)._depthwise_conv", "\(name)._bn1", expanded, expanded, kernel: kernel,
          stride: step, groups: expanded, activation: "\(name)._relu1")
        convolution("\(name)._project_conv", "\(name)._bn2", expanded, output, kernel: 1)
        builder.endBlock(name, adding: step == 1 && channels == output ? input : nil)
        channels = output
        number += 1
      }
    }
    convolution("_conv_head", "_bn1", channels, 1280, kernel: 1, activation: "_relu1")
    builder.append("_avg_pooling", .globalAveragePool)
    builder.append("_flatten", .flatten)
    builder.append("_dropout", .dropout(rate: 0.2))
    builder.append("_fc", .dense(DenseLayer(inputs: 1280, outputs: specification.classes)))
    return try builder.architecture(specification, .uniform)
  }
}
