import TensorGraph

extension Reshape: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue { text.reshape(operands[0], to: result) }
}

extension Transpose: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue { text.transpose(operands[0], order) }
}

extension Slice: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue { text.slice(operands[0], start: start, limit: limit, step: step) }
}

extension Pad: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue { text.pad(operands[0], low: low, high: high, interior: interior) }
}

extension Concatenation: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue { text.concatenate(operands, axis: axis) }
}
