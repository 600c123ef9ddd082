import TensorGraph

extension Window2D {
  /// How far a window that stands at 0 reaches into a padded image of `extent` windows along one axis.
  private static func read(_ windows: Int, _ taps: Int, _ stride: Int, _ dilation: Int) -> Int {
    (windows - 1) * stride + (taps - 1) * dilation + 1
  }

  /// The image [N, H, W, C] with as much around it as the windows read; what none reads is cut off.
  func padded(
    _ x: ModuleValue, with number: Double, windows: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let rows = Self.read(windows[1], height, strideY, dilationY)
    let columns = Self.read(windows[2], width, strideX, dilationX)
    return text.pad(
      x, with: number, low: [0, top, left, 0],
      high: [0, rows - x.shape[1] - top, columns - x.shape[2] - left, 0],
      interior: [0, 0, 0, 0])
  }

  /// Of every window of a padded image what lies under tap (r, s): [N, P, Q, C].
  func tap(
    _ r: Int, _ s: Int, of padded: ModuleValue, windows: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let start = [0, r * dilationY, s * dilationX, 0]
    return text.slice(
      padded, start: start,
      limit: [
        padded.shape[0], start[1] + (windows[1] - 1) * strideY + 1,
        start[2] + (windows[2] - 1) * strideX + 1, padded.shape[3],
      ],
      step: [1, strideY, strideX, 1])
  }

  /// The adjoint of `tap`: each element of `dy` [N, P, Q, C] where it came from in the image, zeros
  /// elsewhere; what came from the padding is dropped.
  func spread(
    _ dy: ModuleValue, underTap r: Int, _ s: Int, image: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let low = [r * dilationY - top, s * dilationX - left]
    let high = [
      image[1] - low[0] - (dy.shape[1] - 1) * strideY - 1,
      image[2] - low[1] - (dy.shape[2] - 1) * strideX - 1,
    ]
    return text.pad(
      dy, low: [0, low[0], low[1], 0], high: [0, high[0], high[1], 0],
      interior: [0, strideY - 1, strideX - 1, 0])
  }

  /// For each window along one axis the first of its taps that lies inside the image.
  static func firstTaps(
    windows: Int, taps: Int, stride: Int, dilation: Int, low: Int, extent: Int
  ) -> [Int] {
    (0..<windows).map { window in
      (0..<taps).first { (0..<extent).contains(window * stride + $0 * dilation - low) }!
    }
  }

  /// For each window along one axis how many of its taps lie inside the image.
  static func tapsInside(
    windows: Int, taps: Int, stride: Int, dilation: Int, low: Int, extent: Int
  ) -> [Int] {
    (0..<windows).map { window in
      (0..<taps).count { (0..<extent).contains(window * stride + $0 * dilation - low) }
    }
  }
}
