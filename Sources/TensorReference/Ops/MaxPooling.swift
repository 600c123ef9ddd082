import TensorGraph

extension MaxPoolIndex: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let x = operands[0]
    var index = ReferenceArray(repeating: 0, shape: result)
    var largest = ReferenceArray(repeating: -.infinity, shape: result)
    var found = [Bool](repeating: false, count: result.count)
    window.forEachTap(image: x.shape, windows: result) { tap in
      let pixel = x.shape.position(tap.n, tap.i, tap.j)
      let output = result.position(tap.n, tap.p, tap.q)
      for c in 0..<result[3]
      where !found[output + c] || x.values[pixel + c] > largest.values[output + c] {
        found[output + c] = true
        largest.values[output + c] = x.values[pixel + c]
        index.values[output + c] = Double(tap.r * window.width + tap.s)
      }
    }
    return index
  }
}

extension MaxPoolSelect: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let (x, index) = (operands[0], operands[1])
    var y = ReferenceArray(repeating: 0, shape: result)
    window.forEachTap(image: x.shape, windows: result) { tap in
      let pixel = x.shape.position(tap.n, tap.i, tap.j)
      let output = result.position(tap.n, tap.p, tap.q)
      let own = Double(tap.r * window.width + tap.s)
      for c in 0..<result[3] where index.values[output + c] == own {
        y.values[output + c] = x.values[pixel + c]
      }
    }
    return y
  }
}

extension MaxPoolScatter: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let (dy, index) = (operands[0], operands[1])
    var dx = ReferenceArray(repeating: 0, shape: result)
    window.forEachTap(image: result, windows: dy.shape) { tap in
      let pixel = result.position(tap.n, tap.i, tap.j)
      let output = dy.shape.position(tap.n, tap.p, tap.q)
      let own = Double(tap.r * window.width + tap.s)
      for c in 0..<result[3] where index.values[output + c] == own {
        dx.values[pixel + c] += dy.values[output + c]
      }
    }
    return dx
  }
}
