import TensorGraph

extension Scalar: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    ReferenceArray(value)
  }
}

extension Constant: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    ReferenceArray(tensor)
  }
}

extension StopGradient: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray { operands[0] }
}
