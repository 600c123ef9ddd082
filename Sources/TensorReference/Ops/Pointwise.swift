import TensorGraph

extension Unary: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    ReferenceArray(shape: result, values: operands[0].values.map { function($0) })
  }
}

extension Binary: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    ReferenceArray(
      shape: result, values: zip(operands[0].values, operands[1].values).map { function($0, $1) })
  }
}

extension Select: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let (mask, a, b) = (operands[0].values, operands[1].values, operands[2].values)
    return ReferenceArray(shape: result, values: mask.indices.map { mask[$0] != 0 ? a[$0] : b[$0] })
  }
}
