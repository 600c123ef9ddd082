import TensorGraph

/// Bounds on what an architecture may ask for, so that a hostile or mistaken file gives an error
/// instead of an overflow. They lie far above any image classifier.
enum Limits {
  /// One extent: height, width, channels, kernel, stride, padding. VGG's flattened 25,088 fits.
  static let extent = 1 << 20
  /// Elements of one activation of one image, and of one parameter.
  static let elements = 1 << 31
  static let nodes = 100_000
  /// Rows or columns of an adaptive pool's result: the graph holds one slice for each.
  static let adaptiveExtent = 256

  static func check(
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
  static func check(_ shape: Shape, of owner: String) throws(NetworkError) {
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
  func checkNumbers() throws(NetworkError) {
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
    case .relu, .globalAveragePool, .flatten, .add, .concatenate, .softmax: break
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
