import CPJRT
import Foundation
import StableHLO
import TensorGraph
import TensorRuntime

/// Compiles programs for a GPU that need not be here: what they will need can be told, and none can be
/// run.
public final class AheadExecutor: Executor {
  public let target: GPUTarget
  public var name: String { target.name }
  /// What was compiled, in order.
  public private(set) var programs: [AheadProgram] = []
  private let plugin: Plugin
  private let topology: OpaquePointer
  /// Whether programs without an update are left uncompiled.
  private let stepsOnly: Bool

  /// - Parameters:
  ///   - target: what to compile for.
  ///   - plugin: a path; where installed ones for CUDA are looked for if `nil`.
  ///   - search: where it is looked for.
  ///   - stepsOnly: whether only training steps are compiled.
  /// - Throws: `ExecutionError` in one sentence if there is no plugin, or it does not know such a GPU.
  public init(
    _ target: GPUTarget, plugin: String? = nil, search: PluginSearch = PluginSearch(),
    stepsOnly: Bool = false
  ) throws(ExecutionError) {
    (self.target, self.stepsOnly) = (target, stepsOnly)
    let device = XLADevice(.cuda)
    let own = try Plugin(path: search.plugin(for: device, given: plugin), for: device)
    self.plugin = own
    // The wheels are named after the version.
    var text = target.description(runtime: own.path.contains("cuda12") ? 12 : 13)
    do {
      topology = try calling { error in
        text.withUTF8 { bytes in
          bytes.withMemoryRebound(to: CChar.self) {
            trompe_pjrt_topology_create(own.handle, $0.baseAddress, $0.count, error)
          }
        }
      }
    } catch { throw error.cannotStart(own.path, on: device) }
  }

  deinit { trompe_pjrt_topology_destroy(topology) }

  public func makeParameters(
    _ parameters: [(name: String, shape: Shape)]
  ) throws(ExecutionError) -> any Parameters {
    AheadParameters(parameters, of: self)
  }

  public func compile(
    _ computation: Computation, parameters: any Parameters, policy: ExecutionPolicy
  ) throws(ExecutionError) -> any Program {
    guard let own = parameters as? AheadParameters, own.executor === self else {
      throw ExecutionError("\(name) reads parameters that it made, not those of another executor")
    }
    try computation.check(own)
    let program = try AheadProgram(computation, own, policy)
    programs.append(program)
    return program
  }

  /// `nil` where it is left uncompiled.
  func compiled(
    _ module: Module, isStep: Bool, isDeterministic: Bool
  ) throws(ExecutionError) -> AheadProgram.Compiled? {
    guard isStep || !stepsOnly else { return nil }
    let options = CompileOptions(
      flags: isDeterministic ? CompileOptions.Flag.deterministic : []
    ).bytes
    let start = ContinuousClock.now
    var text = module.text
    let executable: OpaquePointer
    do {
      executable = try calling { error in
        text.withUTF8 { code in
          code.withMemoryRebound(to: CChar.self) {
            trompe_pjrt_compile_for(
              topology, $0.baseAddress, $0.count, options, options.count, error)
          }
        }
      }
    } catch { throw error.executionError("compile a program", on: name) }
    let elapsed = (ContinuousClock.now - start).components
    defer { trompe_pjrt_executable_destroy(executable) }
    var (memory, size) = (trompe_pjrt_memory(), 0)
    let isKnown = trompe_pjrt_memory_of(executable, &memory) != 0
    var calls: [String: Int] = [:]
    if let code = trompe_pjrt_optimized(executable, &size) {
      calls = OptimizedModule.libraryCalls(
        [UInt8](UnsafeRawBufferPointer(start: code, count: size)))
      free(code)
    }
    return AheadProgram.Compiled(
      seconds: Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18,
      argumentBytes: isKnown ? Int(memory.arguments) : 0,
      resultBytes: isKnown ? Int(memory.results - memory.aliased) : 0,
      temporaryBytes: isKnown ? Int(memory.temporary) : 0, libraryCalls: calls)
  }
}

/// A program that was compiled, or is known by its operations alone.
public final class AheadProgram: Program {
  /// What the compiler tells.
  public struct Compiled: Hashable, Sendable {
    /// That compiling took.
    public let seconds: Double
    /// Parameters, moments and inputs.
    public let argumentBytes: Int
    /// Results that take no argument's place.
    public let resultBytes: Int
    public let temporaryBytes: Int
    /// How often each function of a library is called, e.g. `__cudnn$convForward`.
    public let libraryCalls: [String: Int]

    public var bytes: Int { argumentBytes + resultBytes + temporaryBytes }
  }

  public let computation: Computation
  public let policy: ExecutionPolicy
  public let threads = 1
  /// `nil` where it was left uncompiled.
  public let compiled: Compiled?
  public let resources: ProgramResources
  public var optimizer: (any OptimizerState)? { nil }
  public var isTrainingStep: Bool { computation.update != nil }
  /// Images of a batch: the first extent of the largest input.
  public var batchSize: Int {
    let shapes = computation.graph.placeholders.values.map { computation.graph.nodes[$0].shape }
    return shapes.max { $0.count < $1.count }?.dimensions.first ?? 1
  }
  private let name: String

  init(
    _ computation: Computation, _ parameters: AheadParameters, _ policy: ExecutionPolicy
  ) throws(ExecutionError) {
    (self.computation, self.policy, name) = (computation, policy, parameters.executor.name)
    let module: Module
    do {
      let multiplication = policy.precision.multiplication
      module =
        computation.update == nil
        ? try Module.run(computation, multiplication: multiplication)
        : try Module.step(
          computation, parameters: { parameters.shape(of: $0)! }, multiplication: multiplication)
    } catch { throw ExecutionError(error.description) }
    compiled = try parameters.executor.compiled(
      module, isStep: computation.update != nil, isDeterministic: policy.isDeterministic)
    resources = module.resources(of: computation, temporary: compiled?.temporaryBytes ?? 0)
  }

  private var refusal: ExecutionError {
    ExecutionError(
      "the program was compiled for \(name), which is not here: nothing can be run")
  }

  public func run(_ inputs: [String: ProgramInput]) throws(ExecutionError) { throw refusal }

  public func output(_ name: String) throws(ExecutionError) -> Tensor { throw refusal }

  public func isFinite(_ output: String) throws(ExecutionError) -> Bool { throw refusal }

  public func applyUpdate(
    gradients: (any Parameters)?, learningRate: Float
  ) throws(ExecutionError) -> StepOutcome { throw refusal }

  /// Nothing is looked at.
  public func firstNonFinite(
    _ inputs: [String: ProgramInput]
  ) throws(ExecutionError) -> NonFiniteValue? { nil }
}

/// What was given, on the host.
final class AheadParameters: Parameters {
  let names: [String]
  private(set) var version = 0
  let executor: AheadExecutor
  private var tensors: [String: Tensor] = [:]

  init(_ parameters: [(name: String, shape: Shape)], of executor: AheadExecutor) {
    names = parameters.map(\.name)
    self.executor = executor
    for (name, shape) in parameters { tensors[name] = Tensor(repeating: 0, shape: shape) }
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

  func assign(
    _ name: String, from output: String, of program: any Program
  ) throws(ExecutionError) { try upload(program.output(output), to: name) }

  func add(
    _ output: String, of program: any Program, to name: String
  ) throws(ExecutionError) { _ = try program.output(output) }

  func isFinite(_ name: String) throws(ExecutionError) -> Bool {
    try download(name).values.allSatisfy(\.isFinite)
  }
}
