extension Graph {
  /// Checks what every pass must preserve: topological order, recorded shapes and element types.
  ///
  /// - Throws: `ShapeError` naming the first node that breaks a rule.
  public func verify() throws(ShapeError) {
    for (id, node) in nodes.enumerated() {
      for operand in node.operands where operand < 0 || operand >= id {
        throw ShapeError("%\(id) \(node.operation.name): reads %\(operand), which is not before it")
      }
      let shape = try node.operation.resultShape(of: node.operands.map { nodes[$0].shape })
      guard shape == node.shape else {
        throw ShapeError("%\(id) \(node.operation.name): recorded \(node.shape), is \(shape)")
      }
      let type = node.operation.resultType(of: node.operands.map { nodes[$0].type })
      guard type == node.type else {
        throw ShapeError("%\(id) \(node.operation.name): recorded \(node.type), is \(type)")
      }
    }
    for output in outputs where !nodes.indices.contains(output) {
      throw ShapeError("output %\(output) does not exist")
    }
  }
}
