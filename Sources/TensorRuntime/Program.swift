import TensorGraph

/// A compiled computation.
///
/// Outputs can be read from the end of a run to the begin of the next. A step that changes parameters
/// takes the gradients' memory: these outputs are gone after it.
public protocol Program: AnyObject {
  var computation: Computation { get }
  var policy: ExecutionPolicy { get }
  /// Worker threads that it runs with; what the host prepares for it may use as many.
  var threads: Int { get }

  /// Computes all outputs. May return before they are there; reading one waits for it.
  /// - Parameter inputs: a value for every placeholder, by name.
  /// - Throws: `ExecutionError` for inputs that are missing or of another shape or type, before
  ///   anything is read; or if the device fails.
  func run(_ inputs: [String: ProgramInput]) throws(ExecutionError)

  /// A copy of an output of the last run; indices come back as floats.
  /// - Throws: `ExecutionError` if there is no such output, nothing has run, or a step has taken it.
  func output(_ name: String) throws(ExecutionError) -> Tensor

  /// Whether an output of the last run is finite everywhere.
  func isFinite(_ output: String) throws(ExecutionError) -> Bool

  /// One training step: runs, and changes parameters as `computation.update` says if all that it
  /// guards is finite.
  func step(
    _ inputs: [String: ProgramInput], learningRate: Float
  ) throws(ExecutionError) -> StepOutcome

  /// The second half of a step, after `run`.
  /// - Parameters:
  ///   - gradients: derivatives by the names of their parameters, where those of the program are not
  ///     all there is; its own outputs if `nil`.
  ///   - learningRate: of this update.
  func applyUpdate(
    gradients: (any Parameters)?, learningRate: Float
  ) throws(ExecutionError) -> StepOutcome

  /// What the update rule keeps from step to step; `nil` for a computation without an update.
  var optimizer: (any OptimizerState)? { get }

  /// Runs once more, looking at every value inside; see `Executor.firstNonFinite`.
  func firstNonFinite(
    _ inputs: [String: ProgramInput]
  ) throws(ExecutionError) -> NonFiniteValue?

  /// What a run takes, known before the first.
  var resources: ProgramResources { get }

  // MARK: Optional

  /// Where time went in runs with profiling; `nil` where the executor cannot tell.
  var profile: ProgramProfile? { get }
  /// As `run`, and adds the time of every kernel to `profile`.
  func runProfiled(_ inputs: [String: ProgramInput]) throws(ExecutionError)
}

extension Program {
  public func step(
    _ inputs: [String: ProgramInput], learningRate: Float
  ) throws(ExecutionError) -> StepOutcome {
    try run(inputs)
    return try applyUpdate(gradients: nil, learningRate: learningRate)
  }

  public var profile: ProgramProfile? { nil }
  public func runProfiled(_ inputs: [String: ProgramInput]) throws(ExecutionError) {
    try run(inputs)
  }
}

/// What one run takes.
public struct ProgramResources: Hashable, Sendable {
  /// Floating-point operations; a multiply-add counts as two.
  public var flops: Int
  /// Most memory at a time beside the parameters, inputs included.
  public var peakBytes: Int

  public init(flops: Int, peakBytes: Int) { (self.flops, self.peakBytes) = (flops, peakBytes) }
}

/// Where the time of a program goes.
public struct ProgramProfile: Sendable {
  public struct Entry: Sendable {
    public let name: String
    public let detail: String
    /// Floating-point operations and bytes read and written, of one run.
    public let flops: Int
    public let bytes: Int
    /// Of all runs.
    public var nanoseconds: UInt64 = 0

    public init(name: String, detail: String, flops: Int, bytes: Int) {
      (self.name, self.detail, self.flops, self.bytes) = (name, detail, flops, bytes)
    }
  }
  /// One for each kernel, in the order of execution.
  public var entries: [Entry]
  public var runs = 0

  public init(_ entries: [Entry]) { self.entries = entries }

  /// Milliseconds of one run.
  public var milliseconds: Double {
    Double(entries.reduce(0) { $0 + $1.nanoseconds }) / 1e6 / Double(max(runs, 1))
  }
}
