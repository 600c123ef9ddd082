import Foundation
import TensorGraph

/// The values of named parameters, shared by all executables that were compiled with them: what a
/// training program updates, an evaluation program reads.
public final class ParameterStore {
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
