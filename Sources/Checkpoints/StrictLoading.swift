import TensorFiles
import TensorGraph

/// A parameter (or buffer) that a network requires of a file.
public struct ParameterSpecification: Hashable, Sendable {
  /// Full name in the file.
  public let name: String
  /// Shape in the file's layout; see `WeightLayout.fileShape(of:)`.
  public let shape: Shape

  public init(name: String, shape: Shape) {
    self.name = name
    self.shape = shape
  }

  /// PyTorch counts the batches that a batch-norm layer has seen under this name. No formula here
  /// uses the count: such entries are kept, and may be missing or surplus.
  public var isBatchCount: Bool { isBatchCountName(name) }
}

func isBatchCountName(_ name: String) -> Bool {
  name == "num_batches_tracked" || name.hasSuffix(".num_batches_tracked")
    || name.hasSuffix("/num_batches_tracked")
}

/// What a network takes from a file.
public struct LoadedParameters: Hashable, Sendable {
  /// In the file's layout, by name: all that was expected, batch counts excepted.
  public var tensors: [String: Tensor]
  /// The file's `num_batches_tracked` entries, by name.
  public var batchCounts: [String: Int64]

  public init(tensors: [String: Tensor] = [:], batchCounts: [String: Int64] = [:]) {
    self.tensors = tensors
    self.batchCounts = batchCounts
  }
}

extension TensorContainer {
  /// Every dataset that is a network's: neither training state nor our notes.
  public var parameters: [StoredTensor] {
    tensors.filter { !$0.name.hasPrefix("state/") && !$0.name.hasPrefix("_metadata/") }
  }

  /// Checks that the file has exactly the parameters that are expected, each of floats and of the
  /// expected shape. `num_batches_tracked` is optional both ways; what lies in the groups `state` and
  /// `_metadata` is not a parameter.
  ///
  /// - Throws: one `CheckpointError` that lists every missing, misshapen and surplus tensor.
  public func check(_ expected: [ParameterSpecification]) throws {
    var problems: [CheckpointError.Problem] = []
    var names: Set<String> = []
    for parameter in expected {
      precondition(names.insert(parameter.name).inserted, "\(parameter.name) is expected twice")
      guard !parameter.isBatchCount else { continue }
      guard let stored = tensor(named: parameter.name) else {
        problems.append(.init(dataset: parameter.name, "is missing, expected \(parameter.shape)"))
        continue
      }
      if stored.shape != parameter.shape {
        problems.append(
          .init(
            dataset: parameter.name, "has shape \(stored.shape), expected \(parameter.shape)"))
      } else if !stored.elementType.isFloat {
        problems.append(
          .init(
            dataset: parameter.name,
            "has elements of type \(stored.elementType), expected floats"))
      }
    }
    for stored in parameters where !names.contains(stored.name) && !isBatchCountName(stored.name) {
      problems.append(
        .init(
          dataset: stored.name,
          "has shape \(stored.shape), but the network has no parameter of this name"))
    }
    if !problems.isEmpty { throw CheckpointError(path: path, problems: problems) }
  }

  /// Checks the file as `check` does, then hands over one parameter after the other in the order
  /// expected, so that only one is in memory twice.
  ///
  /// - Throws: `CheckpointError` as `check`, or listing every parameter with a value that is not
  ///   finite or a negative variance (after all were handed over), or what `body` throws.
  public func forEachParameter(
    _ expected: [ParameterSpecification], _ body: (ParameterSpecification, Tensor) throws -> Void
  ) throws {
    try check(expected)
    var problems: [CheckpointError.Problem] = []
    for parameter in expected where !parameter.isBatchCount {
      let tensor = try read(parameter.name)
      let problem = tensor.values.withUnsafeBufferPointer {
        valueProblem($0, areVariances: isVarianceName(parameter.name), shape: tensor.shape)
      }
      if let problem {
        problems.append(.init(dataset: parameter.name, problem))
      } else {
        try body(parameter, tensor)
      }
    }
    if !problems.isEmpty { throw CheckpointError(path: path, problems: problems) }
  }

  /// Checks the file as `check` does and reads all of it that is expected.
  ///
  /// - Throws: `CheckpointError` as `check`, or listing every parameter with a value that is not
  ///   finite.
  public func load(_ expected: [ParameterSpecification]) throws -> LoadedParameters {
    var loaded = LoadedParameters()
    try forEachParameter(expected) { loaded.tensors[$0.name] = $1 }
    loaded.batchCounts = try readBatchCounts()
    return loaded
  }

  /// The file's `num_batches_tracked` entries, by name.
  ///
  /// - Throws: `CheckpointError` if one is not a single integer.
  public func readBatchCounts() throws -> [String: Int64] {
    var counts: [String: Int64] = [:]
    for stored in parameters where isBatchCountName(stored.name) {
      counts[stored.name] = try readInteger(stored.name)
    }
    return counts
  }
}

/// Whether an array holds variances, as its name tells: PyTorch's, which is the graph's, or Keras's.
func isVarianceName(_ name: String) -> Bool {
  let last = name.split(whereSeparator: { $0 == "." || $0 == "/" }).last ?? ""
  return last == "running_var" || last.hasPrefix("moving_variance")
}

/// What is wrong with values that no network can have: infinite ones, NaNs, and negative variances;
/// nil if there are none.
///
/// - Parameters:
///   - place: where the value at a position stands in the file's array, in row-major order.
///   - shape: of the file's array.
func valueProblem(
  _ values: UnsafeBufferPointer<Float>, areVariances: Bool, shape: Shape,
  place: (Int) -> Int = { $0 }
) -> String? {
  // The exponent is all ones in infinities and NaNs. Counting without a branch is vectorised.
  let exponent: UInt32 = 0x7f80_0000
  func firstOf(_ isBad: (Float) -> Bool) -> String {
    var first: (place: Int, value: Float)?
    for (position, value) in values.enumerated() where isBad(value) {
      let place = place(position)
      if first.map({ place < $0.place }) ?? true { first = (place, value) }
    }
    guard let first else { preconditionFailure("values that are counted are there") }
    var (rest, index) = (first.place, [Int]())
    for extent in shape.dimensions.reversed() {
      index.insert(rest % max(extent, 1), at: 0)
      rest /= max(extent, 1)
    }
    return "the first is \(first.value) at \(index)"
  }
  var count = 0
  for value in values { count &+= value.bitPattern & exponent == exponent ? 1 : 0 }
  if count > 0 {
    return "has \(count) of \(values.count) values that are not finite numbers as float32, "
      + firstOf { !$0.isFinite }
  }
  guard areVariances else { return nil }
  for value in values { count &+= value < 0 ? 1 : 0 }
  guard count > 0 else { return nil }
  return "has \(count) of \(values.count) variances that are negative, " + firstOf { $0 < 0 }
}
