import Networks
import TensorGraph

/// Layers beside convolutions, dense layers, batch norms and pooling.
extension KerasReading {
  /// - Parameter channels: Keras's number of the axis of the channels, the batch counted.
  mutating func appendFurther(
    _ layer: KerasModel.Layer, _ inputs: [String], _ x: Shape, channels: Int
  ) throws(NetworkError) {
    let (name, config) = (layer.name, layer.config)
    if Self.idle.contains(layer.className) { return stand(name, for: inputs[0]) }
    switch layer.className {
    case "ReLU", "LeakyReLU", "ELU":
      try node(name, KerasActivation.layer(layer.className, config)!, inputs, config)
    case "PReLU": try node(name, prelu(config, x), inputs, config)
    case "Average": try merge(name, .average, inputs, config)
    case "Maximum": try merge(name, .maximum, inputs, config)
    case "Minimum":
      // −max(−a, −b)
      let negative = Layer.rescale(RescalingLayer(scale: [-1], offset: [0]))
      var sources: [String] = []
      for (position, input) in inputs.enumerated() {
        sources.append("\(name).negative\(position + 1)")
        try node(sources[position], negative, [input], config)
      }
      try merge("\(name).maximum", .maximum, sources, config)
      try node(name, negative, ["\(name).maximum"], config)
    case "SeparableConv2D": try appendSeparable(layer, inputs, x)
    case "LayerNormalization":
      try node(name, layerNorm(config, x, channels: channels), inputs, config)
    case "LayerScale": try node(name, .layerScale(channels: x[-1]), inputs, config)
    case "Reshape":
      let layer = try reshape(config, x)
      if case .reshape(let extents) = layer, Shape(extents) == x {
        return stand(name, for: inputs[0])
      }
      try node(name, layer, inputs, config)
    case "UpSampling2D":
      let factor = try config.pair("size", default: (2, 2))
      guard x.rank == 3 else { throw config.error("reads \(x), expected an image") }
      try Limits.check(
        positive: [("height", x[0]), ("width", x[1])], in: config.owner)
      try appendResize(
        name, (x[0] * factor.0, x[1] * factor.1), default: "nearest", inputs, x, config)
    case "Resizing":
      for key in ["crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"]
      where try config.truth(key, default: false) {
        throw config.error("\(key) is not supported")
      }
      try appendResize(
        name, (config.count("height"), config.count("width")), default: "bilinear", inputs, x,
        config)
    case "Cropping2D":
      let sides = try sides(config, "cropping")
      try node(
        name,
        .crop(top: sides[0][0], left: sides[1][0], bottom: sides[0][1], right: sides[1][1]), inputs,
        config)
    case "CenterCrop": try appendCenterCrop(name, inputs, x, config)
    case "Rescaling":
      func numbers(_ key: String, _ standard: Double) throws(NetworkError) -> [Double] {
        guard let value = config.value(key) else { return [standard] }
        guard let numbers = KerasModel.numbers(value) else {
          throw config.error("\(key) is neither a number nor one for each channel")
        }
        return numbers
      }
      let rescaling = try RescalingLayer(scale: numbers("scale", 1), offset: numbers("offset", 0))
      try node(name, .rescale(rescaling), inputs, config)
    case "Normalization":
      try node(name, normalization(config, x, channels: channels), inputs, config)
    case "SpatialDropout2D":
      try node(name, .spatialDropout(rate: config.number("rate", default: 0.5)), inputs, config)
    case let other:
      preconditionFailure("\(other) is a class that the model was not refused for")
    }
  }

  /// An operation of several results; one of 1×1 among larger images stands at each of their positions.
  mutating func merge(
    _ name: String, _ layer: Layer, _ inputs: [String], _ config: KerasObject
  ) throws(NetworkError) {
    let given = inputs.map { shapes[$0] ?? [] }
    guard layer != .multiply, layer != .divide,
      let large = given.first(where: { $0.rank == 3 && $0[0] * $0[1] > 1 })
    else { return try node(name, layer, inputs, config) }
    var sources = inputs
    for (position, shape) in given.enumerated() where shape == [1, 1, large[2]] {
      sources[position] = "\(name).spread\(position + 1)"
      let spread = ResizingLayer(height: large[0], width: large[1], interpolation: .nearest)
      try node(sources[position], .resize(spread), [inputs[position]], config)
    }
    try node(name, layer, sources, config)
  }

  /// Slopes for all axes but the shared ones.
  private func prelu(_ config: KerasObject, _ x: Shape) throws(NetworkError) -> Layer {
    var slopes = x.dimensions
    if let value = config.value("shared_axes") {
      guard let axes = value as? [Int] ?? (value as? Int).map({ [$0] }),
        axes.allSatisfy({ (1...x.rank).contains($0) })
      else { throw config.error("shared_axes are no axes of \(x)") }
      for axis in axes { slopes[axis - 1] = 1 }
    }
    return .prelu(PReLULayer(slopes: slopes))
  }

  /// A depthwise convolution, `name.depthwise`, and a pointwise one, `name`.
  private mutating func appendSeparable(
    _ layer: KerasModel.Layer, _ inputs: [String], _ x: Shape
  ) throws(NetworkError) {
    let (name, config) = (layer.name, layer.config)
    let depthwise = try convolution(layer, x)
    guard case .convolution(let first) = depthwise else { preconditionFailure("a convolution") }
    try node("\(name).depthwise", depthwise, inputs, config, parameters: "\(path).depthwise")
    let pointwise = ConvolutionLayer(
      inputChannels: first.outputChannels, outputChannels: try config.count("filters"),
      kernelSize: 1, hasBias: try config.truth("use_bias", default: true))
    try node(
      name, .convolution(pointwise), ["\(name).depthwise"], config,
      parameters: "\(path).pointwise",
      activation: KerasActivation(config, "activation", isKeras3: isKeras3))
  }

  private func layerNorm(
    _ config: KerasObject, _ x: Shape, channels: Int
  ) throws(NetworkError) -> Layer {
    guard try !config.truth("rms_scaling", default: false) else {
      throw config.error("rms_scaling is not supported")
    }
    let value = config.value("axis")
    // The channels' axis is the last one here.
    let axes = (value as? [Int] ?? [(value as? Int) ?? -1]).map {
      $0 < 0 ? $0 + x.rank + 1 : channels < x.rank && $0 == channels ? x.rank : $0
    }
    // Counted with the batch, the last ones.
    guard !axes.isEmpty, axes.count <= x.rank,
      axes.sorted() == Array((1...x.rank).suffix(axes.count))
    else { throw config.error("axis is not the last or the last ones of \(x)") }
    return .layerNorm(
      LayerNormLayer(
        extents: Array(x.dimensions.suffix(axes.count)),
        epsilon: try config.number("epsilon", default: 1e-3),
        hasGamma: try config.truth("scale", default: true),
        hasBeta: try config.truth("center", default: true)))
  }

  private func reshape(_ config: KerasObject, _ x: Shape) throws(NetworkError) -> Layer {
    guard var extents = config.value("target_shape") as? [Int], (1...3).contains(extents.count),
      extents.count(where: { $0 == -1 }) <= 1,
      extents.allSatisfy({ $0 == -1 || (1...Limits.elements).contains($0) })
    else { throw config.error("target_shape is not one to three extents") }
    if let open = extents.firstIndex(of: -1) {
      var known = 1
      for extent in extents where extent != -1 {
        let (product, overflows) = known.multipliedReportingOverflow(by: extent)
        guard !overflows else { throw config.error("target_shape is too large") }
        known = product
      }
      guard x.count % known == 0 else {
        throw config.error(
          "target_shape \(extents) does not divide the \(x.count) elements of \(x)")
      }
      extents[open] = x.count / known
    }
    return .reshape(extents)
  }

  private mutating func appendResize(
    _ name: String, _ size: (Int, Int), default standard: String, _ inputs: [String], _ x: Shape,
    _ config: KerasObject
  ) throws(NetworkError) {
    let text = try config.text("interpolation", default: standard)
    guard let interpolation = ResizingLayer.Interpolation(rawValue: text) else {
      throw config.error(
        "interpolation is \(text.prefix(100)), supported are "
          + ResizingLayer.Interpolation.allCases.map(\.rawValue).joined(separator: ", "))
    }
    try node(
      name,
      .resize(ResizingLayer(height: size.0, width: size.1, interpolation: interpolation)), inputs,
      config)
  }

  private mutating func appendCenterCrop(
    _ name: String, _ inputs: [String], _ x: Shape, _ config: KerasObject
  ) throws(NetworkError) {
    let (height, width) = (try config.count("height"), try config.count("width"))
    guard x.rank == 3, x[0] >= height, x[1] >= width else {
      throw config.error("cuts \(height)×\(width) out of \(x), which is smaller")
    }
    let (top, left) = ((x[0] - height) / 2, (x[1] - width) / 2)
    try node(
      name,
      .crop(top: top, left: left, bottom: x[0] - height - top, right: x[1] - width - left), inputs,
      config)
  }

  /// Constants from the configuration, or statistics from the file.
  private func normalization(
    _ config: KerasObject, _ x: Shape, channels: Int
  ) throws(NetworkError) -> Layer {
    let value = config.value("axis")
    let axes = value as? [Int] ?? (value as? Int).map { [$0] } ?? []
    let isInverse = try config.truth("invert", default: false)
    if let mean = config.value("mean"), let variance = config.value("variance") {
      guard let mean = KerasModel.numbers(mean), let variance = KerasModel.numbers(variance) else {
        throw config.error("mean and variance are not numbers, one or one for each channel")
      }
      if let negative = variance.first(where: { !($0 >= 0) }) {
        throw config.error("variance is \(negative), expected 0 or more")
      }
      let isOfChannels = axes.allSatisfy {
        $0 == channels || $0 == -1 && channels == x.rank
      }
      guard isOfChannels || mean.count == 1 && variance.count == 1 else {
        throw config.error("axis is not that of the channels, \(channels)")
      }
      let deviations = variance.map {
        max($0.squareRoot(), Layer.normalizationEpsilon.squareRoot())
      }
      let count = max(mean.count, deviations.count)
      let pairs = (0..<count).map { index in
        (
          mean[mean.count == 1 ? 0 : min(index, mean.count - 1)],
          deviations[deviations.count == 1 ? 0 : min(index, deviations.count - 1)]
        )
      }
      guard [1, count].contains(mean.count), [1, count].contains(deviations.count) else {
        throw config.error("mean and variance have \(mean.count) and \(deviations.count) numbers")
      }
      return .rescale(
        isInverse
          ? RescalingLayer(scale: pairs.map(\.1), offset: pairs.map(\.0))
          : RescalingLayer(scale: pairs.map { 1 / $0.1 }, offset: pairs.map { -$0.0 / $0.1 }))
    }
    guard axes == [channels] || axes == [-1] && channels == x.rank else {
      throw config.error("axis is not that of the channels, \(channels), alone")
    }
    guard !isInverse else { throw config.error("invert is not supported") }
    return .normalization(channels: x[-1])
  }

  /// [[top, bottom], [left, right]], [rows, columns] or one number.
  func zeroPadding(_ config: KerasObject) throws(NetworkError) -> Layer {
    let sides = try sides(config, "padding")
    return .zeroPadding(
      top: sides[0][0], left: sides[1][0], bottom: sides[0][1], right: sides[1][1])
  }

  func sides(_ config: KerasObject, _ key: String) throws(NetworkError) -> [[Int]] {
    let value = config.value(key)
    let sides: [[Int]]
    if let all = value as? Int {
      sides = [[all, all], [all, all]]
    } else if let pair = value as? [Int], pair.count == 2 {
      sides = pair.map { [$0, $0] }
    } else if let pairs = value as? [[Int]], pairs.count == 2, pairs.allSatisfy({ $0.count == 2 }) {
      sides = pairs
    } else {
      throw config.error("\(key) is not [[top, bottom], [left, right]]")
    }
    return sides
  }
}
