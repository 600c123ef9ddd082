import Foundation
import StableHLO
import TensorGraph
import TensorPlan
import TensorRuntime

/// A computation compiled by a plugin.
///
/// A computation without an update is one module. One with an update is up to three: the whole step,
/// which is compiled at once; a run alone; the update alone, by gradients that were computed before.
/// The last two are compiled when they are first needed.
public final class XLAProgram: Program {
  public let computation: Computation
  public let policy: ExecutionPolicy
  let executor: XLAExecutor
  var client: XLAClient { executor.client }

  private let parameters: XLAParameters
  private let moments: XLAOptimizer?
  private let main: Compiled
  private var runAlone: Compiled?
  private var updateAlone: Compiled?
  private var lifetimes: OutputLifetimes
  private var outputs: [String: DeviceBuffer] = [:]

  /// A module, its program, and the constants that it is given, by argument.
  private struct Compiled {
    let module: Module
    let executable: XLAExecutable
    let constants: [Int: DeviceBuffer]
  }

  public var optimizer: (any OptimizerState)? { moments }
  public var threads: Int { policy.threads ?? ProcessInfo.processInfo.activeProcessorCount }

  init(
    _ computation: Computation, executor: XLAExecutor, parameters: XLAParameters,
    policy: ExecutionPolicy
  ) throws(ExecutionError) {
    try computation.check(parameters)
    (self.computation, self.executor) = (computation, executor)
    (self.parameters, self.policy) = (parameters, policy)
    lifetimes = OutputLifetimes(computation)
    if let update = computation.update {
      moments = try XLAOptimizer(update, parameters)
      let module = try Self.lowered { () throws(LoweringError) in
        try Module.step(
          computation, parameters: { parameters.shape(of: $0)! },
          multiplication: policy.precision.multiplication, devices: executor.client.device.count)
      }
      main = try Self.compile(module, executor.client, policy)
    } else {
      moments = nil
      main = try Self.compile(
        try Self.run(computation, executor.client, policy), executor.client, policy)
    }
  }

  private static func run(
    _ computation: Computation, _ client: XLAClient, _ policy: ExecutionPolicy
  ) throws(ExecutionError) -> Module {
    try lowered { () throws(LoweringError) in
      try Module.run(
        computation, multiplication: policy.precision.multiplication,
        devices: client.device.count)
    }
  }

  private static func lowered(
    _ body: () throws(LoweringError) -> Module
  ) throws(ExecutionError) -> Module {
    do { return try body() } catch { throw ExecutionError(error.description) }
  }

  private static func compile(
    _ module: Module, _ client: XLAClient, _ policy: ExecutionPolicy
  ) throws(ExecutionError) -> Compiled {
    var constants: [Int: DeviceBuffer] = [:]
    for (position, argument) in module.arguments.enumerated() {
      if case .constant(let tensor) = argument.role {
        constants[position] = try client.upload(tensor)
      }
    }
    return Compiled(
      module: module,
      executable: try client.compile(module.text, isDeterministic: policy.isDeterministic),
      constants: constants)
  }

  // MARK: Running

  /// Gives every argument of a module what it stands for, and begins a run.
  private func execute(
    _ compiled: Compiled, _ inputs: [String: ProgramInput] = [:],
    gradients: XLAParameters? = nil, learningRate: Float = 0
  ) throws(ExecutionError) -> [(role: Module.Result, buffer: DeviceBuffer)] {
    let scalars = moments?.rule.scalars(step: moments!.step + 1, learningRate: learningRate)
    var arguments: [DeviceBuffer] = []
    for (position, argument) in compiled.module.arguments.enumerated() {
      switch argument.role {
      case .parameter(let name): arguments.append(try parameters.buffer(name))
      case .placeholder(let name):
        arguments.append(
          try client.upload(
            inputs[name]!, argument.type.shape,
            isSplit: compiled.module.split.contains(position)))
      case .constant: arguments.append(compiled.constants[position]!)
      case .moment(let name, let place):
        arguments.append(try moments!.buffer(of: name, place))
      case .gradient(let name):
        if let gradients {
          arguments.append(try gradients.buffer(name))
        } else {
          arguments.append(try buffer(of: computation.update!.gradients[name]!))
        }
      case .output(let name): arguments.append(try buffer(of: name))
      case .scalar(let scalar):
        arguments.append(try client.upload(Tensor(scalars![scalar]!)))
      }
    }
    let types = compiled.module.results.map { result in
      (shape: result.type.shape, type: result.type.element.elementType)
    }
    let made = try compiled.executable.execute(arguments, results: types)
    return zip(compiled.module.results, made).map { ($0.role, $1) }
  }

  public func run(_ inputs: [String: ProgramInput]) throws(ExecutionError) {
    try computation.check(inputs)
    let compiled: Compiled
    if computation.update == nil {
      compiled = main
    } else if let runAlone {
      compiled = runAlone
    } else {
      compiled = try Self.compile(try Self.run(computation, client, policy), client, policy)
      runAlone = compiled
    }
    begin()
    keepOutputs(of: try execute(compiled, inputs))
    lifetimes.end()
  }

  /// Frees the outputs of the last run.
  private func begin() {
    lifetimes.begin()
    outputs = [:]
  }

  private func keepOutputs(of results: [(role: Module.Result, buffer: DeviceBuffer)]) {
    for (role, buffer) in results {
      if case .output(let name) = role { outputs[name] = buffer }
    }
  }

  // MARK: Outputs

  /// Where an output of the last run is.
  func buffer(of output: String) throws(ExecutionError) -> DeviceBuffer {
    try lifetimes.check(output)
    guard let buffer = outputs[output] else {
      preconditionFailure("\(output) is there and has no buffer")
    }
    return buffer
  }

  public func output(_ name: String) throws(ExecutionError) -> Tensor {
    try buffer(of: name).download()
  }

  public func isFinite(_ output: String) throws(ExecutionError) -> Bool {
    let buffer = try buffer(of: output)
    guard buffer.type == .float32 else { return true }
    return try buffer.download().values.allSatisfy(\.isFinite)
  }

  // MARK: Training

  /// One program computes all outputs but the gradients, and the update.
  public func step(
    _ inputs: [String: ProgramInput], learningRate: Float
  ) throws(ExecutionError) -> StepOutcome {
    guard computation.update != nil else {
      throw ExecutionError("the program has no update: it was compiled without one")
    }
    try computation.check(inputs)
    begin()
    let results = try execute(main, inputs, learningRate: learningRate)
    keepOutputs(of: results)
    lifetimes.end()
    let outcome = try takeUp(results, main.module)
    // There are no gradients outside the program, whether or not it used them.
    lifetimes.take()
    return outcome
  }

  public func applyUpdate(
    gradients: (any Parameters)?, learningRate: Float
  ) throws(ExecutionError) -> StepOutcome {
    guard let update = computation.update, let moments else {
      throw ExecutionError("the program has no update: it was compiled without one")
    }
    var own: XLAParameters?
    if let gradients {
      guard let kept = gradients as? XLAParameters, kept.client === client else {
        throw ExecutionError(
          "\(client.name) reads gradients that it keeps, not those of another executor")
      }
      for name in moments.names { try kept.check(name, parameters.shape(of: name)!) }
      own = kept
    }
    for output in update.guarded + update.assignments.values { try lifetimes.check(output) }
    let compiled: Compiled
    if let updateAlone {
      compiled = updateAlone
    } else {
      let module = Module.update(
        computation, parameters: { self.parameters.shape(of: $0)! }, devices: client.device.count)
      compiled = try Self.compile(module, client, policy)
      updateAlone = compiled
    }
    let results = try execute(compiled, gradients: own, learningRate: learningRate)
    let outcome = try takeUp(results, compiled.module)
    if outcome.hasChanged { lifetimes.take() }
    return outcome
  }

  /// New parameters and moments, which are the old ones where the step was refused.
  private func takeUp(
    _ results: [(role: Module.Result, buffer: DeviceBuffer)], _ module: Module
  ) throws(ExecutionError) -> StepOutcome {
    var checked: [UInt8] = []
    var changed: [(name: String, buffer: DeviceBuffer)] = []
    var checks: DeviceBuffer?
    for (role, buffer) in results {
      switch role {
      case .parameter(let name): changed.append((name, buffer))
      case .moment(let name, let place): moments!.replace(name, place, buffer)
      case .checks: checks = buffer
      case .output: break
      }
    }
    // Before anything is waited for: the old ones are gone.
    parameters.replace(changed.map { ($0.name, $0.buffer, false) })
    if let checks { checked = try checks.bytes() }
    var failed: Set<String> = []
    var refusal: StepOutcome?
    for (check, isFinite) in zip(module.checks, checked) where isFinite == 0 {
      switch check {
      case .output(let name): refusal = refusal ?? .refusedOutput(name)
      case .gradient(let name): refusal = refusal ?? .refusedGradient(of: name)
      case .parameter(let name): failed.insert(name)
      }
    }
    parameters.replace(changed.map { ($0.name, $0.buffer, !failed.contains($0.name)) })
    if let refusal { return refusal }
    moments!.advance()
    return try parameters.firstNonFinite().map { .overflowed($0) } ?? .applied
  }

  // MARK: Values that are not finite

  public func firstNonFinite(
    _ inputs: [String: ProgramInput]
  ) throws(ExecutionError) -> NonFiniteValue? {
    try executor.firstNonFinite(
      in: computation, inputs, parameters: parameters, policy: policy)
  }

  // MARK: What a run takes

  /// The operations of the compiled program that devices exchange values by, e.g. `all-reduce`, with how
  /// often each stands in it; `nil` if the plugin does not tell.
  package var collectives: [String: Int]? {
    main.executable.optimized.map(OptimizedModule.collectives)
  }

  public private(set) lazy var resources = main.module.resources(
    of: computation, temporary: main.executable.temporaryBytes ?? 0)
}

extension Module {
  /// What a run takes beside parameters and moments.
  /// - Parameter temporary: bytes between arguments and results, as the compiler tells.
  func resources(of computation: Computation, temporary: Int) -> ProgramResources {
    let given = arguments.enumerated().reduce(0) { sum, argument in
      switch argument.element.role {
      case .parameter, .moment: return sum
      default:
        let isSplit = split.contains(argument.offset)
        return sum + argument.element.type.byteCount / (isSplit ? devices : 1)
      }
    }
    // What takes the place of an argument is no more memory.
    let donated = Set(donations.values)
    let results = results.enumerated().reduce(0) { sum, result in
      donated.contains(result.offset) ? sum : sum + result.element.type.byteCount
    }
    return ProgramResources(
      flops: ProgramPlan(computation.graph, for: BackendTraits()).cost.flops,
      peakBytes: given + results + temporary)
  }
}

extension StepOutcome {
  fileprivate var hasChanged: Bool {
    switch self {
    case .applied, .overflowed: true
    case .refusedOutput, .refusedGradient: false
    }
  }
}

extension ExecutionPolicy.Precision {
  var multiplication: Multiplication {
    switch self {
    case .float32: .float32
    case .tensorFloat32: .tensorFloat32
    case .bfloat16: .bfloat16
    }
  }
}

extension ModuleType {
  fileprivate var byteCount: Int {
    switch element {
    case .f32, .i32: 4 * shape.count
    case .bf16: 2 * shape.count
    case .ui8, .i1: shape.count
    }
  }
}

extension ModuleElement {
  /// Of what crosses to the host.
  fileprivate var elementType: ElementType {
    switch self {
    case .f32: .float32
    case .i32: .int32
    case .ui8: .uint8
    case .bf16, .i1: preconditionFailure("no result is \(rawValue)")
    }
  }
}
