import TensorGraph

/// DenseNet-121, 169 and 201 of `keras.applications`, with the names of their layers:
/// `zero_padding2d`, `conv1_conv`, `conv1_bn`, `conv1_relu`, `zero_padding2d_1`, `pool1`,
/// `conv2_block1_0_bn` … `conv5_block16_concat` (the end of the last dense block), `bn`, `relu`,
/// `avg_pool`, `predictions` (the softmax; the logits are `predictions.linear`).
enum KerasDenseNet {
  private static let growth = 32
  private static let bottleneck = 4

  static let families = [
    ("keras-densenet121", [6, 12, 24, 16]), ("keras-densenet169", [6, 12, 32, 32]),
    ("keras-densenet201", [6, 12, 48, 32]),
  ].map { name, blocks in
    NetworkFamily(name, pixels: .torch) { (specification) throws(NetworkError) in
      var builder = ArchitectureBuilder()
      builder.append("zero_padding2d", .zeroPadding(top: 3, left: 3, bottom: 3, right: 3))
      append("conv1_conv", specification.channels, 64, 7, stride: 2, to: &builder)
      appendActivation("conv1", 64, to: &builder)
      builder.append("zero_padding2d_1", .zeroPadding(top: 1, left: 1, bottom: 1, right: 1))
      builder.append("pool1", .maxPool(Window2D(3, stride: 2)))
      var channels = 64
      for (index, layers) in blocks.enumerated() {
        for layer in 1...layers {
          appendLayer("conv\(index + 2)_block\(layer)", &channels, to: &builder)
        }
        guard index < blocks.count - 1 else { break }
        let name = "pool\(index + 2)"
        appendActivation(name, channels, to: &builder)
        append("\(name)_conv", channels, channels / 2, 1, to: &builder)
        builder.append(
          "\(name)_pool", .averagePool(Window2D(2, stride: 2)))
        channels /= 2
      }
      builder.append("bn", KerasHead.batchNorm(channels))
      builder.append("relu", .relu)
      KerasHead.appendAverage(to: &builder)
      KerasHead.appendPredictions(channels, specification.classes, to: &builder)
      return try builder.architecture(specification, .uniform)
    }
  }

  private static func appendLayer(
    _ name: String, _ channels: inout Int, to builder: inout ArchitectureBuilder
  ) {
    let (input, width) = (builder.last, bottleneck * growth)
    appendActivation("\(name)_0", channels, to: &builder)
    append("\(name)_1_conv", channels, width, 1, to: &builder)
    appendActivation("\(name)_1", width, to: &builder)
    append("\(name)_2_conv", width, growth, 3, padding: 1, to: &builder)
    builder.append("\(name)_concat", .concatenate, [input, builder.last])
    channels += growth
  }

  /// `<name>_bn` and `<name>_relu`.
  private static func appendActivation(
    _ name: String, _ channels: Int, to builder: inout ArchitectureBuilder
  ) {
    builder.append("\(name)_bn", KerasHead.batchNorm(channels))
    builder.append("\(name)_relu", .relu)
  }

  private static func append(
    _ name: String, _ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1,
    padding: Int = 0, to builder: inout ArchitectureBuilder
  ) {
    builder.append(
      name,
      .convolution(
        ConvolutionLayer(
          inputChannels: inputs, outputChannels: outputs, kernelSize: kernel, stride: stride,
          padding: padding, hasBias: false)))
  }
}
