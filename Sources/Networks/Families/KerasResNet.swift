import TensorGraph

/// ResNet-50, 101 and 152 of `keras.applications` (version 1), with the names of their layers:
/// `conv1_pad`, `conv1_conv`, `conv1_bn`, `conv1_relu`, `pool1_pad`, `pool1_pool`,
/// `conv2_block1_1_conv` … `conv5_block3_out`, `avg_pool`, `predictions` (the softmax; the logits
/// are `predictions.linear`).
///
/// They differ from torchvision's: a bottleneck's stride is in its first 1×1 convolution,
/// convolutions have biases, padding is a layer of its own, and batch norms have another ε.
enum KerasResNet {
  private static let expansion = 4  // He et al. 2016, bottleneck

  static let families = [
    ("keras-resnet50", [3, 4, 6, 3]), ("keras-resnet101", [3, 4, 23, 3]),
    ("keras-resnet152", [3, 8, 36, 3]),
  ].map { name, depths in
    NetworkFamily(name, pixels: .caffe) { (specification) throws(NetworkError) in
      var builder = ArchitectureBuilder()
      builder.append("conv1_pad", .zeroPadding(top: 3, left: 3, bottom: 3, right: 3))
      append("conv1", specification.channels, 64, 7, stride: 2, to: &builder)
      builder.append("conv1_relu", .relu)
      builder.append("pool1_pad", .zeroPadding(top: 1, left: 1, bottom: 1, right: 1))
      builder.append("pool1_pool", .maxPool(Window2D(3, stride: 2)))
      var channels = 64
      for (stage, (width, depth)) in zip([64, 128, 256, 512], depths).enumerated() {
        for block in 1...depth {
          appendBlock(
            "conv\(stage + 2)_block\(block)", width, stage > 0 && block == 1 ? 2 : 1,
            shortcut: block == 1, &channels, to: &builder)
        }
      }
      KerasHead.appendAverage(to: &builder)
      KerasHead.appendPredictions(channels, specification.classes, to: &builder)
      return try builder.architecture(specification, .uniform)
    }
  }

  private static func appendBlock(
    _ name: String, _ width: Int, _ stride: Int, shortcut hasConvolution: Bool,
    _ channels: inout Int, to builder: inout ArchitectureBuilder
  ) {
    let input = builder.last
    let output = width * expansion
    append("\(name)_1", channels, width, 1, stride: stride, to: &builder)
    builder.append("\(name)_1_relu", .relu)
    append("\(name)_2", width, width, 3, padding: 1, to: &builder)
    builder.append("\(name)_2_relu", .relu)
    let branch = builder.last
    var shortcut = input
    // In Keras's order, which is by the distance from the output: its files depend on it.
    if hasConvolution {
      shortcut = "\(name)_0_bn"
      builder.append("\(name)_0_conv", convolution(channels, output, 1, stride: stride), [input])
      builder.append("\(name)_3_conv", convolution(width, output, 1), [branch])
      builder.append(shortcut, KerasHead.batchNorm(output), ["\(name)_0_conv"])
      builder.append("\(name)_3_bn", KerasHead.batchNorm(output), ["\(name)_3_conv"])
    } else {
      append("\(name)_3", width, output, 1, to: &builder)
    }
    builder.append("\(name)_add", .add, [shortcut, builder.last])
    builder.append("\(name)_out", .relu)
    channels = output
  }

  /// `<name>_conv` and `<name>_bn`.
  private static func append(
    _ name: String, _ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1,
    padding: Int = 0, to builder: inout ArchitectureBuilder
  ) {
    builder.append(
      "\(name)_conv", convolution(inputs, outputs, kernel, stride: stride, padding: padding))
    builder.append("\(name)_bn", KerasHead.batchNorm(outputs))
  }

  private static func convolution(
    _ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1, padding: Int = 0
  ) -> Layer {
    .convolution(
      ConvolutionLayer(
        inputChannels: inputs, outputChannels: outputs, kernelSize: kernel, stride: stride,
        padding: padding))
  }
}
