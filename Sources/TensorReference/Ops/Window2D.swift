import TensorGraph

extension Window2D {
  /// A tap (r, s) of window (p, q) that lies on pixel (i, j) of image n.
  struct Tap {
    let n: Int
    let p: Int
    let q: Int
    let r: Int
    let s: Int
    let i: Int
    let j: Int
  }

  /// Visits every tap that lies inside the image, window by window and row by row; those on the
  /// padding are omitted.
  /// - Parameters: `image` [N, H, W, …], `windows` [N, P, Q, …].
  @inline(__always)
  func forEachTap(image: Shape, windows: Shape, _ visit: (Tap) -> Void) {
    for n in 0..<image[0] {
      for p in 0..<windows[1] {
        for q in 0..<windows[2] {
          forEachTap(n: n, p: p, q: q, image: image, visit)
        }
      }
    }
  }

  /// The taps of one window.
  @inline(__always)
  func forEachTap(n: Int, p: Int, q: Int, image: Shape, _ visit: (Tap) -> Void) {
    for r in 0..<height {
      let i = p * strideY + r * dilationY - top
      guard (0..<image[1]).contains(i) else { continue }
      for s in 0..<width {
        let j = q * strideX + s * dilationX - left
        guard (0..<image[2]).contains(j) else { continue }
        visit(Tap(n: n, p: p, q: q, r: r, s: s, i: i, j: j))
      }
    }
  }
}

extension Shape {
  /// Position of element (a, b, c, 0) of an array with four axes.
  @inline(__always)
  func position(_ a: Int, _ b: Int, _ c: Int) -> Int {
    ((a * dimensions[1] + b) * dimensions[2] + c) * dimensions[3]
  }
}
