import TensorGraph

/// Visits every run of products x[n,i,j,c]·w[k,r,s,c] over the channels c of a group that contributes to
/// y[n,p,q,k], as the positions of the first in the three arrays. The three convolutions differ only in which of
/// the arrays they sum into.
/// - Parameters: `x` [N, H, W, C], `w` [K, R, S, C / groups], `y` [N, P, Q, K].
@inline(__always)
private func forEachRun(
  _ window: Window2D, groups: Int, x: Shape, w: Shape, y: Shape,
  _ visit: (_ x: Int, _ w: Int, _ y: Int, _ channels: Int) -> Void
) {
  let (channelsPerGroup, filtersPerGroup) = (w[3], w[0] / groups)
  window.forEachTap(image: x, windows: y) { tap in
    let pixel = x.position(tap.n, tap.i, tap.j)
    let output = y.position(tap.n, tap.p, tap.q)
    for k in 0..<w[0] {
      let channels = pixel + k / filtersPerGroup * channelsPerGroup
      let taps = w.position(k, tap.r, tap.s)
      // What is visited is read and written without further checks.
      precondition(
        channels >= 0 && channels + channelsPerGroup <= x.count && taps >= 0
          && taps + channelsPerGroup <= w.count && output >= 0 && output + k < y.count)
      visit(channels, taps, output + k, channelsPerGroup)
    }
  }
}

/// Sums of products of two arrays' values. Arrays are read and written where they stand, since the checks of
/// each access take most of the time otherwise.
@inline(__always)
private func sumProducts(
  of a: ReferenceArray, _ b: ReferenceArray, into result: Shape,
  _ visit: (
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ sums: UnsafeMutablePointer<Double>
  ) -> Void
) -> ReferenceArray {
  var sums = [Double](repeating: 0, count: result.count)
  a.values.withUnsafeBufferPointer { a in
    b.values.withUnsafeBufferPointer { b in
      sums.withUnsafeMutableBufferPointer { sums in
        guard let a = a.baseAddress, let b = b.baseAddress, let sums = sums.baseAddress else {
          return
        }
        visit(a, b, sums)
      }
    }
  }
  return ReferenceArray(shape: result, values: sums)
}

private func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
  var sums = SIMD4<Double>.zero
  var i = 0
  while i &+ 4 <= count {
    sums +=
      SIMD4(a[i], a[i &+ 1], a[i &+ 2], a[i &+ 3]) * SIMD4(b[i], b[i &+ 1], b[i &+ 2], b[i &+ 3])
    i &+= 4
  }
  var sum = sums.sum()
  while i < count {
    sum += a[i] * b[i]
    i &+= 1
  }
  return sum
}

private func add(
  _ a: UnsafePointer<Double>, times factor: Double, to sums: UnsafeMutablePointer<Double>,
  _ count: Int
) {
  var i = 0
  while i < count {
    sums[i] += a[i] * factor
    i &+= 1
  }
}

extension Convolution: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let (image, filters) = (operands[0], operands[1])
    return sumProducts(of: image, filters, into: result) { x, w, y in
      forEachRun(window, groups: groups, x: image.shape, w: filters.shape, y: result) {
        y[$2] += dot(x + $0, w + $1, $3)
      }
    }
  }
}

extension ConvolutionInputGradient: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let (cotangent, filters) = (operands[0], operands[1])
    return sumProducts(of: cotangent, filters, into: result) { dy, w, dx in
      forEachRun(window, groups: groups, x: result, w: filters.shape, y: cotangent.shape) {
        add(w + $1, times: dy[$2], to: dx + $0, $3)
      }
    }
  }
}

extension ConvolutionFilterGradient: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let (image, cotangent) = (operands[0], operands[1])
    return sumProducts(of: image, cotangent, into: result) { x, dy, dw in
      forEachRun(window, groups: groups, x: image.shape, w: result, y: cotangent.shape) {
        add(x + $0, times: dy[$2], to: dw + $1, $3)
      }
    }
  }
}
