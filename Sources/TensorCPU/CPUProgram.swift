import CTensorKernels
import Foundation
import TensorGraph
import TensorPlan
import TensorRuntime

/// A computation compiled for this machine's processor cores.
///
/// Not for use from two threads at once.
public final class CPUProgram: Program {
  public let computation: Computation
  public let plan: ProgramPlan
  public let policy: ExecutionPolicy
  public let kernels: CPUKernelOptions
  public let threads: Int
  /// Arena of intermediate results, packed weights and scratch.
  public let arenaBytes: Int
  /// Placeholders and constants.
  public let inputBytes: Int
  /// Filled by `runProfiled`.
  public internal(set) var profile: ProgramProfile?

  let parameters: ParameterStore
  let momentum: Optimizer?
  /// Of a step's program that several processes compute.
  private(set) var exchange: GradientExchange?
  var lifetimes: OutputLifetimes
  var steps: [Step] = []
  /// Where storages stand.
  var address: [Int: UnsafeMutableRawPointer] = [:]
  var workedVersion = -1
  private let arena: AlignedMemory
  private var fixed: [Int: AlignedMemory] = [:]

  struct Step {
    let kernel: Int
    let isParameterOnly: Bool
    let run: () -> Int32
  }

  /// What computes a kernel.
  var cpu: trompe_cpu { CPUSettings(policy, kernels).cpu }

  public var resources: ProgramResources {
    ProgramResources(flops: plan.cost.flops, peakBytes: arenaBytes + inputBytes)
  }

  public var optimizer: (any OptimizerState)? { momentum }

  /// - Throws: `ExecutionError` if a parameter is missing or misshapen, an operation or the precision
  ///   is not supported, or memory is short.
  public init(
    _ computation: Computation, parameters: ParameterStore,
    policy: ExecutionPolicy = ExecutionPolicy(), kernels: CPUKernelOptions = CPUKernelOptions(),
    group: (any ProcessGroup)? = nil
  ) throws(ExecutionError) {
    guard policy.precision != .tensorFloat32 else {
      throw ExecutionError("no processor multiplies in tf32; use precision fp32 or bf16")
    }
    guard policy.precision == .float32 || kernels.instructionSet.hasBFloat16 else {
      throw ExecutionError(
        "this processor has no arithmetic in bfloat16 (AVX-512 BF16); use precision fp32")
    }
    try computation.check(parameters)
    let settings = CPUSettings(policy, kernels)
    plan = ProgramPlan(
      computation.graph, for: settings.traits, recomputes: policy.recomputes)
    (self.computation, self.parameters) = (computation, parameters)
    (self.policy, self.kernels, threads) = (policy, kernels, settings.threads)
    lifetimes = OutputLifetimes(computation)
    profile = ProgramProfile(plan)
    var momentum: Optimizer?
    if let update = computation.update {
      momentum = try Optimizer(
        update.rule, parameters: parameters, names: update.gradients.keys.sorted())
    }
    self.momentum = momentum

    var inputBytes = 0
    for (id, node) in plan.graph.nodes.enumerated() {
      switch node.operation {
      case let parameter as Parameter:
        address[id] = UnsafeMutableRawPointer(parameters.pointer(to: parameter.label)!)
      case is Placeholder, is Constant, is Scalar:
        let memory = try AlignedMemory(byteCount: node.byteCount)
        inputBytes += node.byteCount
        fixed[id] = memory
        address[id] = memory.base
        if let constant = node.operation as? Constant {
          constant.tensor.values.withUnsafeBufferPointer {
            memory.floats.update(from: $0.baseAddress!, count: $0.count)
          }
        }
        if let scalar = node.operation as? Scalar { memory.floats.pointee = Float(scalar.value) }
      default: break
      }
    }
    self.inputBytes = inputBytes

    // oneDNN divides the work when it makes a primitive: whatever ran before, the number of threads
    // must be this program's own.
    trompe_set_thread_count(Int32(threads))
    // Which primitives there are decides how much scratch and packed weights need.
    var preparation = Preparation(plan, settings)
    try preparation.prepare()
    let memoryPlan = MemoryPlan(preparation.requests)
    arenaBytes = memoryPlan.peakBytes
    arena = try AlignedMemory(byteCount: arenaBytes)
    for (storage, request) in preparation.storageRequest {
      address[storage] = arena.base + memoryPlan.offsets[request]
    }
    func arenaAddress(_ request: Int?) -> UnsafeMutableRawPointer {
      arena.base + (request.map { memoryPlan.offsets[$0] } ?? 0)
    }

    let lowering = Lowering(plan: plan, settings: settings, address: address)
    for (index, kernel) in plan.kernels.enumerated() {
      let prepared = preparation.kernels[index]
      let scratch = arenaAddress(prepared.scratch)
      if let pack = prepared.pack, pack.firstKernel == index {
        let primitive = pack.primitive
        let from = lowering.floats(pack.filter)
        let scale = pack.scale.map { UnsafePointer(lowering.floats($0)) }
        let to = arenaAddress(pack.request)
        steps.append(
          Step(kernel: index, isParameterOnly: pack.isParameterOnly) {
            trompe_convolution_reorder_filter(primitive.handle, from, scale, to, scratch)
          })
      }
      let packed = prepared.pack.map { arenaAddress($0.request) }
      let run = try lowering.lower(kernel, prepared, packed: packed, scratch: scratch)
      steps.append(
        Step(kernel: index, isParameterOnly: preparation.isParameterOnly(kernel), run: run))
    }
    if let group, let update = computation.update {
      exchange = try GradientExchange(of: self, update, group: group)
    }
  }
}

/// What decides how a program's kernels are made.
struct CPUSettings: Sendable {
  let policy: ExecutionPolicy
  let kernels: CPUKernelOptions
  let threads: Int

  init(
    _ policy: ExecutionPolicy = ExecutionPolicy(), _ kernels: CPUKernelOptions = CPUKernelOptions()
  ) {
    (self.policy, self.kernels) = (policy, kernels)
    threads = policy.threads ?? CPUExecutor.defaultThreads
  }

  /// What computes a kernel.
  var cpu: trompe_cpu {
    trompe_cpu(kernels: kernels.instructionSet.kernels.table, threads: Int32(threads))
  }

  /// Filters are multiplied with a folded batch norm when they are packed where our own kernels pack
  /// all of them; a primitive of oneDNN would need another copy.
  var traits: BackendTraits {
    var traits = BackendTraits(
      blocksChannels: kernels.blocksChannels,
      scalesFilters: kernels.blocksChannels && kernels.library == .own
        && policy.precision == .float32)
    if policy.precision == .bfloat16 {
      traits.multipliesInBFloat16 = { kernel in
        ConvolutionWork(kernel)?.gainsByBFloat16(self) == true
      }
    }
    return traits
  }
}
