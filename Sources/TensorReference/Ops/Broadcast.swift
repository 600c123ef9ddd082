import TensorGraph

extension Broadcast: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let x = operands[0]
    let lead = result.rank - x.shape.rank
    let ownStrides = x.shape.strides
    let strides = (0..<result.rank).map { axis in
      axis < lead || x.shape[axis - lead] == 1 ? 0 : ownStrides[axis - lead]
    }
    var y = ReferenceArray(repeating: 0, shape: result)
    result.forEachElement(strides: strides) { position, source in
      y.values[position] = x.values[source]
    }
    return y
  }
}
