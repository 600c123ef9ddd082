import TensorGraph

/// What compiles computations for one kind of device, and holds parameters there.
///
/// Equal runs of equal programs give equal bytes on one device, unless the policy allows otherwise. A
/// program and its parameters belong to the executor that made them; both are used from one thread at
/// a time.
/// `docs/extending.md` says what a new executor implements and which tests it passes.
public protocol Executor {
  /// Names the backend in messages, e.g. `cpu`.
  var name: String { get }
  /// The processes that each compute a part of every batch; `nil` if this one is alone.
  var group: (any ProcessGroup)? { get }

  /// Parameters of these names and shapes, all zero, where programs of this executor read them.
  /// - Throws: `ExecutionError` if memory is short.
  func makeParameters(
    _ parameters: [(name: String, shape: Shape)]
  ) throws(ExecutionError) -> any Parameters

  /// - Parameters:
  ///   - computation: all that a run computes, and perhaps how a step changes parameters.
  ///   - parameters: made by this executor. Several programs may share them.
  ///   - policy: threads, precision, determinism, memory.
  /// - Throws: `ExecutionError` if a parameter is missing or misshapen, an operation or a policy is
  ///   not supported, or memory is short.
  func compile(
    _ computation: Computation, parameters: any Parameters, policy: ExecutionPolicy
  ) throws(ExecutionError) -> any Program
}

extension Executor {
  public var group: (any ProcessGroup)? { nil }

  /// Computes once more with every value as an output and nothing fused: a ReLU at the end of a fused
  /// convolution may turn NaN into 0.
  ///
  /// Takes as much memory as all values together.
  /// - Returns: the first value that is infinite or NaN, if any: parameters, then inputs, then results
  ///   in the order of computation.
  public func firstNonFinite(
    in computation: Computation, _ inputs: [String: ProgramInput], parameters: any Parameters,
    policy: ExecutionPolicy
  ) throws(ExecutionError) -> NonFiniteValue? {
    for name in computation.graph.parameters.keys.sorted() {
      guard let shape = parameters.shape(of: name), try !parameters.isFinite(name) else { continue }
      return NonFiniteValue(operation: nil, shape: shape, parameter: name, placeholder: nil)
    }
    for (name, id) in computation.graph.placeholders.sorted(by: { $0.key < $1.key }) {
      if case .floats(let values)? = inputs[name], !values.allSatisfy(\.isFinite) {
        return NonFiniteValue(
          operation: nil, shape: computation.graph.nodes[id].shape, parameter: nil,
          placeholder: name)
      }
    }
    let graph = computation.graph.withAllValues
    let all = Computation(graph, outputs: graph.outputs.map { "%\($0)" })
    let program = try compile(all, parameters: parameters, policy: policy)
    try program.run(inputs)
    for (id, name) in zip(graph.outputs, all.outputs) where try !program.isFinite(name) {
      let node = graph.nodes[id]
      return NonFiniteValue(
        operation: node.operation.name, shape: node.shape,
        parameter: graph.nearestParameter(to: id), placeholder: nil)
    }
    return nil
  }
}
