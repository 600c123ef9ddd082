import TensorGraph

/// Visits every product x[n,i,j,c]·w[k,r,s,c] that contributes to y[n,p,q,k], as positions in the
/// three arrays. The three convolutions differ only in which of the arrays they sum into.
/// - Parameters: `x` [N, H, W, C], `w` [K, R, S, C / groups], `y` [N, P, Q, K].
@inline(__always)
private func forEachProduct(
  _ window: Window2D, groups: Int, x: Shape, w: Shape, y: Shape,
  _ visit: (_ x: Int, _ w: Int, _ y: Int) -> Void
) {
  let (channelsPerGroup, filtersPerGroup) = (w[3], w[0] / groups)
  window.forEachTap(image: x, windows: y) { tap in
    let pixel = x.position(tap.n, tap.i, tap.j)
    let output = y.position(tap.n, tap.p, tap.q)
    for k in 0..<w[0] {
      let taps = w.position(k, tap.r, tap.s)
      let channels = pixel + k / filtersPerGroup * channelsPerGroup
      for c in 0..<channelsPerGroup { visit(channels + c, taps + c, output + k) }
    }
  }
}

extension Convolution: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let (x, w) = (operands[0], operands[1])
    var y = [Double](repeating: 0, count: result.count)
    forEachProduct(window, groups: groups, x: x.shape, w: w.shape, y: result) { atX, atW, atY in
      y[atY] += x.values[atX] * w.values[atW]
    }
    return ReferenceArray(shape: result, values: y)
  }
}

extension ConvolutionInputGradient: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let (dy, w) = (operands[0], operands[1])
    var dx = [Double](repeating: 0, count: result.count)
    forEachProduct(window, groups: groups, x: result, w: w.shape, y: dy.shape) { atX, atW, atY in
      dx[atX] += dy.values[atY] * w.values[atW]
    }
    return ReferenceArray(shape: result, values: dx)
  }
}

extension ConvolutionFilterGradient: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let (x, dy) = (operands[0], operands[1])
    var dw = [Double](repeating: 0, count: result.count)
    forEachProduct(window, groups: groups, x: x.shape, w: result, y: dy.shape) { atX, atW, atY in
      dw[atW] += x.values[atX] * dy.values[atY]
    }
    return ReferenceArray(shape: result, values: dw)
  }
}
