import TensorGraph

extension ArchitectureBuilder {
  /// torchvision's `Conv2dNormActivation`: a convolution without bias `name.0`, its batch norm `name.1`
  /// and perhaps an activation function `name.2`, with PyTorch's padding (kernel − 1) / 2.
  mutating func appendBlock(
    _ name: String, _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
    norm: (Int) -> BatchNormLayer = { BatchNormLayer(channels: $0) }, activation: Layer? = nil
  ) {
    append(
      "\(name).0",
      .convolution(
        ConvolutionLayer(
          inputChannels: inputs, outputChannels: outputs, kernelSize: kernel, stride: stride,
          padding: kernel / 2, groups: groups, hasBias: false)))
    append("\(name).1", .batchNorm(norm(outputs)))
    if let activation { append("\(name).2", activation) }
  }

  /// torchvision's `SqueezeExcitation`: the mean over all pixels, `name.fc1`, `name.activation`,
  /// `name.fc2`, `name.scale_activation`, and the product with what came in, `name`.
  mutating func appendSqueezeExcitation(
    _ name: String, _ channels: Int, squeezed: Int, activation: Layer, gate: ActivationFunction
  ) {
    let input = last
    func pointwise(_ inputs: Int, _ outputs: Int) -> Layer {
      .convolution(
        ConvolutionLayer(inputChannels: inputs, outputChannels: outputs, kernelSize: 1))
    }
    append("\(name).avgpool", .globalAveragePool)
    append("\(name).fc1", pointwise(channels, squeezed))
    append("\(name).activation", activation)
    append("\(name).fc2", pointwise(squeezed, channels))
    append("\(name).scale_activation", .activation(gate))
    append(name, .multiply, [input, last])
  }

  /// The sum with what a block began with, under the block's name; without one, its name for its end.
  mutating func endBlock(_ name: String, adding input: String?) {
    if let input { append(name, .add, [last, input]) } else { alias(name) }
  }
}

/// Channels as multiples of eight, at least nine tenths of what they would be.
/// torchvision/models/_utils.py, `_make_divisible`
func multipleOfEight(_ channels: Double) -> Int {
  let rounded = max(8, Int(channels + 4) / 8 * 8)
  return Double(rounded) < 0.9 * channels ? rounded + 8 : rounded
}
