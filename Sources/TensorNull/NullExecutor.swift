import TensorGraph
import TensorRuntime

/// An executor without arithmetic: every result is one number everywhere, but names, shapes, types,
/// owners and lifetimes are checked as by any other. Whole runs are tested with it in milliseconds.
///
/// Parameters are kept as they are given: a step is counted, and changes none of them.
public final class NullExecutor: Executor {
  public let name = "null"
  /// Every element of every result that is no index.
  public let value: Float
  /// What was compiled, in order.
  public private(set) var programs: [NullProgram] = []

  public init(value: Float = 0.5) { self.value = value }

  public func makeParameters(
    _ parameters: [(name: String, shape: Shape)]
  ) throws(ExecutionError) -> any Parameters {
    NullParameters(parameters, of: self)
  }

  public func compile(
    _ computation: Computation, parameters: any Parameters, policy: ExecutionPolicy
  ) throws(ExecutionError) -> any Program {
    guard let own = parameters as? NullParameters, own.executor === self else {
      throw ExecutionError("the null executor reads parameters that it made, not those of another")
    }
    try computation.check(own)
    let program = NullProgram(computation, own, policy)
    programs.append(program)
    return program
  }
}

/// What was given, on the host.
public final class NullParameters: Parameters {
  public let names: [String]
  public private(set) var version = 0
  let executor: NullExecutor
  private var tensors: [String: Tensor] = [:]

  init(_ parameters: [(name: String, shape: Shape)], of executor: NullExecutor) {
    names = parameters.map(\.name)
    self.executor = executor
    for (name, shape) in parameters {
      let isNew = tensors.updateValue(Tensor(repeating: 0, shape: shape), forKey: name) == nil
      precondition(isNew, "two \(name)")
    }
  }

  public func shape(of name: String) -> Shape? { tensors[name]?.shape }

  public func download(_ name: String) throws(ExecutionError) -> Tensor {
    guard let tensor = tensors[name] else { throw ExecutionError("there is no parameter \(name)") }
    return tensor
  }

  public func upload(_ tensor: Tensor, to name: String) throws(ExecutionError) {
    try check(name, tensor.shape)
    tensors[name] = tensor
    version += 1
  }

  public func assign(
    _ name: String, from output: String, of program: any Program
  ) throws(ExecutionError) {
    try upload(try own(program).output(output), to: name)
  }

  public func add(
    _ output: String, of program: any Program, to name: String
  ) throws(ExecutionError) {
    try check(name, try own(program).output(output).shape)
    version += 1
  }

  public func isFinite(_ name: String) throws(ExecutionError) -> Bool {
    try download(name).values.allSatisfy(\.isFinite)
  }

  private func own(_ program: any Program) throws(ExecutionError) -> NullProgram {
    guard let own = program as? NullProgram, own.parameters.executor === executor else {
      throw ExecutionError("the null executor reads outputs of its own programs, not of another's")
    }
    return own
  }

  func noteChange() { version += 1 }
}
