import TensorGraph

extension MatrixProduct: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    text.dot(
      operands[0], operands[1],
      contracting: (transposesLeft ? 0 : 1, transposesRight ? 1 : 0), result: result)
  }
}
