import TensorGraph
import TensorReference
import TensorRuntime

/// The reference evaluator as an executor, in double precision inside a run: the contract once more,
/// as plainly as it can be written.
public struct ReferenceExecutor: Executor {
  public let name = "reference"

  public init() {}

  public func makeParameters(
    _ parameters: [(name: String, shape: Shape)]
  ) throws(ExecutionError) -> any Parameters {
    ReferenceParameters(parameters)
  }

  public func compile(
    _ computation: Computation, parameters: any Parameters, policy: ExecutionPolicy
  ) throws(ExecutionError) -> any Program {
    guard let own = parameters as? ReferenceParameters else {
      throw ExecutionError("the reference reads parameters that it made, not those of another")
    }
    try computation.check(own)
    return ReferenceProgram(computation, own, policy)
  }
}

final class ReferenceParameters: Parameters {
  let names: [String]
  private(set) var version = 0
  private var tensors: [String: Tensor]

  init(_ parameters: [(name: String, shape: Shape)]) {
    names = parameters.map(\.name)
    tensors = Dictionary(
      uniqueKeysWithValues: parameters.map { ($0.name, Tensor(repeating: 0, shape: $0.shape)) })
  }

  func shape(of name: String) -> Shape? { tensors[name]?.shape }

  func download(_ name: String) throws(ExecutionError) -> Tensor {
    guard let tensor = tensors[name] else { throw ExecutionError("there is no parameter \(name)") }
    return tensor
  }

  func upload(_ tensor: Tensor, to name: String) throws(ExecutionError) {
    try check(name, tensor.shape)
    tensors[name] = tensor
    version += 1
  }

  func assign(_ name: String, from output: String, of program: any Program) throws(ExecutionError) {
    try upload(try program.output(output), to: name)
  }

  func add(_ output: String, of program: any Program, to name: String) throws(ExecutionError) {
    let added = try program.output(output)
    try check(name, added.shape)
    try upload(
      Tensor(
        shape: added.shape, values: zip(try download(name).values, added.values).map { $0 + $1 }),
      to: name)
  }

  func isFinite(_ name: String) throws(ExecutionError) -> Bool {
    try download(name).values.allSatisfy(\.isFinite)
  }
}

final class ReferenceProgram: Program {
  let computation: Computation
  let policy: ExecutionPolicy
  let threads = 1
  private let parameters: ReferenceParameters
  private let moments: ReferenceOptimizer?
  private var lifetimes: OutputLifetimes
  private var results: [Tensor] = []

  var optimizer: (any OptimizerState)? { moments }
  var resources: ProgramResources { ProgramResources(flops: 0, peakBytes: 0) }

  init(
    _ computation: Computation, _ parameters: ReferenceParameters, _ policy: ExecutionPolicy
  ) {
    (self.computation, self.parameters, self.policy) = (computation, parameters, policy)
    lifetimes = OutputLifetimes(computation)
    moments = computation.update.map { ReferenceOptimizer($0, parameters) }
  }

  func run(_ inputs: [String: ProgramInput]) throws(ExecutionError) {
    try computation.check(inputs)
    lifetimes.begin()
    var placeholders: [String: ReferenceArray] = [:]
    for (name, id) in computation.graph.placeholders {
      let values: [Double] =
        switch inputs[name]! {
        case .floats(let values): values.map(Double.init)
        case .indices(let values): values.map(Double.init)
        }
      placeholders[name] = ReferenceArray(
        shape: computation.graph.nodes[id].shape, values: values)
    }
    var given: [String: ReferenceArray] = [:]
    for name in computation.graph.parameters.keys {
      given[name] = ReferenceArray(try parameters.download(name))
    }
    do {
      results = try ReferenceEvaluator.evaluate(
        computation.graph, placeholders: placeholders, parameters: given
      ).map(\.tensor)
    } catch { throw ExecutionError("\(error)") }
    lifetimes.end()
  }

  func output(_ name: String) throws(ExecutionError) -> Tensor {
    results[try lifetimes.check(name)]
  }

  func isFinite(_ output: String) throws(ExecutionError) -> Bool {
    try self.output(output).values.allSatisfy(\.isFinite)
  }

  func applyUpdate(
    gradients: (any Parameters)?, learningRate: Float
  ) throws(ExecutionError) -> StepOutcome {
    guard let update = computation.update, let moments else {
      throw ExecutionError("the program has no update: it was compiled without one")
    }
    for output in update.guarded where try !isFinite(output) { return .refusedOutput(output) }
    var slopes: [String: [Float]] = [:]
    for name in moments.names {
      let slope: Tensor
      if let gradients {
        slope = try gradients.download(name)
      } else {
        slope = try output(update.gradients[name]!)
      }
      guard slope.values.allSatisfy(\.isFinite) else { return .refusedGradient(of: name) }
      slopes[name] = slope.values
    }
    var assigned: [(String, Tensor)] = []
    for (name, output) in update.assignments { assigned.append((name, try self.output(output))) }
    try moments.update(parameters, slopes, learningRate)
    for (name, tensor) in assigned { try parameters.upload(tensor, to: name) }
    lifetimes.take()
    return try parameters.firstNonFinite().map { .overflowed($0) } ?? .applied
  }

  func firstNonFinite(
    _ inputs: [String: ProgramInput]
  ) throws(ExecutionError) -> NonFiniteValue? {
    try ReferenceExecutor().firstNonFinite(
      in: computation, inputs, parameters: parameters, policy: policy)
  }
}

final class ReferenceOptimizer: OptimizerState {
  let rule: UpdateRule
  let names: [String]
  private(set) var step = 0
  private let shapes: [(name: String, shape: Shape)]
  private var moments: [[Tensor]]

  init(_ update: StepUpdate, _ parameters: ReferenceParameters) {
    rule = update.rule
    names = update.gradients.keys.sorted()
    let count = update.rule.momentCount
    shapes = names.map { ($0, parameters.shape(of: $0)!) }
    moments = shapes.map { _, shape in
      [Tensor](repeating: Tensor(repeating: 0, shape: shape), count: count)
    }
  }

  func update(
    _ parameters: ReferenceParameters, _ gradients: [String: [Float]], _ rate: Float
  ) throws(ExecutionError) {
    step += 1
    for (place, name) in names.enumerated() {
      var w = try parameters.download(name)
      for (index, slope) in gradients[name]!.enumerated() {
        switch rule {
        case .adam(let beta1, let beta2, let epsilon, let decay):
          let g = slope + decay * w.values[index]
          let m = beta1 * moments[place][0].values[index] + (1 - beta1) * g
          let v = beta2 * moments[place][1].values[index] + (1 - beta2) * g * g
          moments[place][0].values[index] = m
          moments[place][1].values[index] = v
          var (power1, power2): (Float, Float) = (1, 1)
          for _ in 0..<step { (power1, power2) = (power1 * beta1, power2 * beta2) }
          w.values[index] -=
            rate * (m / (1 - power1)) / ((v / (1 - power2)).squareRoot() + epsilon)
        case .sgd(let momentum, let decay, let nesterov):
          let g = slope + decay * w.values[index]
          let v = momentum * moments[place][0].values[index] + g
          moments[place][0].values[index] = v
          w.values[index] -= rate * (nesterov ? g + momentum * v : v)
        }
      }
      try parameters.upload(w, to: name)
    }
  }

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
