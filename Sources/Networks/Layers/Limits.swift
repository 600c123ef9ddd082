import TensorGraph

/// Bounds on what an architecture may ask for, so that a hostile or mistaken file gives an error
/// instead of an overflow. They lie far above any image classifier.
package enum Limits {
  /// One extent: height, width, channels, kernel, stride, padding. VGG's flattened 25,088 fits.
  package static let extent = 1 << 20
  /// Elements of one activation of one image, and of one parameter.
  package static let elements = 1 << 31
  package static let nodes = 100_000
  /// Rows or columns of an adaptive pool's result: the graph holds one slice for each.
  package static let adaptiveExtent = 256
  /// Pixels of which a maximum's index, a byte, tells the largest.
  package static let maximumTaps = 256

  package static func check(
    positive: [(String, Int)], nonNegative: [(String, Int)] = [], in owner: String
  ) throws(NetworkError) {
    for (name, value) in positive where !(1...extent).contains(value) {
      throw NetworkError("\(owner): \(name) is \(value), expected 1 to \(extent)")
    }
    for (name, value) in nonNegative where !(0...extent).contains(value) {
      throw NetworkError("\(owner): \(name) is \(value), expected 0 to \(extent)")
    }
  }

  /// Checks the extents and their product, without computing a product that overflows.
  package static func check(_ shape: Shape, of owner: String) throws(NetworkError) {
    var count = 1
    for dimension in shape.dimensions {
      guard dimension > 0 else { throw NetworkError("\(owner) has the empty shape \(shape)") }
      let (product, overflows) = count.multipliedReportingOverflow(by: dimension)
      guard !overflows, product <= elements else {
        throw NetworkError("\(owner) has shape \(shape), over \(elements) elements")
      }
      count = product
    }
  }
}

extension Layer {
  /// Checks the layer's own numbers; how they fit an input is the matter of `outputShape`.
  package func checkNumbers() throws(NetworkError) {
    switch self {
    case .convolution(let layer):
      try Limits.check(
        positive: [
          ("inputChannels", layer.inputChannels), ("outputChannels", layer.outputChannels),
          ("groups", layer.groups),
        ], in: "convolution")
      guard layer.inputChannels % layer.groups == 0, layer.outputChannels % layer.groups == 0 else {
        throw NetworkError(
          "convolution: \(layer.groups) groups do not divide \(layer.inputChannels) input and "
            + "\(layer.outputChannels) output channels")
      }
      try checkNumbers(of: layer.window)
      try Limits.check(layer.weightShape, of: "convolution: the filter")
    case .batchNorm(let layer):
      try Limits.check(positive: [("channels", layer.channels)], in: "batch norm")
      guard layer.epsilon.isFinite, layer.epsilon > 0 else {
        throw NetworkError("batch norm: epsilon is \(layer.epsilon), expected a positive number")
      }
      guard (0...1).contains(layer.momentum) else {
        throw NetworkError("batch norm: momentum is \(layer.momentum), expected 0 to 1")
      }
    case .dense(let layer):
      try Limits.check(
        positive: [("outputs", layer.outputs)], in: "dense")
      guard (1...Limits.elements).contains(layer.inputs) else {
        throw NetworkError("dense: inputs is \(layer.inputs), expected 1 to \(Limits.elements)")
      }
      try Limits.check([layer.outputs, layer.inputs], of: "dense: the weight")
    case .maxPool(let window), .averagePool(let window, _): try checkNumbers(of: window)
    case .adaptiveAveragePool(let height, let width):
      guard (1...Limits.adaptiveExtent).contains(height),
        (1...Limits.adaptiveExtent).contains(width)
      else {
        throw NetworkError(
          "adaptive average pool: result \(height)×\(width), expected 1 to \(Limits.adaptiveExtent)"
        )
      }
    case .subsampleAndPadChannels(let stride, let before, let after):
      try Limits.check(
        positive: [("stride", stride)], nonNegative: [("before", before), ("after", after)],
        in: "subsample and pad channels")
    case .zeroPadding(let top, let left, let bottom, let right):
      try Limits.check(
        positive: [],
        nonNegative: [("top", top), ("left", left), ("bottom", bottom), ("right", right)],
        in: "zero padding")
    case .dropout(let rate):
      guard (0..<1).contains(rate) else {
        throw NetworkError("dropout: rate is \(rate), expected at least 0 and below 1")
      }
    case .relu, .globalAveragePool, .flatten, .add, .concatenate, .softmax, .multiply, .subtract,
      .divide, .average, .maximum, .reverseChannels:
      break
    default: try checkFurtherNumbers()
    }
  }

  private func checkFurtherNumbers() throws(NetworkError) {
    func check(extents: [Int], _ owner: String) throws(NetworkError) {
      guard (1...3).contains(extents.count) else {
        throw NetworkError("\(owner): \(extents.count) extents, expected 1 to 3")
      }
      for extent in extents where !(1...Limits.elements).contains(extent) {
        throw NetworkError("\(owner): an extent is \(extent), expected 1 to \(Limits.elements)")
      }
      try Limits.check(Shape(extents), of: owner)
    }
    switch self {
    case .activation(let function): try function.checkNumbers()
    case .prelu(let layer): try check(extents: layer.slopes, "prelu: the slopes")
    case .layerNorm(let layer):
      try check(extents: layer.extents, "layer norm")
      guard layer.epsilon.isFinite, layer.epsilon > 0 else {
        throw NetworkError("layer norm: epsilon is \(layer.epsilon), expected a positive number")
      }
    case .layerScale(let channels), .normalization(let channels):
      try Limits.check(positive: [("channels", channels)], in: kind.rawValue)
    case .reshape(let extents): try check(extents: extents, "reshape: the result")
    case .permute(let order):
      guard (1...3).contains(order.count), order.sorted() == Array(0..<order.count) else {
        throw NetworkError("permute: \(order.prefix(8)) is no order of up to three axes")
      }
    case .resize(let layer):
      try Limits.check(positive: [("height", layer.height), ("width", layer.width)], in: "resize")
    case .crop(let top, let left, let bottom, let right):
      try Limits.check(
        positive: [],
        nonNegative: [("top", top), ("left", left), ("bottom", bottom), ("right", right)],
        in: "crop")
    case .rescale(let layer):
      guard !layer.scale.isEmpty, !layer.offset.isEmpty,
        (layer.scale + layer.offset).allSatisfy({ $0.isFinite && Float($0).isFinite })
      else { throw NetworkError("rescale: scale and offset are not finite numbers") }
    case .spatialDropout(let rate):
      guard (0..<1).contains(rate) else {
        throw NetworkError("spatial dropout: rate is \(rate), expected at least 0 and below 1")
      }
    default: break
    }
  }

  /// `Window2D` guarantees the signs; this adds the upper bounds.
  private func checkNumbers(of window: Window2D) throws(NetworkError) {
    try Limits.check(
      positive: [
        ("height", window.height), ("width", window.width), ("strideY", window.strideY),
        ("strideX", window.strideX), ("dilationY", window.dilationY),
        ("dilationX", window.dilationX),
      ],
      nonNegative: [
        ("top", window.top), ("left", window.left), ("bottom", window.bottom),
        ("right", window.right),
      ], in: "window")
  }
}
