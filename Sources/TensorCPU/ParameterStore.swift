import CTensorKernels
import TensorGraph
import TensorRuntime

/// The values of named parameters, shared by all programs that were compiled with them: what a
/// training program updates, an evaluation program reads.
public final class ParameterStore: Parameters {
  /// Names in the order of the initialiser.
  public let names: [String]
  private let slots: [String: (shape: Shape, memory: AlignedMemory)]
  /// Grows with every change, so that work on unchanged parameters can be kept.
  public private(set) var version = 0

  /// All values start at zero.
  public init(_ parameters: [(name: String, shape: Shape)]) throws(ExecutionError) {
    var slots: [String: (shape: Shape, memory: AlignedMemory)] = [:]
    for (name, shape) in parameters {
      let memory = try AlignedMemory(byteCount: shape.count * MemoryLayout<Float>.stride)
      precondition(slots.updateValue((shape, memory), forKey: name) == nil, "two \(name)")
    }
    names = parameters.map(\.name)
    self.slots = slots
  }

  public func shape(of name: String) -> Shape? { slots[name]?.shape }

  /// A copy of the values of one parameter.
  public subscript(name: String) -> Tensor {
    get {
      guard let slot = slots[name] else { preconditionFailure("no parameter \(name)") }
      return Tensor(
        shape: slot.shape,
        values: Array(UnsafeBufferPointer(start: slot.memory.floats, count: slot.shape.count)))
    }
    set {
      guard let slot = slots[name] else { preconditionFailure("no parameter \(name)") }
      precondition(newValue.shape == slot.shape, "\(name): \(newValue.shape) for \(slot.shape)")
      newValue.values.withUnsafeBufferPointer {
        slot.memory.floats.update(from: $0.baseAddress!, count: $0.count)
      }
      version += 1
    }
  }

  /// Calls `body` with the values in place, which it may change.
  public func withValues<Result>(
    of name: String, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    guard let slot = slots[name] else { preconditionFailure("no parameter \(name)") }
    version += 1
    return try body(UnsafeMutableBufferPointer(start: slot.memory.floats, count: slot.shape.count))
  }

  func pointer(to name: String) -> UnsafeMutablePointer<Float>? { slots[name]?.memory.floats }

  func noteChange() { version += 1 }
}

// MARK: As other executors have it

extension ParameterStore {
  /// Whether all values of one parameter are finite.
  public func isFinite(_ name: String, threads: Int) -> Bool {
    guard let shape = shape(of: name), let values = pointer(to: name) else {
      preconditionFailure("no parameter \(name)")
    }
    return trompe_all_finite(Int64(shape.count), values, Int32(threads)) != 0
  }

  /// The first parameter with a value that is not finite.
  public func firstNonFinite(threads: Int) -> String? {
    names.first { !isFinite($0, threads: threads) }
  }

  public func isFinite(_ name: String) -> Bool {
    isFinite(name, threads: CPUExecutor.defaultThreads)
  }

  public func download(_ name: String) throws(ExecutionError) -> Tensor {
    guard slots[name] != nil else { throw ExecutionError("there is no parameter \(name)") }
    return self[name]
  }

  public func upload(_ tensor: Tensor, to name: String) throws(ExecutionError) {
    try check(name, tensor.shape)
    self[name] = tensor
  }

  public func assign(
    _ name: String, from output: String, of program: any Program
  ) throws(ExecutionError) {
    try combine(name, output, program) { values, new in _ = values.update(fromContentsOf: new) }
  }

  public func add(
    _ output: String, of program: any Program, to name: String
  ) throws(ExecutionError) {
    try combine(name, output, program) { sums, new in
      for index in sums.indices { sums[index] += new[index] }
    }
  }

  private func combine(
    _ name: String, _ output: String, _ program: any Program,
    _ body: (UnsafeMutableBufferPointer<Float>, UnsafeBufferPointer<Float>) -> Void
  ) throws(ExecutionError) {
    guard let program = program as? CPUProgram else {
      throw ExecutionError("the cpu executor reads outputs of its own programs, not of another's")
    }
    let index = try program.lifetimes.check(output)
    try check(name, program.computation.node(of: output)!.shape)
    program.withOutput(index) { new in withValues(of: name) { body($0, new) } }
  }
}
