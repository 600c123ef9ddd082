/// A finished static-shape program: nodes in topological order, and which of them are its results.
public struct Graph: Sendable {
  public let nodes: [Node]
  /// Ids of the results, in the order in which they were requested.
  public let outputs: [Int]
  /// Ids of the `Placeholder` nodes, by name.
  public let placeholders: [String: Int]
  /// Ids of the `Parameter` nodes, by name.
  public let parameters: [String: Int]

  init(builder: GraphBuilder, outputs: [Value]) {
    var live = [Bool](repeating: false, count: builder.nodes.count)
    for output in outputs { live[output.id] = true }
    for id in live.indices.reversed() where live[id] {
      for operand in builder.nodes[id].operands { live[operand] = true }
    }
    var renumbered = [Int](repeating: -1, count: live.count)
    var nodes: [Node] = []
    var placeholders: [String: Int] = [:]
    var parameters: [String: Int] = [:]
    for (id, node) in builder.nodes.enumerated() where live[id] {
      renumbered[id] = nodes.count
      if let placeholder = node.operation as? Placeholder {
        precondition(
          placeholders.updateValue(nodes.count, forKey: placeholder.label) == nil,
          "two placeholders are named \(placeholder.label)")
      }
      if let parameter = node.operation as? Parameter {
        precondition(
          parameters.updateValue(nodes.count, forKey: parameter.label) == nil,
          "two parameters are named \(parameter.label)")
      }
      nodes.append(
        Node(
          operation: node.operation, operands: node.operands.map { renumbered[$0] },
          shape: node.shape, type: node.type))
    }
    self.nodes = nodes
    self.outputs = outputs.map { renumbered[$0.id] }
    self.placeholders = placeholders
    self.parameters = parameters
  }

  private init(_ graph: Graph, outputs: [Int], nodes: [Node]? = nil) {
    (self.nodes, self.outputs) = (nodes ?? graph.nodes, outputs)
    (placeholders, parameters) = (graph.placeholders, graph.parameters)
  }

  /// The same program with these nodes once more, as its last: what is computed again has memory of
  /// its own.
  public func repeating(_ ids: [Int]) -> Graph {
    Graph(self, outputs: outputs, nodes: nodes + ids.map { nodes[$0] })
  }

  /// The same program with every float that it computes as a result, in the order of computation.
  public var withAllValues: Graph {
    Graph(
      self,
      outputs: nodes.indices.filter { id in
        !nodes[id].isGiven && nodes[id].type == .float32
      })
  }

  /// For each node the ids of the nodes that read it (a node that reads it twice stands twice).
  public func users() -> [[Int]] {
    var users = [[Int]](repeating: [], count: nodes.count)
    for (id, node) in nodes.enumerated() {
      for operand in node.operands { users[operand].append(id) }
    }
    return users
  }
}

extension Node {
  /// Whether its value is there before the program runs, instead of being computed by it.
  public var isGiven: Bool {
    switch operation {
    case is Placeholder, is Parameter, is Constant, is Scalar: true
    default: false
    }
  }
}

extension Graph: CustomStringConvertible {
  /// One line per node: `%3 = convolution(%0, %1): [1, 8, 8, 4]`.
  public var description: String {
    var lines: [String] = []
    for (id, node) in nodes.enumerated() {
      let operands = node.operands.map { "%\($0)" }.joined(separator: ", ")
      lines.append("%\(id) = \(node.operation.name)(\(operands)): \(node.shape)")
    }
    lines.append("return " + outputs.map { "%\($0)" }.joined(separator: ", "))
    return lines.joined(separator: "\n")
  }
}
