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

  /// exp(x) / Σ exp(x) along the last axis. The largest element is subtracted first, which changes
  /// neither value nor derivative, so no gradient needs to flow through it.
  mutating func softmax(_ x: Value) throws(ShapeError) -> Value {
    let shifted = try subtract(x, stopGradient(maximum(of: x, axes: [-1])))
    let exponentials = try unary(.exponential, shifted)
    return try divide(exponentials, sum(exponentials, axes: [-1]))
  }
}
