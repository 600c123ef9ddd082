/// How a window of `height`×`width` taps slides over an image.
public struct Window2D: Hashable, Sendable {
  public let height: Int
  public let width: Int
  public let strideY: Int
  public let strideX: Int
  public let dilationY: Int
  public let dilationX: Int
  public let top: Int
  public let left: Int
  public let bottom: Int
  public let right: Int

  public init(
    height: Int, width: Int, strideY: Int = 1, strideX: Int = 1,
    dilationY: Int = 1, dilationX: Int = 1,
    top: Int = 0, left: Int = 0, bottom: Int = 0, right: Int = 0
  ) {
    precondition(
      [height, width, strideY, strideX, dilationY, dilationX].allSatisfy { $0 > 0 }
        && [top, left, bottom, right].allSatisfy { $0 >= 0 }, "window out of range")
    (self.height, self.width) = (height, width)
    (self.strideY, self.strideX) = (strideY, strideX)
    (self.dilationY, self.dilationX) = (dilationY, dilationX)
    (self.top, self.left, self.bottom, self.right) = (top, left, bottom, right)
  }

  /// A square window with the same stride, padding and dilation in both directions.
  public init(_ size: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1) {
    self.init(
      height: size, width: size, strideY: stride, strideX: stride, dilationY: dilation,
      dilationX: dilation, top: padding, left: padding, bottom: padding, right: padding)
  }

  /// Rows and columns of the result for an image [N, H, W, C].
  func slide(over image: Shape, for operation: String) throws(ShapeError) -> (Int, Int) {
    guard image.rank == 4 else {
      throw ShapeError("\(operation): input \(image) is not [N, H, W, C]")
    }
    let rows = image[1] + top + bottom - (height - 1) * dilationY - 1
    let columns = image[2] + left + right - (width - 1) * dilationX - 1
    guard rows >= 0, columns >= 0 else {
      throw ShapeError(
        "\(operation): a \(height)×\(width) window does not fit input \(image) padded by "
          + "(\(top), \(left), \(bottom), \(right))")
    }
    return (rows / strideY + 1, columns / strideX + 1)
  }

  /// A pooling window needs at least one tap inside the image: there is no maximum or mean of
  /// padding alone.
  func checkEveryWindow(
    of windows: (Int, Int), meets image: Shape, for operation: String
  ) throws(ShapeError) {
    let (rows, columns) = windows
    func meets(_ position: Int, _ taps: Int, _ dilation: Int, _ extent: Int) -> Bool {
      (0..<taps).contains { (0..<extent).contains(position + $0 * dilation) }
    }
    for p in 0..<rows where !meets(p * strideY - top, height, dilationY, image[1]) {
      throw ShapeError(
        "\(operation): row \(p) of windows lies on the padding (\(top), \(bottom)) of \(image) alone"
      )
    }
    for q in 0..<columns where !meets(q * strideX - left, width, dilationX, image[2]) {
      throw ShapeError(
        "\(operation): column \(q) of windows lies on the padding (\(left), \(right)) of \(image) alone"
      )
    }
  }
}
