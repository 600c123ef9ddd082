import TensorGraph

extension Window2D {
  /// One over what each window's mean divides by: a number, or [1, P, Q, 1] where windows at the border
  /// have fewer taps.
  fileprivate func weights(
    windows: Shape, image: Shape, countsPadding: Bool, in text: inout ModuleText
  ) -> ModuleValue {
    let all = height * width
    let rows = Self.tapsInside(
      windows: windows[1], taps: height, stride: strideY, dilation: dilationY, low: top,
      extent: image[1])
    let columns = Self.tapsInside(
      windows: windows[2], taps: width, stride: strideX, dilation: dilationX, low: left,
      extent: image[2])
    let fewest = (rows.min() ?? height) * (columns.min() ?? width)
    guard !countsPadding, fewest < all else { return text.constant(1 / Double(all)) }
    func counts(_ counts: [Int], axis: Int) -> ModuleValue {
      text.broadcast(
        text.constant(Tensor(shape: [counts.count], values: counts.map { 1 / Float($0) })),
        to: [1, windows[1], windows[2], 1], axes: [axis])
    }
    return text.pointwise("multiply", counts(rows, axis: 1), counts(columns, axis: 2))
  }
}

extension AveragePool: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let padded = window.padded(operands[0], with: 0, windows: result, in: &text)
    let sums = text.windowSums(
      padded, height: window.height, width: window.width,
      stride: (window.strideY, window.strideX), dilation: (window.dilationY, window.dilationX))
    let weights = window.weights(
      windows: result, image: operands[0].shape, countsPadding: countsPadding, in: &text)
    return text.pointwise("multiply", sums, text.broadcast(weights, to: result))
  }
}

/// The shares, with zeros between them where the stride is larger than 1, summed over the turned
/// windows.
extension AveragePoolGradient: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let dy = operands[0]
    let weights = window.weights(
      windows: dy.shape, image: result, countsPadding: countsPadding, in: &text)
    let shares = text.pointwise("multiply", dy, text.broadcast(weights, to: dy.shape))
    let reach = [(window.height - 1) * window.dilationY, (window.width - 1) * window.dilationX]
    let low = [reach[0] - window.top, reach[1] - window.left]
    let high = [
      result[1] - 1 - (dy.shape[1] - 1) * window.strideY + window.top,
      result[2] - 1 - (dy.shape[2] - 1) * window.strideX + window.left,
    ]
    let spread = text.pad(
      shares, low: [0, low[0], low[1], 0], high: [0, high[0], high[1], 0],
      interior: [0, window.strideY - 1, window.strideX - 1, 0])
    return text.windowSums(
      spread, height: window.height, width: window.width, stride: (1, 1),
      dilation: (window.dilationY, window.dilationX))
  }
}
