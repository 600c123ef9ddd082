import TensorGraph
import TensorRuntime

/// A computation of which only the contract is kept.
public final class NullProgram: Program {
  public let computation: Computation
  public let policy: ExecutionPolicy
  public var threads: Int { policy.threads ?? 1 }
  /// Runs, steps included.
  public private(set) var runs = 0
  let parameters: NullParameters
  private let moments: NullOptimizer?
  private var lifetimes: OutputLifetimes

  public var optimizer: (any OptimizerState)? { moments }

  init(_ computation: Computation, _ parameters: NullParameters, _ policy: ExecutionPolicy) {
    (self.computation, self.parameters, self.policy) = (computation, parameters, policy)
    lifetimes = OutputLifetimes(computation)
    moments = computation.update.map { NullOptimizer($0, parameters) }
  }

  /// It does no arithmetic, and holds nothing but what it is given.
  public var resources: ProgramResources {
    let given = computation.graph.placeholders.values
    return ProgramResources(
      flops: 0,
      peakBytes: given.reduce(0) { $0 + 4 * computation.graph.nodes[$1].shape.count })
  }

  public func run(_ inputs: [String: ProgramInput]) throws(ExecutionError) {
    try computation.check(inputs)
    lifetimes.begin()
    runs += 1
    lifetimes.end()
  }

  public func output(_ name: String) throws(ExecutionError) -> Tensor {
    let index = try lifetimes.check(name)
    let node = computation.graph.nodes[computation.graph.outputs[index]]
    return Tensor(
      repeating: node.type == .float32 ? parameters.executor.value : 0, shape: node.shape)
  }

  public func isFinite(_ output: String) throws(ExecutionError) -> Bool {
    try lifetimes.check(output)
    return parameters.executor.value.isFinite
  }

  public func applyUpdate(
    gradients: (any Parameters)?, learningRate: Float
  ) throws(ExecutionError) -> StepOutcome {
    guard let update = computation.update, let moments else {
      throw ExecutionError("the program has no update: it was compiled without one")
    }
    if let gradients {
      guard let own = gradients as? NullParameters, own.executor === parameters.executor else {
        throw ExecutionError(
          "the null executor reads gradients that it keeps, not those of another")
      }
      for name in moments.names { try own.check(name, parameters.shape(of: name)!) }
    }
    for output in update.guarded where try !isFinite(output) { return .refusedOutput(output) }
    for name in moments.names where try !isFinite(update.gradients[name]!) {
      return .refusedGradient(of: name)
    }
    for output in update.assignments.values { try lifetimes.check(output) }
    moments.advance()
    parameters.noteChange()
    lifetimes.take()
    return try parameters.firstNonFinite().map { .overflowed($0) } ?? .applied
  }

  public func firstNonFinite(
    _ inputs: [String: ProgramInput]
  ) throws(ExecutionError) -> NonFiniteValue? {
    try parameters.executor.firstNonFinite(
      in: computation, inputs, parameters: parameters, policy: policy)
  }
}

/// Counts steps; its moments are those that were restored, or zero.
final class NullOptimizer: OptimizerState {
  let rule: UpdateRule
  let names: [String]
  private(set) var step = 0
  private let shapes: [(name: String, shape: Shape)]
  private var moments: [[Tensor]]

  init(_ update: StepUpdate, _ parameters: NullParameters) {
    rule = update.rule
    names = update.gradients.keys.sorted()
    let count = update.rule.momentCount
    shapes = names.map { ($0, parameters.shape(of: $0)!) }
    moments = shapes.map { _, shape in
      [Tensor](repeating: Tensor(repeating: 0, shape: shape), count: count)
    }
  }

  func advance() { step += 1 }

  var state: [(name: String, tensor: Tensor)] {
    zip(names, moments).flatMap { name, tensors in
      zip(UpdateRule.momentNames, tensors).map { ("\(name)/\($0)", $1) }
    }
  }

  func restore(step: Int, state: (_ name: String) throws -> Tensor?) throws {
    moments = try rule.moments(of: shapes, from: state)
    self.step = step
  }
}
