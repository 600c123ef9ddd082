/// Appends nodes to a graph. Identical nodes are one node, and what can be known while building
/// is simplified while building (see `Simplify.swift`), so a graph never holds it at all.
///
/// Nodes stand in topological order: operands precede their users.
public struct GraphBuilder: Sendable {
  public private(set) var nodes: [Node] = []
  private var known: [NodeKey: Int] = [:]
  private var watched: Set<Int> = []
  let simplifies: Bool

  /// - Parameter simplifies: `false` keeps every node as it is built; tests compare both.
  public init(simplifies: Bool = true) { self.simplifies = simplifies }

  public func value(_ id: Int) -> Value {
    Value(id: id, shape: nodes[id].shape, type: nodes[id].type)
  }

  /// How `value` is computed, as far as simplification may know.
  func definition(of value: Value) -> Node? {
    watched.contains(value.id) ? nil : nodes[value.id]
  }

  /// From now on simplification takes `x` as given and does not look through it.
  ///
  /// Needed before a value inside the network is used, if a gradient will be taken with respect to
  /// it: without it |−z| becomes |z| and no longer reads −z, so ∂|−z|/∂(−z) would be zero. Inputs
  /// and parameters need no watching. Values that are equal by simplification are one value and
  /// share their derivative.
  public mutating func watch(_ x: Value) { watched.insert(x.id) }

  /// The value of `operation` applied to `operands`.
  public mutating func append(
    _ operation: some Operation, _ operands: [Value] = []
  ) throws(ShapeError) -> Value {
    if simplifies, let simpler = try simplified(operation, operands) { return simpler }
    return try appendAsIs(operation, operands)
  }

  mutating func appendAsIs(
    _ operation: some Operation, _ operands: [Value]
  ) throws(ShapeError) -> Value {
    let key = NodeKey(operation: operation, operands: operands.map(\.id))
    if let id = known[key] { return value(id) }
    let shape = try operation.resultShape(of: operands.map(\.shape))
    let type = operation.resultType(of: operands.map(\.type))
    nodes.append(
      Node(operation: operation, operands: key.operands, shape: shape, type: type))
    known[key] = nodes.count - 1
    return value(nodes.count - 1)
  }

  /// The finished graph: only what the outputs need, in the order in which it was built.
  public func graph(outputs: [Value]) -> Graph { Graph(builder: self, outputs: outputs) }
}

private struct NodeKey: Hashable {
  let operation: any Operation
  let operands: [Int]

  static func == (a: NodeKey, b: NodeKey) -> Bool {
    a.operands == b.operands && a.operation.isEqual(to: b.operation)
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(operands)
    hasher.combine(ObjectIdentifier(type(of: operation)))
    operation.hash(into: &hasher)
  }
}
