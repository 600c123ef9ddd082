import TensorGraph

/// Layers that are several operations.
extension GraphBuilder {
  /// [N, H, W, C] to [N, C·H·W] with channels outermost, or [N, H·W·C].
  mutating func flatten(_ x: Value, _ order: FlattenOrder) throws(ShapeError) -> Value {
    let flat: Shape = [x.shape[0], x.shape.count / x.shape[0]]
    // With one pixel both orders are the same.
    guard order == .channelsFirst, x.shape.rank == 4, x.shape[1] * x.shape[2] > 1 else {
      return try reshape(x, to: flat)
    }
    return try reshape(transpose(x, [0, 3, 1, 2]), to: flat)
  }

  /// Every `stride`-th row and column from the first, zero channels before and after.
  mutating func subsampleAndPadChannels(
    _ x: Value, stride: Int, before: Int, after: Int
  ) throws(ShapeError) -> Value {
    let sampled = try append(
      Slice(start: [0, 0, 0, 0], limit: x.shape.dimensions, step: [1, stride, stride, 1]), [x])
    return try append(
      Pad(low: [0, 0, 0, before], high: [0, 0, 0, after], interior: [0, 0, 0, 0]), [sampled])
  }

  /// Row i of the result is the mean over rows ⌊i·H/height⌋ ..< ⌈(i+1)·H/height⌉; columns alike.
  public mutating func adaptiveAveragePool(
    _ x: Value, height: Int, width: Int
  ) throws(ShapeError) -> Value {
    let (rows, columns) = (x.shape[1], x.shape[2])
    if rows == height, columns == width { return x }
    if rows % height == 0, columns % width == 0 {
      let (tall, wide) = (rows / height, columns / width)
      return try averagePool(
        x, window: Window2D(height: tall, width: wide, strideY: tall, strideX: wide))
    }
    return try adaptiveMean(adaptiveMean(x, axis: 1, parts: height), axis: 2, parts: width)
  }

  private mutating func adaptiveMean(
    _ x: Value, axis: Int, parts: Int
  ) throws(ShapeError) -> Value {
    let extent = x.shape[axis]
    var means: [Value] = []
    for part in 0..<parts {
      let (begin, end) = (part * extent / parts, ((part + 1) * extent + parts - 1) / parts)
      means.append(try mean(slice(x, axis: axis, begin..<end), axes: [axis]))
    }
    return try concatenate(means, axis: axis)
  }

  /// x·Wᵀ of the last axis: [N, inputs], or [N, H, W, inputs].
  public mutating func dense(_ x: Value, _ weight: Value) throws(ShapeError) -> Value {
    guard x.shape.rank != 2 else { return try matrixProduct(x, weight, transposesRight: true) }
    let rows = try reshape(x, to: [x.shape.count / x.shape[-1], x.shape[-1]])
    let product = try matrixProduct(rows, weight, transposesRight: true)
    return try reshape(product, to: x.shape.replacing(axis: -1, with: weight.shape[0]))
  }

  /// A scalar, or a vector of constants.
  mutating func numbers(_ values: [Double]) throws(ShapeError) -> Value {
    values.count == 1
      ? try scalar(values[0])
      : try constant(Tensor(shape: [values.count], values: values.map(Float.init)))
  }

  /// The last channel first.
  public mutating func reversingChannels(_ x: Value) throws(ShapeError) -> Value {
    let axis = x.shape.rank - 1
    var channels: [Value] = []
    for channel in (0..<x.shape[axis]).reversed() {
      channels.append(try slice(x, axis: axis, channel..<channel + 1))
    }
    return try concatenate(channels, axis: axis)
  }

  /// Another height and width: [N, H, W, C] to [N, height, width, C].
  public mutating func resized(
    _ x: Value, _ layer: ResizingLayer
  ) throws(ShapeError) -> Value {
    let (n, rows, columns, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    if (rows, columns) == (layer.height, layer.width) { return x }
    if layer.interpolation == .nearest, layer.height % rows == 0, layer.width % columns == 0 {
      let (tall, wide) = (layer.height / rows, layer.width / columns)
      let apart = try reshape(x, to: [n, rows, 1, columns, 1, channels])
      let repeated = try broadcast(apart, to: [n, rows, tall, columns, wide, channels])
      return try reshape(repeated, to: [n, layer.height, layer.width, channels])
    }
    // Along one axis after the other, each a product with a matrix of weights.
    var y = x
    if rows != layer.height {
      let first = try reshape(transpose(y, [1, 0, 2, 3]), to: [rows, n * columns * channels])
      let weights = try constant(Self.resizing(rows, layer.height, layer.interpolation))
      let product = try reshape(
        matrixProduct(weights, first), to: [layer.height, n, columns, channels])
      y = try transpose(product, [1, 0, 2, 3])
    }
    if columns != layer.width {
      let height = layer.height
      let first = try reshape(transpose(y, [2, 0, 1, 3]), to: [columns, n * height * channels])
      let weights = try constant(Self.resizing(columns, layer.width, layer.interpolation))
      let product = try reshape(
        matrixProduct(weights, first), to: [layer.width, n, height, channels])
      y = try transpose(product, [1, 2, 0, 3])
    }
    return y
  }

  /// The weight of each of `extent` pixels in each of `result`, [result, extent].
  private static func resizing(
    _ extent: Int, _ result: Int, _ interpolation: ResizingLayer.Interpolation
  ) -> Tensor {
    var weights = Tensor(repeating: 0, shape: [result, extent])
    for i in 0..<result {
      let center = (Double(i) + 0.5) * Double(extent) / Double(result)
      switch interpolation {
      case .nearest: weights.values[i * extent + min(Int(center), extent - 1)] = 1
      case .bilinear:
        let position = max(center - 0.5, 0)
        let low = min(Int(position), extent - 1)
        let share = position - Double(low)
        weights.values[i * extent + low] += Float(1 - share)
        weights.values[i * extent + min(low + 1, extent - 1)] += Float(share)
      }
    }
    return weights
  }

  /// exp(x) / Σ exp(x) along the last axis. The largest element is subtracted first, which changes
  /// neither value nor derivative, so no gradient needs to flow through it.
  mutating func softmax(_ x: Value) throws(ShapeError) -> Value {
    let shifted = try subtract(x, stopGradient(maximum(of: x, axes: [-1])))
    let exponentials = try unary(.exponential, shifted)
    return try divide(exponentials, sum(exponentials, axes: [-1]))
  }
}
