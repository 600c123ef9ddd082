import TensorGraph

/// `{"kind": "convolution", "inputChannels": 3, …}`. Decoding checks every number against
/// `Limits` before anything is built of it, so no file can violate a precondition.
extension Layer: Codable {
  public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
    case convolution, batchNorm, relu, maxPool, averagePool, adaptiveAveragePool, globalAveragePool
    case dense, flatten, add, concatenate, subsampleAndPadChannels, zeroPadding, dropout, softmax
    case activation, prelu, layerNorm, layerScale, multiply, subtract, divide, average, maximum
    case reshape, permute, reverseChannels, resize, crop, rescale, normalization, spatialDropout
  }

  private enum Key: String, CodingKey {
    case kind, inputChannels, outputChannels, window, groups, bias
    case channels, epsilon, momentum, countsPadding, height, width, inputs, outputs
    case stride, before, after, top, left, bottom, right, rate, gamma, beta, order
    case function, slope, maximum, alpha, slopes, extents, axes, interpolation, scale, offset
  }

  /// Which case this is: the name in files and recipes.
  public var kind: Kind {
    switch self {
    case .convolution: .convolution
    case .batchNorm: .batchNorm
    case .relu: .relu
    case .maxPool: .maxPool
    case .averagePool: .averagePool
    case .adaptiveAveragePool: .adaptiveAveragePool
    case .globalAveragePool: .globalAveragePool
    case .dense: .dense
    case .flatten: .flatten
    case .add: .add
    case .concatenate: .concatenate
    case .subsampleAndPadChannels: .subsampleAndPadChannels
    case .zeroPadding: .zeroPadding
    case .dropout: .dropout
    case .softmax: .softmax
    case .activation: .activation
    case .prelu: .prelu
    case .layerNorm: .layerNorm
    case .layerScale: .layerScale
    case .multiply: .multiply
    case .subtract: .subtract
    case .divide: .divide
    case .average: .average
    case .maximum: .maximum
    case .reshape: .reshape
    case .permute: .permute
    case .reverseChannels: .reverseChannels
    case .resize: .resize
    case .crop: .crop
    case .rescale: .rescale
    case .normalization: .normalization
    case .spatialDropout: .spatialDropout
    }
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let name = try values.decode(String.self, forKey: .kind)
    guard let kind = Kind(rawValue: name) else {
      throw NetworkError(
        "unknown layer kind \"\(name)\": "
          + NameSuggestions.sentence(for: name, among: Kind.allCases.map(\.rawValue)))
    }
    func integer(_ key: Key) throws -> Int { try values.decode(Int.self, forKey: key) }
    func number(_ key: Key) throws -> Double { try values.decode(Double.self, forKey: key) }
    func window() throws -> Window2D {
      try values.decode(WindowRecord.self, forKey: .window).window()
    }
    switch kind {
    case .convolution:
      self = .convolution(
        ConvolutionLayer(
          inputChannels: try integer(.inputChannels), outputChannels: try integer(.outputChannels),
          window: try window(), groups: try values.decodeIfPresent(Int.self, forKey: .groups) ?? 1,
          hasBias: try values.decode(Bool.self, forKey: .bias)))
    case .batchNorm:
      self = .batchNorm(
        BatchNormLayer(
          channels: try integer(.channels), epsilon: try number(.epsilon),
          momentum: try number(.momentum),
          hasGamma: try values.decodeIfPresent(Bool.self, forKey: .gamma) ?? true,
          hasBeta: try values.decodeIfPresent(Bool.self, forKey: .beta) ?? true))
    case .relu: self = .relu
    case .maxPool: self = .maxPool(try window())
    case .averagePool:
      self = .averagePool(
        try window(), countsPadding: try values.decode(Bool.self, forKey: .countsPadding))
    case .adaptiveAveragePool:
      self = .adaptiveAveragePool(height: try integer(.height), width: try integer(.width))
    case .globalAveragePool: self = .globalAveragePool
    case .dense:
      self = .dense(
        DenseLayer(
          inputs: try integer(.inputs), outputs: try integer(.outputs),
          hasBias: try values.decode(Bool.self, forKey: .bias)))
    case .flatten:
      self = .flatten(
        order: try values.decodeIfPresent(FlattenOrder.self, forKey: .order) ?? .channelsFirst)
    case .add: self = .add
    case .concatenate: self = .concatenate
    case .subsampleAndPadChannels:
      self = .subsampleAndPadChannels(
        stride: try integer(.stride), before: try integer(.before), after: try integer(.after))
    case .zeroPadding:
      self = .zeroPadding(
        top: try integer(.top), left: try integer(.left), bottom: try integer(.bottom),
        right: try integer(.right))
    case .dropout: self = .dropout(rate: try number(.rate))
    case .softmax: self = .softmax
    case .activation:
      self = .activation(try Self.function(values))
    case .prelu:
      self = .prelu(PReLULayer(slopes: try values.decode([Int].self, forKey: .slopes)))
    case .layerNorm:
      self = .layerNorm(
        LayerNormLayer(
          extents: try values.decode([Int].self, forKey: .extents), epsilon: try number(.epsilon),
          hasGamma: try values.decodeIfPresent(Bool.self, forKey: .gamma) ?? true,
          hasBeta: try values.decodeIfPresent(Bool.self, forKey: .beta) ?? true))
    case .layerScale: self = .layerScale(channels: try integer(.channels))
    case .multiply: self = .multiply
    case .subtract: self = .subtract
    case .divide: self = .divide
    case .average: self = .average
    case .maximum: self = .maximum
    case .reshape: self = .reshape(try values.decode([Int].self, forKey: .extents))
    case .permute: self = .permute(try values.decode([Int].self, forKey: .axes))
    case .reverseChannels: self = .reverseChannels
    case .resize:
      self = .resize(
        ResizingLayer(
          height: try integer(.height), width: try integer(.width),
          interpolation: try values.decode(
            ResizingLayer.Interpolation.self, forKey: .interpolation)))
    case .crop:
      self = .crop(
        top: try integer(.top), left: try integer(.left), bottom: try integer(.bottom),
        right: try integer(.right))
    case .rescale:
      self = .rescale(
        RescalingLayer(
          scale: try values.decode([Double].self, forKey: .scale),
          offset: try values.decode([Double].self, forKey: .offset)))
    case .normalization: self = .normalization(channels: try integer(.channels))
    case .spatialDropout: self = .spatialDropout(rate: try number(.rate))
    }
    try checkNumbers()
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(kind.rawValue, forKey: .kind)
    switch self {
    case .convolution(let layer):
      try values.encode(layer.inputChannels, forKey: .inputChannels)
      try values.encode(layer.outputChannels, forKey: .outputChannels)
      try values.encode(WindowRecord(layer.window), forKey: .window)
      try values.encode(layer.groups, forKey: .groups)
      try values.encode(layer.hasBias, forKey: .bias)
    case .batchNorm(let layer):
      try values.encode(layer.channels, forKey: .channels)
      try values.encode(layer.epsilon, forKey: .epsilon)
      try values.encode(layer.momentum, forKey: .momentum)
      // What has always been so is omitted, and means the same to older versions.
      if !layer.hasGamma { try values.encode(false, forKey: .gamma) }
      if !layer.hasBeta { try values.encode(false, forKey: .beta) }
    case .maxPool(let window): try values.encode(WindowRecord(window), forKey: .window)
    case .averagePool(let window, let countsPadding):
      try values.encode(WindowRecord(window), forKey: .window)
      try values.encode(countsPadding, forKey: .countsPadding)
    case .adaptiveAveragePool(let height, let width):
      try values.encode(height, forKey: .height)
      try values.encode(width, forKey: .width)
    case .dense(let layer):
      try values.encode(layer.inputs, forKey: .inputs)
      try values.encode(layer.outputs, forKey: .outputs)
      try values.encode(layer.hasBias, forKey: .bias)
    case .subsampleAndPadChannels(let stride, let before, let after):
      try values.encode(stride, forKey: .stride)
      try values.encode(before, forKey: .before)
      try values.encode(after, forKey: .after)
    case .zeroPadding(let top, let left, let bottom, let right):
      try values.encode(top, forKey: .top)
      try values.encode(left, forKey: .left)
      try values.encode(bottom, forKey: .bottom)
      try values.encode(right, forKey: .right)
    case .dropout(let rate): try values.encode(rate, forKey: .rate)
    case .flatten(let order):
      if order != .channelsFirst { try values.encode(order, forKey: .order) }
    case .activation(let function): try Self.encode(function, &values)
    case .prelu(let layer): try values.encode(layer.slopes, forKey: .slopes)
    case .layerNorm(let layer):
      try values.encode(layer.extents, forKey: .extents)
      try values.encode(layer.epsilon, forKey: .epsilon)
      if !layer.hasGamma { try values.encode(false, forKey: .gamma) }
      if !layer.hasBeta { try values.encode(false, forKey: .beta) }
    case .layerScale(let channels), .normalization(let channels):
      try values.encode(channels, forKey: .channels)
    case .reshape(let extents): try values.encode(extents, forKey: .extents)
    case .permute(let order): try values.encode(order, forKey: .axes)
    case .resize(let layer):
      try values.encode(layer.height, forKey: .height)
      try values.encode(layer.width, forKey: .width)
      try values.encode(layer.interpolation, forKey: .interpolation)
    case .crop(let top, let left, let bottom, let right):
      try values.encode(top, forKey: .top)
      try values.encode(left, forKey: .left)
      try values.encode(bottom, forKey: .bottom)
      try values.encode(right, forKey: .right)
    case .rescale(let layer):
      try values.encode(layer.scale, forKey: .scale)
      try values.encode(layer.offset, forKey: .offset)
    case .spatialDropout(let rate): try values.encode(rate, forKey: .rate)
    case .relu, .globalAveragePool, .add, .concatenate, .softmax, .multiply, .subtract, .divide,
      .average, .maximum, .reverseChannels:
      break
    }
  }

  // MARK: Activation functions

  private static func function(
    _ values: KeyedDecodingContainer<Key>
  ) throws -> ActivationFunction {
    let text = try values.decode(String.self, forKey: .function)
    guard let name = ActivationFunction.Name(rawValue: text) else {
      throw NetworkError(
        "unknown activation function \"\(text)\": "
          + NameSuggestions.sentence(
            for: text, among: ActivationFunction.Name.allCases.map(\.rawValue)))
    }
    switch name {
    case .rectifier:
      return .rectifier(
        slope: try values.decodeIfPresent(Double.self, forKey: .slope) ?? 0,
        maximum: try values.decodeIfPresent(Double.self, forKey: .maximum))
    case .elu: return .elu(alpha: try values.decodeIfPresent(Double.self, forKey: .alpha) ?? 1)
    case .selu: return .selu
    case .silu: return .silu
    case .gelu: return .gelu
    case .geluTanh: return .geluTanh
    case .hardSigmoid:
      return .hardSigmoid(
        slope: try values.decodeIfPresent(Double.self, forKey: .slope)
          ?? ActivationFunction.hardSlope)
    case .hardSwish: return .hardSwish
    case .sigmoid: return .sigmoid
    case .tanh: return .tanh
    case .softplus: return .softplus
    case .softsign: return .softsign
    case .exponential: return .exponential
    case .mish: return .mish
    }
  }

  private static func encode(
    _ function: ActivationFunction, _ values: inout KeyedEncodingContainer<Key>
  ) throws {
    try values.encode(function.name.rawValue, forKey: .function)
    switch function {
    case .rectifier(let slope, let maximum):
      try values.encode(slope, forKey: .slope)
      try values.encodeIfPresent(maximum, forKey: .maximum)
    case .elu(let alpha): try values.encode(alpha, forKey: .alpha)
    case .hardSigmoid(let slope): try values.encode(slope, forKey: .slope)
    default: break
    }
  }
}

/// A `Window2D` in a file; what is omitted is 1 (strides, dilations) or 0 (padding).
private struct WindowRecord: Codable {
  var height: Int
  var width: Int
  var strideY: Int?
  var strideX: Int?
  var dilationY: Int?
  var dilationX: Int?
  var top: Int?
  var left: Int?
  var bottom: Int?
  var right: Int?

  init(_ window: Window2D) {
    (height, width) = (window.height, window.width)
    (strideY, strideX) = (window.strideY, window.strideX)
    (dilationY, dilationX) = (window.dilationY, window.dilationX)
    (top, left, bottom, right) = (window.top, window.left, window.bottom, window.right)
  }

  func window() throws -> Window2D {
    try Limits.check(
      positive: [
        ("height", height), ("width", width), ("strideY", strideY ?? 1), ("strideX", strideX ?? 1),
        ("dilationY", dilationY ?? 1), ("dilationX", dilationX ?? 1),
      ],
      nonNegative: [
        ("top", top ?? 0), ("left", left ?? 0), ("bottom", bottom ?? 0), ("right", right ?? 0),
      ], in: "window")
    return Window2D(
      height: height, width: width, strideY: strideY ?? 1, strideX: strideX ?? 1,
      dilationY: dilationY ?? 1, dilationX: dilationX ?? 1,
      top: top ?? 0, left: left ?? 0, bottom: bottom ?? 0, right: right ?? 0)
  }
}
