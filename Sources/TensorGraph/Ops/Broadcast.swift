/// The operand repeated along axes where its extent is 1, and along new leading axes (numpy's rule).
///
/// Its adjoint is the sum over those axes. An executor reads the operand with stride 0 instead of
/// storing copies.
public struct Broadcast: Operation {
  public let shape: Shape
  public var name: String { "broadcast" }

  public init(to shape: Shape) { self.shape = shape }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    guard try Shape.broadcast(operands[0], shape, in: name) == shape else {
      throw ShapeError("broadcast: \(operands[0]) does not spread to \(shape)")
    }
    return shape
  }

  public func resultType(of operands: [ElementType]) -> ElementType { operands[0] }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    let source = operands[0].shape
    let sum = try graph.sum(cotangent, axes: repeatedAxes(of: source))
    return [try graph.reshape(sum, to: source)]
  }

  /// Axes of the result along which the operand is repeated.
  public func repeatedAxes(of operand: Shape) -> [Int] {
    let lead = shape.rank - operand.rank
    return shape.dimensions.indices.filter {
      $0 < lead || (operand.dimensions[$0 - lead] == 1 && shape.dimensions[$0] != 1)
    }
  }
}

extension Shape {
  /// numpy's rule: aligned at the last axis, each pair of extents is equal or one of them is 1.
  public static func broadcast(
    _ a: Shape, _ b: Shape, in operation: String
  ) throws(ShapeError) -> Shape {
    var dimensions: [Int] = []
    for back in stride(from: Swift.max(a.rank, b.rank), to: 0, by: -1) {
      let x = back <= a.rank ? a.dimensions[a.rank - back] : 1
      let y = back <= b.rank ? b.dimensions[b.rank - back] : 1
      guard x == y || x == 1 || y == 1 else {
        throw ShapeError("\(operation): \(a) and \(b) do not broadcast: \(x) against \(y)")
      }
      dimensions.append(x == 1 ? y : x)
    }
    return Shape(dimensions)
  }
}

extension GraphBuilder {
  public mutating func broadcast(_ x: Value, to shape: Shape) throws(ShapeError) -> Value {
    x.shape == shape ? x : try append(Broadcast(to: shape), [x])
  }
}
