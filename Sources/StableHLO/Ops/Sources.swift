import TensorGraph

extension Scalar: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue { text.constant(value) }
}

/// Written out; large ones are arguments of the module (see `Module`).
extension Constant: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue { text.constant(tensor) }
}

extension StopGradient: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue { operands[0] }
}
