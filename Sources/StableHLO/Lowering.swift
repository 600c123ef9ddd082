import TensorGraph

/// In what convolutions multiply; sums are floats.
public enum Multiplication: String, Hashable, Sendable, CaseIterable {
  /// Floats, to the last bit that the device has.
  case float32
  /// Whatever the device multiplies fastest for floats: TF32 on NVIDIA's, 10 bits of mantissa.
  case tensorFloat32
  /// Both operands rounded to the upper half of a float.
  case bfloat16
}

/// An operation without a form in StableHLO.
public struct LoweringError: Error, Hashable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// An operation that has a form in StableHLO.
///
/// `operands` have the shapes that the operation's shape rule allows; the value that is returned has
/// the shape `result`.
protocol LowerableOperation: Operation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue
}

extension ModuleText {
  /// Every node of a graph, in order.
  /// - Parameter given: the values of nodes that are there before the program runs, by id.
  /// - Throws: `LoweringError` naming the first operation that has no form in StableHLO.
  mutating func lower(
    _ graph: Graph, given: [Int: ModuleValue]
  ) throws(LoweringError) -> [ModuleValue] {
    var values: [ModuleValue] = []
    for (id, node) in graph.nodes.enumerated() {
      if let value = given[id] {
        values.append(value)
        continue
      }
      guard let operation = node.operation as? any LowerableOperation else {
        throw LoweringError(
          "\(node.operation.name), %\(id) of the program, has no form in StableHLO")
      }
      let value = operation.lower(
        node.operands.map { values[$0] }, result: node.shape, in: &self)
      let type = ModuleType(node.shape, ModuleElement(node.type))
      guard value.type == type else {
        throw LoweringError(
          "\(node.operation.name), %\(id) of the program, is \(value.type) in StableHLO, "
            + "and \(type) in the graph")
      }
      values.append(value)
    }
    return values
  }
}
