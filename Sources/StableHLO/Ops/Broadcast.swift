import TensorGraph

extension Broadcast: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue { text.broadcast(operands[0], to: result) }
}
