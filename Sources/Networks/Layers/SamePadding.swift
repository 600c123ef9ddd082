import TensorGraph

extension Window2D {
  package var isPadded: Bool { top + left + bottom + right > 0 }

  /// The same window with TensorFlow's padding `same` for images [H, W, C].
  package func same(for x: Shape) -> Window2D {
    func padding(_ extent: Int, _ taps: Int, _ stride: Int, _ dilation: Int) -> (Int, Int) {
      let results = (extent + stride - 1) / stride
      let total = max((results - 1) * stride + (taps - 1) * dilation + 1 - extent, 0)
      return (total / 2, total - total / 2)
    }
    let (top, bottom) = padding(x[0], height, strideY, dilationY)
    let (left, right) = padding(x[1], width, strideX, dilationX)
    return Window2D(
      height: height, width: width, strideY: strideY, strideX: strideX, dilationY: dilationY,
      dilationX: dilationX, top: top, left: left, bottom: bottom, right: right)
  }
}
