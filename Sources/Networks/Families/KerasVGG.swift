import TensorGraph

/// VGG-16 and 19 of `keras.applications`, with the names of their layers: `block1_conv1` (after its
/// ReLU; before it `block1_conv1.linear`) … `block5_pool`, `flatten` (height, width, channel order),
/// `fc1`, `fc2`, `predictions` (the softmax; the logits are `predictions.linear`).
enum KerasVGG {
  private static let hidden = 4096

  static let families = [("keras-vgg16", [2, 2, 3, 3, 3]), ("keras-vgg19", [2, 2, 4, 4, 4])].map {
    name, convolutions in
    NetworkFamily(name, pixels: .caffe) { (specification) throws(NetworkError) in
      var builder = ArchitectureBuilder()
      var channels = specification.channels
      for (block, (width, count)) in zip([64, 128, 256, 512, 512], convolutions).enumerated() {
        for number in 1...count {
          builder.append(
            "block\(block + 1)_conv\(number)",
            .convolution(
              ConvolutionLayer(
                inputChannels: channels, outputChannels: width, kernelSize: 3, padding: 1)),
            activation: .relu)
          channels = width
        }
        builder.append("block\(block + 1)_pool", .maxPool(Window2D(2, stride: 2)))
      }
      builder.append("flatten", .flatten(order: .channelsLast))
      // Five poolings halve each side, rounding down.
      let inputs = (specification.height >> 5) * (specification.width >> 5) * channels
      builder.append(
        "fc1", .dense(DenseLayer(inputs: inputs, outputs: hidden)), activation: .relu)
      builder.append(
        "fc2", .dense(DenseLayer(inputs: hidden, outputs: hidden)), activation: .relu)
      KerasHead.appendPredictions(hidden, specification.classes, to: &builder)
      return try builder.architecture(specification, .uniform)
    }
  }
}
