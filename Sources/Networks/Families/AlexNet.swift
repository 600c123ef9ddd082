import TensorGraph

/// AlexNet in one column (Krizhevsky 2014) and SqueezeNet (Iandola et al. 2016) with torchvision's names:
/// `features.0` …, `classifier.1`, `.4`, `.6`; fire modules `features.3.squeeze`, `.expand1x1`,
/// `.expand3x3`, SqueezeNet's last convolution `classifier.1`.
enum AlexNet {
  static let families = [
    NetworkFamily("alexnet") { (specification) throws(NetworkError) in try alexNet(specification) },
    squeezeNet(
      "squeezenet1-0", stem: (96, 7), fires: [(16, 64), (16, 64), (32, 128)],
      [(32, 128), (48, 192), (48, 192), (64, 256)], [(64, 256)]),
    squeezeNet(
      "squeezenet1-1", stem: (64, 3), fires: [(16, 64), (16, 64)], [(32, 128), (32, 128)],
      [(48, 192), (48, 192), (64, 256), (64, 256)]),
  ]

  private static func alexNet(
    _ specification: ArchitectureSpecification
  ) throws(NetworkError) -> Architecture {
    let (pooledSide, hidden) = (6, 4096)
    var builder = ArchitectureBuilder()
    var (channels, number) = (specification.channels, 0)
    func append(_ layer: Layer) {
      builder.append("features.\(number)", layer)
      number += 1
    }
    for (outputs, kernel, stride, padding, isPooled) in [
      (64, 11, 4, 2, true), (192, 5, 1, 2, true), (384, 3, 1, 1, false), (256, 3, 1, 1, false),
      (256, 3, 1, 1, true),
    ] {
      append(
        .convolution(
          ConvolutionLayer(
            inputChannels: channels, outputChannels: outputs, kernelSize: kernel, stride: stride,
            padding: padding)))
      append(.relu)
      if isPooled { append(.maxPool(Window2D(3, stride: 2))) }
      channels = outputs
    }
    builder.alias("features")
    builder.append("avgpool", .adaptiveAveragePool(height: pooledSide, width: pooledSide))
    builder.append("flatten", .flatten)
    builder.append("classifier.0", .dropout(rate: 0.5))
    builder.append(
      "classifier.1",
      .dense(DenseLayer(inputs: channels * pooledSide * pooledSide, outputs: hidden)))
    builder.append("classifier.2", .relu)
    builder.append("classifier.3", .dropout(rate: 0.5))
    builder.append("classifier.4", .dense(DenseLayer(inputs: hidden, outputs: hidden)))
    builder.append("classifier.5", .relu)
    builder.append(
      "classifier.6", .dense(DenseLayer(inputs: hidden, outputs: specification.classes)))
    return try builder.architecture(specification, .uniform)
  }

  /// - Parameter fires: squeezed channels, and those of each half of the result.
  private static func squeezeNet(
    _ name: String, stem: (channels: Int, kernel: Int), fires groups: [(Int, Int)]...
  ) -> NetworkFamily {
    NetworkFamily(name) { (specification) throws(NetworkError) in
      var builder = ArchitectureBuilder()
      builder.append(
        "features.0",
        .convolution(
          ConvolutionLayer(
            inputChannels: specification.channels, outputChannels: stem.channels,
            kernelSize: stem.kernel, stride: 2)))
      builder.append("features.1", .relu)
      var size = (
        (specification.height - stem.kernel) / 2 + 1, (specification.width - stem.kernel) / 2 + 1
      )
      var (channels, number) = (stem.channels, 2)
      for group in groups {
        builder.append("features.\(number)", .maxPool(try pool(&size, name)))
        number += 1
        for (squeezed, half) in group {
          fire("features.\(number)", &channels, squeezed, half, to: &builder)
          number += 1
        }
      }
      builder.alias("features")
      builder.append("classifier.0", .dropout(rate: 0.5))
      builder.append(
        "classifier.1",
        .convolution(
          ConvolutionLayer(
            inputChannels: channels, outputChannels: specification.classes, kernelSize: 1)))
      builder.append("classifier.2", .relu)
      builder.append("classifier.3", .globalAveragePool)
      builder.append("flatten", .flatten)
      return try builder.architecture(specification, .uniform)
    }
  }

  /// Windows of 3×3 by steps of two that may reach over the last row and column: `ceil_mode`.
  private static func pool(
    _ size: inout (Int, Int), _ name: String
  ) throws(NetworkError) -> Window2D {
    guard size.0 >= 3, size.1 >= 3 else {
      throw NetworkError("\(name): images are too small, expected at least 32×32 pixels")
    }
    func steps(_ extent: Int) -> Int { (extent - 3 + 1) / 2 + 1 }
    let (rows, columns) = (steps(size.0), steps(size.1))
    defer { size = (rows, columns) }
    return Window2D(
      height: 3, width: 3, strideY: 2, strideX: 2, bottom: 2 * (rows - 1) + 3 - size.0,
      right: 2 * (columns - 1) + 3 - size.1)
  }

  private static func fire(
    _ name: String, _ channels: inout Int, _ squeezed: Int, _ half: Int,
    to builder: inout ArchitectureBuilder
  ) {
    func convolution(_ inputs: Int, _ outputs: Int, _ kernel: Int) -> Layer {
      .convolution(
        ConvolutionLayer(
          inputChannels: inputs, outputChannels: outputs, kernelSize: kernel, padding: kernel / 2))
    }
    builder.append("\(name).squeeze", convolution(channels, squeezed, 1))
    builder.append("\(name).squeeze_activation", .relu)
    let input = builder.last
    builder.append("\(name).expand1x1", convolution(squeezed, half, 1))
    builder.append("\(name).expand1x1_activation", .relu)
    builder.append("\(name).expand3x3", convolution(squeezed, half, 3), [input])
    builder.append("\(name).expand3x3_activation", .relu)
    builder.append(name, .concatenate, ["\(name).expand1x1_activation", builder.last])
    channels = 2 * half
  }
}
