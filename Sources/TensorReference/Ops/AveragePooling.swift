import TensorGraph

extension Window2D {
  /// What window (p, q) of a mean divides by.
  fileprivate func divisor(p: Int, q: Int, image: Shape, countsPadding: Bool) -> Double {
    if countsPadding { return Double(height * width) }
    var inside = 0
    forEachTap(n: 0, p: p, q: q, image: image) { _ in inside += 1 }
    return Double(inside)
  }
}

extension AveragePool: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let x = operands[0]
    var y = ReferenceArray(repeating: 0, shape: result)
    window.forEachTap(image: x.shape, windows: result) { tap in
      let pixel = x.shape.position(tap.n, tap.i, tap.j)
      let output = result.position(tap.n, tap.p, tap.q)
      let divisor = window.divisor(
        p: tap.p, q: tap.q, image: x.shape, countsPadding: countsPadding)
      for c in 0..<result[3] { y.values[output + c] += x.values[pixel + c] / divisor }
    }
    return y
  }
}

extension AveragePoolGradient: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let dy = operands[0]
    var dx = ReferenceArray(repeating: 0, shape: result)
    window.forEachTap(image: result, windows: dy.shape) { tap in
      let pixel = result.position(tap.n, tap.i, tap.j)
      let output = dy.shape.position(tap.n, tap.p, tap.q)
      let divisor = window.divisor(
        p: tap.p, q: tap.q, image: result, countsPadding: countsPadding)
      for c in 0..<result[3] { dx.values[pixel + c] += dy.values[output + c] / divisor }
    }
    return dx
  }
}
