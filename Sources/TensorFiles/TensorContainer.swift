import TensorGraph

/// What a dataset's elements are in the file.
public enum StoredElementType: Hashable, Sendable, CustomStringConvertible {
  case float16
  case bfloat16
  case float32
  case float64
  case integer(bits: Int, signed: Bool)
  /// Neither floats nor integers; listed, never read.
  case other(String)

  public var isFloat: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    case .integer, .other: false
    }
  }

  public var isInteger: Bool {
    if case .integer = self { true } else { false }
  }

  public var description: String {
    switch self {
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float32: "float32"
    case .float64: "float64"
    case .integer(let bits, let signed): "\(signed ? "" : "u")int\(bits)"
    case .other(let name): name
    }
  }
}

/// One named array of a file.
public struct StoredTensor: Hashable, Sendable {
  /// Full name without a leading slash: `layer1.0.conv1.weight`, or `a/b/c` in nested groups.
  public let name: String
  /// In the file's layout.
  public let shape: Shape
  public let elementType: StoredElementType

  public init(name: String, shape: Shape, elementType: StoredElementType) {
    self.name = name
    self.shape = shape
    self.elementType = elementType
  }
}

/// A file of named arrays, whatever its format. What the names and axes mean is a `CheckpointLayout`'s.
public protocol TensorContainer: Sendable {
  /// As the user gave it, for messages.
  var path: String { get }

  /// Every array, sorted by name.
  var tensors: [StoredTensor] { get }

  /// Reads a dataset of floats or integers, converted to float, row-major, one block after the other:
  /// `body` gets the position of the block's first element and the block, whose length is a multiple
  /// of `alignment` unless it is the last.
  ///
  /// With a `buffer`, which has as many elements as the dataset, blocks lie in it and stay there.
  /// Otherwise a block is gone when `body` returns, and only one is in memory.
  ///
  /// - Precondition: `alignment` divides the product of the axes after the first, or is 1.
  /// - Throws: `CheckpointError` if there is none of this name, or it cannot be read, or what `body`
  ///   throws.
  func readBlocks(
    of name: String, multipleOf alignment: Int, into buffer: UnsafeMutableBufferPointer<Float>?,
    _ body: (Int, UnsafeBufferPointer<Float>) throws -> Void) throws

  /// Reads a dataset of integers; a scalar gives one.
  ///
  /// - Throws: `CheckpointError` if there is none of this name, or it cannot be read.
  func readIntegers(_ name: String) throws -> [Int64]
}

extension Array {
  /// The first position whose element does not come before what is looked for, by binary search;
  /// `count` if all do. For arrays that are sorted.
  fileprivate func position(_ comesBefore: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if comesBefore(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension [String] {
  /// By binary search, for arrays that are sorted.
  func containsSorted(_ element: String) -> Bool {
    let found = position { $0 < element }
    return found < count && self[found] == element
  }
}

extension TensorContainer {
  /// The dataset of this name, found by binary search.
  public func tensor(named name: String) -> StoredTensor? {
    let found = tensors.position { $0.name < name }
    return found < tensors.count && tensors[found].name == name ? tensors[found] : nil
  }

  /// - Throws: `CheckpointError` if there is none of this name.
  private func stored(_ name: String) throws -> StoredTensor {
    guard let stored = tensor(named: name) else {
      throw CheckpointError(path: path, dataset: name, "is missing")
    }
    return stored
  }

  /// The dataset of this name, which must hold floats or integers.
  func storedNumbers(_ name: String) throws -> StoredTensor {
    let stored = try stored(name)
    guard stored.elementType.isFloat || stored.elementType.isInteger else {
      throw CheckpointError(
        path: path, dataset: name, "has elements of type \(stored.elementType), expected floats")
    }
    return stored
  }

  /// The dataset of this name, which must hold integers.
  func storedIntegers(_ name: String) throws -> StoredTensor {
    let stored = try stored(name)
    guard stored.elementType.isInteger else {
      throw CheckpointError(
        path: path, dataset: name, "has elements of type \(stored.elementType), expected integers")
    }
    return stored
  }

  /// Reads a dataset of floats or integers, converted to float, row-major.
  ///
  /// - Precondition: `buffer` has as many elements as the dataset.
  /// - Throws: `CheckpointError` if there is none of this name, or it cannot be read.
  public func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Float>) throws {
    if let stored = tensor(named: name) {
      precondition(
        buffer.count == stored.shape.count,
        "\(buffer.count) floats of memory for \(name) of shape \(stored.shape)")
    }
    try readBlocks(of: name, multipleOf: 1, into: buffer) { _, _ in }
  }

  /// Reads a dataset of floats or integers, converted to float.
  ///
  /// - Throws: `CheckpointError` if there is none of this name, or it cannot be read.
  public func read(_ name: String) throws -> Tensor {
    let stored = try stored(name)
    let values = try [Float](unsafeUninitializedCapacity: stored.shape.count) { buffer, count in
      try read(name, into: UnsafeMutableBufferPointer(rebasing: buffer[..<stored.shape.count]))
      count = stored.shape.count
    }
    return Tensor(shape: stored.shape, values: values)
  }

  /// Reads a dataset of one integer, such as `num_batches_tracked`. Averaged and halved files have floats there:
  /// the nearest integer, 0 of what is none.
  ///
  /// - Throws: `CheckpointError` if there is none of this name, or it is not one number.
  public func readInteger(_ name: String) throws -> Int64 {
    let isFloat = tensor(named: name)?.elementType.isFloat ?? false
    let values =
      try isFloat
      ? read(name).values.map { Int64(exactly: $0.rounded()) ?? 0 } : readIntegers(name)
    guard values.count == 1 else {
      throw CheckpointError(
        path: path, dataset: name, "has \(values.count) elements, expected one integer")
    }
    return values[0]
  }
}
