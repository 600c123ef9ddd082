/// Sum, maximum or minimum over axes, which stay with extent 1.
public struct Reduction: Operation {
  public enum Function: String, Hashable, Sendable, CaseIterable { case sum, maximum, minimum }
  public let function: Function
  /// Ascending, without repetition.
  public let axes: [Int]
  public var name: String { "reduce \(function.rawValue)" }

  public init(_ function: Function, axes: [Int]) {
    (self.function, self.axes) = (function, Set(axes).sorted())
  }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    var dimensions = operands[0].dimensions
    for axis in axes {
      guard dimensions.indices.contains(axis) else {
        throw ShapeError("\(name): \(operands[0]) has no axis \(axis)")
      }
      dimensions[axis] = 1
    }
    return Shape(dimensions)
  }

  /// The sum's cotangent is repeated; that of a maximum or minimum goes to the elements that
  /// attain it, in equal shares.
  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    let x = operands[0]
    switch function {
    case .sum: return [try graph.broadcast(cotangent, to: x.shape)]
    case .maximum, .minimum:
      let attained = try graph.isEqual(x, graph.broadcast(result, to: x.shape))
      let share = try graph.divide(cotangent, graph.sum(attained, axes: axes))
      return [try graph.multiply(attained, share)]
    }
  }
}

/// The index of the largest element along the last axis, the first of equals: [.., D] to [..].
/// No gradient.
public struct ArgMax: Operation {
  public var name: String { "argmax" }

  public init() {}

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    guard operands[0].rank > 0 else { throw ShapeError("argmax: a scalar has no axis") }
    return Shape(operands[0].dimensions.dropLast())
  }

  public func resultType(of operands: [ElementType]) -> ElementType { .int32 }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] { [nil] }
}

/// 1 at the `count` largest elements along the last axis (of equals the first), 0 elsewhere.
/// No gradient.
public struct TopKMask: Operation {
  public let count: Int
  public var name: String { "top-k mask" }

  public init(count: Int) { self.count = count }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    guard operands[0].rank > 0, (1...Swift.max(1, operands[0][-1])).contains(count) else {
      throw ShapeError("top-k mask: \(count) of the last axis of \(operands[0])")
    }
    return operands[0]
  }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] { [nil] }
}

/// Row i is 1 at `indices[i]` and 0 elsewhere: int32 [..] to [.., depth]. No gradient.
public struct OneHot: Operation {
  public let depth: Int
  public var name: String { "one-hot" }

  public init(depth: Int) { self.depth = depth }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    return Shape(operands[0].dimensions + [depth])
  }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] { [nil] }
}

extension GraphBuilder {
  private mutating func reduce(
    _ function: Reduction.Function, _ x: Value, _ axes: [Int]
  ) throws(ShapeError) -> Value {
    let axes = axes.map { $0 < 0 ? $0 + x.shape.rank : $0 }
    return axes.isEmpty ? x : try append(Reduction(function, axes: axes), [x])
  }
  /// Sum over `axes` (negative ones count from the end), which stay with extent 1.
  public mutating func sum(_ x: Value, axes: [Int]) throws(ShapeError) -> Value {
    try reduce(.sum, x, axes)
  }
  public mutating func maximum(of x: Value, axes: [Int]) throws(ShapeError) -> Value {
    try reduce(.maximum, x, axes)
  }
  public mutating func minimum(of x: Value, axes: [Int]) throws(ShapeError) -> Value {
    try reduce(.minimum, x, axes)
  }
  public mutating func mean(_ x: Value, axes: [Int]) throws(ShapeError) -> Value {
    let sum = try sum(x, axes: axes)
    return try multiply(sum, Double(sum.shape.count) / Double(x.shape.count))
  }
  /// Sum of all elements, as a scalar.
  public mutating func sum(_ x: Value) throws(ShapeError) -> Value {
    try reshape(sum(x, axes: Array(0..<x.shape.rank)), to: .scalar)
  }
  /// Mean of all elements, as a scalar.
  public mutating func mean(_ x: Value) throws(ShapeError) -> Value {
    try multiply(sum(x), 1 / Double(x.shape.count))
  }
  public mutating func argMax(_ x: Value) throws(ShapeError) -> Value { try append(ArgMax(), [x]) }
  public mutating func topKMask(_ x: Value, count: Int) throws(ShapeError) -> Value {
    try append(TopKMask(count: count), [x])
  }
  public mutating func oneHot(_ indices: Value, depth: Int) throws(ShapeError) -> Value {
    try append(OneHot(depth: depth), [indices])
  }
}
