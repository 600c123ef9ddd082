import TensorGraph

/// What is wrong with the inputs of an evaluation, or an operation without a reference.
public struct ReferenceError: Error, Hashable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// An operation that the reference evaluator can compute.
///
/// `operands` and `result` have the shapes that the operation's shape rule allows.
protocol ReferenceOperation: Operation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray
}

/// Evaluates a graph node by node in double precision, by the formula in each operation's
/// documentation: the oracle that executors and derivatives are tested against.
public enum ReferenceEvaluator {
  /// The values of the graph's outputs, in their order.
  ///
  /// Inputs that the graph does not read are ignored.
  /// - Throws: `ReferenceError` for inputs that are missing or of another shape (all of them in
  ///   one message) and for an operation that has no reference.
  public static func evaluate(
    _ graph: Graph, placeholders: [String: ReferenceArray] = [:],
    parameters: [String: ReferenceArray] = [:]
  ) throws -> [ReferenceArray] {
    // How often a value is yet to be read; outputs are read once more, at the end.
    var readers = graph.users().map(\.count)
    for output in graph.outputs { readers[output] += 1 }
    var values = [ReferenceArray?](repeating: nil, count: graph.nodes.count)
    try check(graph, placeholders, parameters)
    for (id, node) in graph.nodes.enumerated() {
      let operands = node.operands.map { values[$0]! }
      values[id] = try value(of: node, operands, placeholders, parameters)
      for operand in node.operands {
        readers[operand] -= 1
        if readers[operand] == 0 { values[operand] = nil }
      }
    }
    return graph.outputs.map { values[$0]! }
  }

  /// The value of every node, by id.
  /// - Throws: as `evaluate`.
  public static func evaluateEveryNode(
    of graph: Graph, placeholders: [String: ReferenceArray] = [:],
    parameters: [String: ReferenceArray] = [:]
  ) throws -> [ReferenceArray] {
    try check(graph, placeholders, parameters)
    var values: [ReferenceArray] = []
    for node in graph.nodes {
      let operands = node.operands.map { values[$0] }
      values.append(try value(of: node, operands, placeholders, parameters))
    }
    return values
  }

  private static func check(
    _ graph: Graph, _ placeholders: [String: ReferenceArray], _ parameters: [String: ReferenceArray]
  ) throws {
    var faults: [String] = []
    for (kind, ids, given) in [
      ("placeholder", graph.placeholders, placeholders),
      ("parameter", graph.parameters, parameters),
    ] {
      for (label, id) in ids.sorted(by: { $0.value < $1.value }) {
        let shape = graph.nodes[id].shape
        if let array = given[label] {
          if array.shape != shape {
            faults.append("\(kind) \(label) has shape \(array.shape), expected \(shape)")
          }
        } else {
          faults.append("\(kind) \(label) of shape \(shape) is not given")
        }
      }
    }
    if !faults.isEmpty { throw ReferenceError(faults.joined(separator: "; ")) }
  }

  private static func value(
    of node: Node, _ operands: [ReferenceArray], _ placeholders: [String: ReferenceArray],
    _ parameters: [String: ReferenceArray]
  ) throws -> ReferenceArray {
    switch node.operation {
    case let placeholder as Placeholder: return placeholders[placeholder.label]!
    case let parameter as Parameter: return parameters[parameter.label]!
    case let operation as any ReferenceOperation:
      let value = operation.evaluate(operands, result: node.shape)
      precondition(value.shape == node.shape, "\(operation.name): wrong shape \(value.shape)")
      return value
    default:
      throw ReferenceError(
        "\(node.operation.name): the reference evaluator does not know \(type(of: node.operation))")
    }
  }
}
