/// The extents of a dense array, outermost axis first.
///
/// Images are `[N, H, W, C]`, filters `[K, R, S, C]`, vectors `[C]`; a scalar has no axes.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  public let dimensions: [Int]

  public init(_ dimensions: [Int]) {
    precondition(dimensions.allSatisfy { $0 >= 0 }, "negative extent in \(dimensions)")
    self.dimensions = dimensions
  }

  public init(arrayLiteral dimensions: Int...) { self.init(dimensions) }

  public static let scalar: Shape = []

  public var rank: Int { dimensions.count }

  /// Number of elements; 1 for a scalar.
  public var count: Int { dimensions.reduce(1, *) }

  /// Extent of one axis; negative axes count from the end.
  public subscript(axis: Int) -> Int { dimensions[axis < 0 ? axis + rank : axis] }

  /// Row-major strides in elements.
  public var strides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * dimensions[axis + 1]
    }
    return strides
  }

  public func replacing(axis: Int, with extent: Int) -> Shape {
    var dimensions = dimensions
    dimensions[axis < 0 ? axis + rank : axis] = extent
    return Shape(dimensions)
  }

  public var description: String { "[\(dimensions.map(String.init).joined(separator: ", "))]" }
}

/// What an element is, as the graph sees it. An executor may compute in a narrower type.
public enum ElementType: Hashable, Sendable {
  case float32
  case int32
  case uint8
}

/// Operands that do not fit an operation. The text names the operation, both shapes and both
/// numbers.
public struct ShapeError: Error, Hashable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
