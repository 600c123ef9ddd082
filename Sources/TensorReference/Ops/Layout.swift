import TensorGraph

extension Reshape: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    ReferenceArray(shape: result, values: operands[0].values)
  }
}

extension Transpose: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let x = operands[0]
    let strides = x.shape.strides
    var y = ReferenceArray(repeating: 0, shape: result)
    result.forEachElement(strides: order.map { strides[$0] }) { position, source in
      y.values[position] = x.values[source]
    }
    return y
  }
}

extension Slice: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let x = operands[0]
    let strides = x.shape.strides
    let first = zip(start, strides).reduce(0) { $0 + $1.0 * $1.1 }
    var y = ReferenceArray(repeating: 0, shape: result)
    result.forEachElement(strides: zip(strides, step).map { $0 * $1 }, from: first) {
      position, source in
      y.values[position] = x.values[source]
    }
    return y
  }
}

extension Pad: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let x = operands[0]
    let strides = result.strides
    let first = zip(low, strides).reduce(0) { $0 + $1.0 * $1.1 }
    var y = ReferenceArray(repeating: 0, shape: result)
    x.shape.forEachElement(strides: zip(strides, interior).map { $0 * ($1 + 1) }, from: first) {
      position, target in
      y.values[target] = x.values[position]
    }
    return y
  }
}

extension Concatenation: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let strides = result.strides
    var y = ReferenceArray(repeating: 0, shape: result)
    var begin = 0
    for part in operands {
      part.shape.forEachElement(strides: strides, from: begin * strides[axis]) { position, target in
        y.values[target] = part.values[position]
      }
      begin += part.shape[axis]
    }
    return y
  }
}
