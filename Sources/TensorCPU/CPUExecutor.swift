import CTensorKernels
import TensorGraph
import TensorPlan
import TensorRuntime

/// Compiles computations for this machine's processor cores.
///
/// Runs that follow each other should come from one thread: the pool of worker threads belongs to the
/// thread that calls.
public struct CPUExecutor: Executor {
  public let name = "cpu"
  public let kernels: CPUKernelOptions
  public let group: (any ProcessGroup)?

  /// - Parameters:
  ///   - kernels: how they are chosen.
  ///   - group: the processes that each compute a part of every batch: what a step's update reads is
  ///     the mean over them.
  public init(
    kernels: CPUKernelOptions = CPUKernelOptions(), group: (any ProcessGroup)? = nil
  ) {
    (self.kernels, self.group) = (kernels, group)
  }

  public func makeParameters(
    _ parameters: [(name: String, shape: Shape)]
  ) throws(ExecutionError) -> any Parameters {
    try ParameterStore(parameters)
  }

  public func compile(
    _ computation: Computation, parameters: any Parameters, policy: ExecutionPolicy
  ) throws(ExecutionError) -> any Program {
    guard let store = parameters as? ParameterStore else {
      throw ExecutionError("the cpu executor reads parameters that it made, not those of another")
    }
    return try CPUProgram(
      computation, parameters: store, policy: policy, kernels: kernels, group: group)
  }
}

// MARK: What this processor has

extension CPUExecutor {
  /// The oneDNN library that runs here, as `2.6.0`.
  public static var oneDNNVersion: String { String(cString: trompe_onednn_version()) }

  /// One thread for each core that this process may use.
  public static var defaultThreads: Int { max(1, Int(trompe_processor_count())) }

  private static let best = CPUSettings(
    ExecutionPolicy(), CPUKernelOptions(instructionSet: .best))

  /// Whether this processor has Winograd convolutions, ours or those of this version of oneDNN.
  public static let hasWinograd: Bool = {
    (try? ConvolutionPrimitive(.probe(size: 56, channels: 64), settings: best))?.isWinograd == true
  }()

  /// Whether this processor and this version of oneDNN multiply in bfloat16.
  public static let hasBFloat16: Bool = {
    let primitive = try? ConvolutionPrimitive(
      .probe(size: 14, channels: 32), usesBFloat16: true, settings: best)
    return primitive?.implementation.contains("bf16") == true
  }()
}
