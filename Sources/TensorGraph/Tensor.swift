/// A dense float array on the host, row-major: what goes into a program and what comes out.
public struct Tensor: Hashable, Sendable {
  public let shape: Shape
  public var values: [Float]

  public init(shape: Shape, values: [Float]) {
    precondition(values.count == shape.count, "\(values.count) values for shape \(shape)")
    self.shape = shape
    self.values = values
  }

  public init(repeating value: Float, shape: Shape) {
    self.init(shape: shape, values: [Float](repeating: value, count: shape.count))
  }

  public init(_ scalar: Float) { self.init(shape: .scalar, values: [scalar]) }

  /// The same values under another shape of the same count.
  public func reshaped(to shape: Shape) -> Tensor { Tensor(shape: shape, values: values) }

  /// Axis `i` of the result is axis `order[i]` of this array, as `numpy.transpose`.
  public func transposed(_ order: [Int]) -> Tensor {
    precondition(order.sorted() == Array(0..<shape.rank), "\(order) does not permute \(shape)")
    let result = Shape(order.map { shape[$0] })
    let strides = shape.strides
    let sourceStrides = order.map { strides[$0] }
    var transposed = [Float](repeating: 0, count: shape.count)
    var index = [Int](repeating: 0, count: shape.rank)
    var source = 0
    for target in transposed.indices {
      transposed[target] = values[source]
      var axis = shape.rank - 1
      while axis >= 0 {
        index[axis] += 1
        source += sourceStrides[axis]
        if index[axis] < result[axis] { break }
        source -= sourceStrides[axis] * result[axis]
        index[axis] = 0
        axis -= 1
      }
    }
    return Tensor(shape: result, values: transposed)
  }
}
