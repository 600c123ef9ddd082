import TensorGraph

/// A dense array in double precision, row-major. Elements of int32 and uint8 values are held as
/// doubles too.
public struct ReferenceArray: Hashable, Sendable {
  public let shape: Shape
  public var values: [Double]

  public init(shape: Shape, values: [Double]) {
    precondition(values.count == shape.count, "\(values.count) values for shape \(shape)")
    self.shape = shape
    self.values = values
  }

  public init(repeating value: Double, shape: Shape) {
    self.init(shape: shape, values: [Double](repeating: value, count: shape.count))
  }

  public init(_ scalar: Double) { self.init(shape: .scalar, values: [scalar]) }

  public init(_ tensor: Tensor) {
    self.init(shape: tensor.shape, values: tensor.values.map(Double.init))
  }

  /// The same values rounded to float.
  public var tensor: Tensor { Tensor(shape: shape, values: values.map { Float($0) }) }
}

extension Shape {
  /// Visits every element in row-major order, with its position there and the offset that the same
  /// indices have in an array of other `strides` (0 along an axis that is repeated or summed).
  @inline(__always)
  func forEachElement(
    strides: [Int], from start: Int = 0, _ visit: (_ position: Int, _ offset: Int) -> Void
  ) {
    var index = [Int](repeating: 0, count: rank)
    var offset = start
    for position in 0..<count {
      visit(position, offset)
      for axis in index.indices.reversed() {
        index[axis] += 1
        offset += strides[axis]
        if index[axis] < dimensions[axis] { break }
        offset -= strides[axis] * dimensions[axis]
        index[axis] = 0
      }
    }
  }
}
