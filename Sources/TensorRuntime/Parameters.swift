import TensorGraph

/// The values of named parameters where an executor keeps them, perhaps on a device: what a training
/// program changes, an evaluation program of the same parameters reads.
public protocol Parameters: AnyObject {
  /// In the order in which they were made.
  var names: [String] { get }
  /// Grows with every change, so that work on unchanged parameters can be kept.
  var version: Int { get }

  /// `nil` if there is no such parameter.
  func shape(of name: String) -> Shape?

  /// A copy of one parameter on the host.
  func download(_ name: String) throws(ExecutionError) -> Tensor

  /// Replaces one parameter.
  func upload(_ tensor: Tensor, to name: String) throws(ExecutionError)

  /// Replaces one parameter by an output of the last run of a program of the same executor.
  func assign(_ name: String, from output: String, of program: any Program) throws(ExecutionError)

  /// Adds an output of the last run of a program of the same executor to one parameter.
  func add(_ output: String, of program: any Program, to name: String) throws(ExecutionError)

  /// Whether all values of one parameter are finite.
  func isFinite(_ name: String) throws(ExecutionError) -> Bool
}

extension Parameters {
  /// Copies of all parameters on the host.
  public func snapshot() throws(ExecutionError) -> ParameterSnapshot {
    var tensors: [(String, Tensor)] = []
    for name in names { tensors.append((name, try download(name))) }
    return ParameterSnapshot(tensors: Dictionary(uniqueKeysWithValues: tensors))
  }

  /// Replaces all parameters that a snapshot holds.
  public func restore(_ snapshot: ParameterSnapshot) throws(ExecutionError) {
    for name in names {
      guard let tensor = snapshot.tensors[name] else { continue }
      try upload(tensor, to: name)
    }
  }

  /// The first parameter with a value that is not finite.
  public func firstNonFinite() throws(ExecutionError) -> String? {
    for name in names where try !isFinite(name) { return name }
    return nil
  }

  /// - Throws: `ExecutionError` if there is no such parameter or it has another shape.
  public func check(_ name: String, _ given: Shape) throws(ExecutionError) {
    guard let shape = shape(of: name) else {
      throw ExecutionError("there is no parameter \(name)")
    }
    guard shape == given else {
      throw ExecutionError("parameter \(name) is \(shape), and is given \(given)")
    }
  }
}

/// Parameters at one moment, on the host.
public struct ParameterSnapshot: Hashable, Sendable {
  public let tensors: [String: Tensor]

  public init(tensors: [String: Tensor]) { self.tensors = tensors }
}
