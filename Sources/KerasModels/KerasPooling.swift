import Networks
import TensorGraph

/// Pooling layers, and the windows that they share with convolutions.
extension KerasReading {
  func pooling(
    _ layer: KerasModel.Layer, _ x: Shape
  ) throws(NetworkError) -> Layer {
    let size = try layer.config.pair("pool_size", default: (2, 2))
    guard x.rank == 3 else { throw layer.config.error("reads \(x), expected an image") }
    let window = try self.window(
      layer.config, x, size: size, strides: layer.config.pair("strides", default: size),
      dilation: (1, 1))
    // Keras takes the mean over the pixels that there are.
    return layer.className == "MaxPooling2D"
      ? .maxPool(window) : .averagePool(window, countsPadding: !window.isPadded)
  }

  /// TensorFlow's padding: `same` gives ⌈extent / stride⌉ rows, the odd row of padding at the end.
  func window(
    _ config: KerasObject, _ x: Shape, size: (Int, Int), strides: (Int, Int), dilation: (Int, Int)
  ) throws(NetworkError) -> Window2D {
    let padding = try config.text("padding", default: "valid").lowercased()
    guard ["valid", "same"].contains(padding) else {
      throw config.error("padding is \(padding.prefix(100)), expected valid or same")
    }
    let window = Window2D(
      height: size.0, width: size.1, strideY: strides.0, strideX: strides.1, dilationY: dilation.0,
      dilationX: dilation.1)
    return padding == "same" ? window.same(for: x) : window
  }

  mutating func appendGlobal(
    _ layer: KerasModel.Layer, _ inputs: [String], _ x: Shape
  ) throws(NetworkError) {
    let config = layer.config
    guard x.rank == 3 else { throw config.error("reads \(x), expected an image") }
    try appendGlobal(
      layer.name, isMean: layer.className == "GlobalAveragePooling2D",
      keepsAxes: config.truth("keepdims", default: false), inputs, x, config)
  }

  /// - Precondition: `x` is an image.
  private mutating func appendGlobal(
    _ name: String, isMean: Bool, keepsAxes: Bool, _ inputs: [String], _ x: Shape,
    _ config: KerasObject
  ) throws(NetworkError) {
    let whole = keepsAxes ? name : "\(name).\(isMean ? "mean" : "maximum")"
    try appendPooling(
      whole, isMean ? .globalAveragePool : .maxPool(Window2D(height: x[0], width: x[1])), inputs,
      config)
    if !keepsAxes { try node(name, .flatten(order: .channelsLast), [whole], config) }
  }

  /// The mean or maximum of an image over its positions, or over its channels.
  mutating func appendReduction(
    _ name: String, isMean: Bool, axes: [Int], keepsAxes: Bool, _ inputs: [String], _ x: Shape,
    _ config: KerasObject
  ) throws(NetworkError) {
    guard x.rank == 3, inputs.count == 1 else {
      throw config.error("reads \(x), expected an image")
    }
    switch Set(axes.map { $0 < 0 ? $0 + 4 : $0 }) {
    case [1, 2]:
      try appendGlobal(name, isMean: isMean, keepsAxes: keepsAxes, inputs, x, config)
    case [3] where keepsAxes:
      // The channels become rows, of which one is left, and come back.
      try node("\(name).rows", .permute([2, 0, 1]), inputs, config)
      var (left, source, part) = (x[2], "\(name).rows", 0)
      // A maximum over more than one node counts is one of maxima.
      while !isMean, left > Limits.maximumTaps {
        guard let most = (2...Limits.maximumTaps).last(where: { left % $0 == 0 }) else {
          throw config.error(
            "is over \(x[2]) channels, which do not divide into parts of at most "
              + "\(Limits.maximumTaps)")
        }
        part += 1
        try node(
          "\(name).part\(part)", .maxPool(Window2D(height: most, width: 1, strideY: most)),
          [source], config)
        (source, left) = ("\(name).part\(part)", left / most)
      }
      let window = Window2D(height: left, width: 1)
      try node("\(name).pool", isMean ? .averagePool(window) : .maxPool(window), [source], config)
      try node(name, .permute([1, 2, 0]), ["\(name).pool"], config)
    default:
      throw config.error(
        "is over the axes \(axes); supported are rows and columns, [1, 2], and the channels, -1, with "
          + "keepdims")
    }
  }

  /// A maximum over more pixels than one node counts is that of the rows' maxima.
  mutating func appendPooling(
    _ name: String, _ layer: Layer, _ inputs: [String], _ config: KerasObject
  ) throws(NetworkError) {
    guard case .maxPool(let window) = layer, window.height > 1, window.width > 1,
      window.height * window.width > Limits.maximumTaps
    else { return try node(name, layer, inputs, config) }
    let rows = Window2D(
      height: 1, width: window.width, strideX: window.strideX, left: window.left,
      right: window.right)
    let columns = Window2D(
      height: window.height, width: 1, strideY: window.strideY, top: window.top,
      bottom: window.bottom)
    try node("\(name).rows", .maxPool(rows), inputs, config)
    try node(name, .maxPool(columns), ["\(name).rows"], config)
  }
}
