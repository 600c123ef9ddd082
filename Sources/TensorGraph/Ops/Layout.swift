/// The same elements in the same order under another shape.
public struct Reshape: Operation {
  public let shape: Shape
  public var name: String { "reshape" }

  public init(to shape: Shape) { self.shape = shape }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    guard operands[0].count == shape.count else {
      throw ShapeError(
        "reshape: \(operands[0]) has \(operands[0].count) elements, \(shape) has \(shape.count)")
    }
    return shape
  }

  public func resultType(of operands: [ElementType]) -> ElementType { operands[0] }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    [try graph.reshape(cotangent, to: operands[0].shape)]
  }
}

/// Axis `i` of the result is axis `order[i]` of the operand, as `numpy.transpose`.
public struct Transpose: Operation {
  public let order: [Int]
  public var name: String { "transpose" }

  public init(_ order: [Int]) { self.order = order }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    guard order.sorted() == Array(0..<operands[0].rank) else {
      throw ShapeError("transpose: \(order) does not permute the axes of \(operands[0])")
    }
    return Shape(order.map { operands[0][$0] })
  }

  public func resultType(of operands: [ElementType]) -> ElementType { operands[0] }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    var inverse = order
    for (position, axis) in order.enumerated() { inverse[axis] = position }
    return [try graph.transpose(cotangent, inverse)]
  }
}

/// Elements `start`, `start + step`, … below `limit` along every axis. Its adjoint is `Pad`.
public struct Slice: Operation {
  public let start: [Int]
  public let limit: [Int]
  public let step: [Int]
  public var name: String { "slice" }

  public init(start: [Int], limit: [Int], step: [Int]) {
    (self.start, self.limit, self.step) = (start, limit, step)
  }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    let x = operands[0]
    guard start.count == x.rank, limit.count == x.rank, step.count == x.rank else {
      throw ShapeError("slice: \(start)..<\(limit) by \(step) for \(x)")
    }
    var dimensions: [Int] = []
    for axis in 0..<x.rank {
      guard start[axis] >= 0, start[axis] <= limit[axis], limit[axis] <= x[axis], step[axis] > 0
      else { throw ShapeError("slice: \(start)..<\(limit) by \(step) leaves \(x)") }
      dimensions.append((limit[axis] - start[axis] + step[axis] - 1) / step[axis])
    }
    return Shape(dimensions)
  }

  public func resultType(of operands: [ElementType]) -> ElementType { operands[0] }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    let x = operands[0].shape
    let high = (0..<x.rank).map { axis in
      let covered = result.shape[axis] == 0 ? 0 : (result.shape[axis] - 1) * step[axis] + 1
      return x[axis] - start[axis] - covered
    }
    return [
      try graph.append(Pad(low: start, high: high, interior: step.map { $0 - 1 }), [cotangent])
    ]
  }
}

/// Zeros around the operand (`low`, `high`) and between its elements (`interior`). Its adjoint is
/// `Slice`.
public struct Pad: Operation {
  public let low: [Int]
  public let high: [Int]
  public let interior: [Int]
  public var name: String { "pad" }

  public init(low: [Int], high: [Int], interior: [Int]) {
    (self.low, self.high, self.interior) = (low, high, interior)
  }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    let x = operands[0]
    guard low.count == x.rank, high.count == x.rank, interior.count == x.rank,
      (low + high + interior).allSatisfy({ $0 >= 0 })
    else { throw ShapeError("pad: \(low), \(high), \(interior) for \(x)") }
    return Shape(
      (0..<x.rank).map { low[$0] + high[$0] + x[$0] + Swift.max(0, x[$0] - 1) * interior[$0] })
  }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    let limit = (0..<low.count).map { result.shape[$0] - high[$0] }
    return [
      try graph.append(Slice(start: low, limit: limit, step: interior.map { $0 + 1 }), [cotangent])
    ]
  }
}

/// The operands one after the other along `axis`. Its adjoint is one `Slice` each.
public struct Concatenation: Operation {
  public let axis: Int
  public var name: String { "concatenation" }

  public init(axis: Int) { self.axis = axis }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    guard let first = operands.first, (0..<first.rank).contains(axis) else {
      throw ShapeError("concatenation: no axis \(axis) in \(operands)")
    }
    for other in operands
    where other.rank != first.rank
      || other.replacing(axis: axis, with: 1) != first.replacing(axis: axis, with: 1)
    {
      throw ShapeError("concatenation: \(first) and \(other) differ beside axis \(axis)")
    }
    return first.replacing(axis: axis, with: operands.reduce(0) { $0 + $1[axis] })
  }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    var parts: [Value?] = []
    var begin = 0
    for operand in operands {
      let end = begin + operand.shape[axis]
      parts.append(try graph.slice(cotangent, axis: axis, begin..<end))
      begin = end
    }
    return parts
  }
}

extension GraphBuilder {
  public mutating func reshape(_ x: Value, to shape: Shape) throws(ShapeError) -> Value {
    x.shape == shape ? x : try append(Reshape(to: shape), [x])
  }
  public mutating func transpose(_ x: Value, _ order: [Int]) throws(ShapeError) -> Value {
    order == Array(0..<x.shape.rank) ? x : try append(Transpose(order), [x])
  }
  /// The part of `x` with indices in `range` along one axis.
  public mutating func slice(
    _ x: Value, axis: Int, _ range: Range<Int>
  ) throws(ShapeError) -> Value {
    var start = [Int](repeating: 0, count: x.shape.rank)
    var limit = x.shape.dimensions
    (start[axis], limit[axis]) = (range.lowerBound, range.upperBound)
    let step = [Int](repeating: 1, count: x.shape.rank)
    return try append(Slice(start: start, limit: limit, step: step), [x])
  }
  public mutating func concatenate(_ parts: [Value], axis: Int) throws(ShapeError) -> Value {
    let axis = axis < 0 ? axis + (parts.first?.shape.rank ?? 0) : axis
    return parts.count == 1 ? parts[0] : try append(Concatenation(axis: axis), parts)
  }
}
