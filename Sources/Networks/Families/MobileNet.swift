/// MobileNetV2 (Sandler et al. 2018) and MobileNetV3 (Howard et al. 2019) with torchvision's names.
///
/// V2: `features.0` (the stem, `features.0.0` … `.2`), blocks `features.1` … `features.17` with
/// `features.2.conv.0.0` … `conv.3`, `features.18`, `classifier.1`. V3: blocks `features.1.block.0.0` …,
/// squeeze-and-excite `features.4.block.2`, `classifier.0`, `.1`, `.3`.
enum MobileNet {
  /// Expansion, channels, blocks, stride of the first.
  private static let stages2 = [
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
    (6, 320, 1, 1),
  ]

  /// A block of V3: input, kernel, expanded channels, output, squeeze-and-excite, hard-swish, stride.
  private typealias Block = (Int, Int, Int, Int, Bool, Bool, Int)
  private static let large: [Block] = [
    (16, 3, 16, 16, false, false, 1), (16, 3, 64, 24, false, false, 2),
    (24, 3, 72, 24, false, false, 1), (24, 5, 72, 40, true, false, 2),
    (40, 5, 120, 40, true, false, 1), (40, 5, 120, 40, true, false, 1),
    (40, 3, 240, 80, false, true, 2), (80, 3, 200, 80, false, true, 1),
    (80, 3, 184, 80, false, true, 1), (80, 3, 184, 80, false, true, 1),
    (80, 3, 480, 112, true, true, 1), (112, 3, 672, 112, true, true, 1),
    (112, 5, 672, 160, true, true, 2), (160, 5, 960, 160, true, true, 1),
    (160, 5, 960, 160, true, true, 1),
  ]
  private static let small: [Block] = [
    (16, 3, 16, 16, true, false, 2), (16, 3, 72, 24, false, false, 2),
    (24, 3, 88, 24, false, false, 1), (24, 5, 96, 40, true, true, 2),
    (40, 5, 240, 40, true, true, 1), (40, 5, 240, 40, true, true, 1),
    (40, 5, 120, 48, true, true, 1), (48, 5, 144, 48, true, true, 1),
    (48, 5, 288, 96, true, true, 2), (96, 5, 576, 96, true, true, 1),
    (96, 5, 576, 96, true, true, 1),
  ]

  static let families = [
    NetworkFamily("mobilenet-v2") { (specification) throws(NetworkError) in
      var builder = ArchitectureBuilder()
      builder.appendBlock(
        "features.0", specification.channels, 32, kernel: 3, stride: 2, activation: .relu6)
      var (channels, number) = (32, 1)
      for (expansion, width, count, stride) in stages2 {
        for index in 0..<count {
          appendBlock2(
            "features.\(number)", &channels, width, expansion, index == 0 ? stride : 1,
            to: &builder)
          number += 1
        }
      }
      builder.appendBlock(
        "features.\(number)", channels, 1280, kernel: 1, activation: .relu6)
      builder.alias("features")
      builder.append("avgpool", .globalAveragePool)
      builder.append("flatten", .flatten)
      builder.append("classifier.0", .dropout(rate: 0.2))
      builder.append(
        "classifier.1", .dense(DenseLayer(inputs: 1280, outputs: specification.classes)))
      return try builder.architecture(specification, .normal)
    },
    version3("mobilenet-v3-large", large, 1280), version3("mobilenet-v3-small", small, 1024),
  ]

  private static func appendBlock2(
    _ name: String, _ channels: inout Int, _ output: Int, _ expansion: Int, _ stride: Int,
    to builder: inout ArchitectureBuilder
  ) {
    let (input, expanded) = (builder.last, channels * expansion)
    var step = 0
    if expansion != 1 {
      builder.appendBlock("\(name).conv.0", channels, expanded, kernel: 1, activation: .relu6)
      step = 1
    }
    builder.appendBlock(
      "\(name).conv.\(step)", expanded, expanded, kernel: 3, stride: stride, groups: expanded,
      activation: .relu6)
    builder.append(
      "\(name).conv.\(step + 1)",
      .convolution(
        ConvolutionLayer(
          inputChannels: expanded, outputChannels: output, kernelSize: 1, hasBias: false)))
    builder.append("\(name).conv.\(step + 2)", .batchNorm(BatchNormLayer(channels: output)))
    builder.endBlock(name, adding: stride == 1 && channels == output ? input : nil)
    channels = output
  }

  private static func version3(
    _ name: String, _ blocks: [Block], _ hidden: Int
  ) -> NetworkFamily {
    NetworkFamily(name) { (specification) throws(NetworkError) in
      func norm(_ channels: Int) -> BatchNormLayer {
        BatchNormLayer(channels: channels, epsilon: 1e-3, momentum: 0.01)
      }
      var builder = ArchitectureBuilder()
      builder.appendBlock(
        "features.0", specification.channels, 16, kernel: 3, stride: 2, norm: norm,
        activation: .activation(.hardSwish))
      for (index, block) in blocks.enumerated() {
        let (input, kernel, expanded, output, squeezes, isSwish, stride) = block
        let (name, start) = ("features.\(index + 1)", builder.last)
        let activation: Layer = isSwish ? .activation(.hardSwish) : .relu
        var step = 0
        func next() -> String {
          defer { step += 1 }
          return "\(name).block.\(step)"
        }
        if expanded != input {
          builder.appendBlock(
            next(), input, expanded, kernel: 1, norm: norm, activation: activation)
        }
        builder.appendBlock(
          next(), expanded, expanded, kernel: kernel, stride: stride, groups: expanded,
          norm: norm, activation: activation)
        if squeezes {
          builder.appendSqueezeExcitation(
            next(), expanded, squeezed: multipleOfEight(Double(expanded / 4)), activation: .relu,
            gate: .hardSigmoid(slope: ActivationFunction.hardSlope))
        }
        builder.appendBlock(next(), expanded, output, kernel: 1, norm: norm)
        builder.endBlock(name, adding: stride == 1 && input == output ? start : nil)
      }
      let channels = blocks[blocks.count - 1].3
      builder.appendBlock(
        "features.\(blocks.count + 1)", channels, 6 * channels, kernel: 1, norm: norm,
        activation: .activation(.hardSwish))
      builder.alias("features")
      builder.append("avgpool", .globalAveragePool)
      builder.append("flatten", .flatten)
      builder.append("classifier.0", .dense(DenseLayer(inputs: 6 * channels, outputs: hidden)))
      builder.append("classifier.1", .activation(.hardSwish))
      builder.append("classifier.2", .dropout(rate: 0.2))
      builder.append(
        "classifier.3", .dense(DenseLayer(inputs: hidden, outputs: specification.classes)))
      return try builder.architecture(specification, .normal)
    }
  }
}
