import TensorGraph

/// A graph whose outputs have names, and perhaps how a step changes parameters: what an executor
/// compiles.
public struct Computation: Sendable {
  public let graph: Graph
  /// Names of the graph's outputs, in their order.
  public let outputs: [String]
  /// What a training step does with the outputs; `nil` for a computation that changes nothing.
  public let update: StepUpdate?
  private let position: [String: Int]

  /// - Precondition: every output has a name of its own, and `update` names outputs that there are.
  public init(_ graph: Graph, outputs: [String], update: StepUpdate? = nil) {
    precondition(
      outputs.count == graph.outputs.count,
      "\(outputs.count) names for \(graph.outputs.count) outputs")
    var position: [String: Int] = [:]
    for (index, name) in outputs.enumerated() {
      precondition(
        position.updateValue(index, forKey: name) == nil, "two outputs are named \(name)")
    }
    for name in update?.outputs ?? [] {
      precondition(position[name] != nil, "the update reads \(name), which is no output")
    }
    (self.graph, self.outputs, self.update, self.position) = (graph, outputs, update, position)
  }

  /// The place of an output among the graph's.
  public func index(of output: String) -> Int? { position[output] }

  /// The node that computes an output.
  public func node(of output: String) -> Node? {
    position[output].map { graph.nodes[graph.outputs[$0]] }
  }

  /// Compares inputs with all placeholders before any of them is read. Inputs that the graph has no
  /// placeholder for are left alone: what it does not need is not part of it.
  /// - Throws: `ExecutionError` naming the first placeholder, by name, that has no value or one of
  ///   another type or number of elements.
  public func check(_ inputs: [String: ProgramInput]) throws(ExecutionError) {
    for (name, id) in graph.placeholders.sorted(by: { $0.key < $1.key }) {
      let node = graph.nodes[id]
      guard let input = inputs[name] else { throw ExecutionError("no value for \(name)") }
      guard input.type == node.type else {
        throw ExecutionError("\(name) is \(node.type), and is given \(input.type)")
      }
      guard input.count == node.shape.count else {
        throw ExecutionError(
          "\(name): \(input.count) values for \(node.shape), expected \(node.shape.count)")
      }
    }
  }

  /// Compares the graph's parameters with those that a program shall have.
  public func check(_ parameters: any Parameters) throws(ExecutionError) {
    for node in graph.nodes {
      guard let parameter = node.operation as? Parameter else { continue }
      guard let shape = parameters.shape(of: parameter.label) else {
        throw ExecutionError("the program's parameter \(parameter.label) is not in the store")
      }
      guard shape == parameter.shape else {
        throw ExecutionError(
          "parameter \(parameter.label): the program has \(parameter.shape), the store \(shape)")
      }
    }
    for (name, output) in update?.changes ?? [] {
      guard let shape = parameters.shape(of: name) else {
        throw ExecutionError("the update's parameter \(name) is not in the store")
      }
      guard let node = node(of: output), node.shape == shape, node.type == .float32 else {
        throw ExecutionError(
          "parameter \(name) is \(shape), and \(output), which changes it, is "
            + "\(node(of: output)!.shape) of \(node(of: output)!.type)")
      }
    }
  }
}

extension GraphBuilder {
  /// The finished computation: only what the outputs need, in the order in which it was built.
  public func computation(
    _ outputs: [(name: String, value: Value)], update: StepUpdate? = nil
  ) -> Computation {
    Computation(
      graph(outputs: outputs.map(\.value)), outputs: outputs.map(\.name), update: update)
  }
}

/// What a placeholder is given.
public enum ProgramInput: Sendable {
  case floats([Float])
  case indices([Int32])

  public var count: Int {
    switch self {
    case .floats(let values): values.count
    case .indices(let values): values.count
    }
  }

  public var type: ElementType {
    switch self {
    case .floats: .float32
    case .indices: .int32
    }
  }
}
