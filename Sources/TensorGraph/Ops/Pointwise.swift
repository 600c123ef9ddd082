/// y = f(x), element by element.
public struct Unary: Operation {
  public enum Function: String, Hashable, Sendable, CaseIterable {
    case negate, absolute, exponential, logarithm, squareRoot, reciprocal, square
    /// max(x, 0)
    case relu
    /// 1 where x > 0, else 0: the mask of a ReLU. No gradient.
    case isPositive
    /// -1, 0 or 1. No gradient.
    case sign
    /// log(1 + eˣ), computed without overflow
    case softplus
    /// 1 / (1 + e⁻ˣ)
    case sigmoid
    /// (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)
    case hyperbolicTangent
    /// 2/√π · ∫₀ˣ e^(−t²) dt
    case errorFunction
  }
  public let function: Function
  public var name: String { function.rawValue }

  public init(_ function: Function) { self.function = function }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    return operands[0]
  }

  public func vjp(
    _ operands: [Value], result y: Value, cotangent dy: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    let x = operands[0]
    switch function {
    case .negate: return [try graph.negate(dy)]
    case .absolute: return [try graph.multiply(dy, graph.sign(x))]
    case .exponential: return [try graph.multiply(dy, y)]
    case .logarithm: return [try graph.divide(dy, x)]
    case .squareRoot: return [try graph.divide(graph.multiply(dy, 0.5), y)]
    case .reciprocal: return [try graph.negate(graph.multiply(dy, graph.square(y)))]
    case .square: return [try graph.multiply(dy, graph.multiply(x, 2))]
    // The mask is that of the result: y > 0 exactly where x > 0, and x need not be kept.
    case .relu: return [try graph.multiply(dy, graph.isPositive(y))]
    case .isPositive, .sign: return [nil]
    case .softplus: return [try graph.multiply(dy, graph.sigmoid(x))]
    case .sigmoid:
      return [try graph.multiply(dy, graph.multiply(y, graph.subtract(1, y)))]
    case .hyperbolicTangent:
      return [try graph.multiply(dy, graph.subtract(1, graph.square(y)))]
    case .errorFunction:
      let bell = try graph.exponential(graph.negate(graph.square(x)))
      return [try graph.multiply(dy, graph.multiply(bell, 2 / Double.pi.squareRoot()))]
    }
  }
}

/// z = f(x, y), element by element, for operands of one shape (see `GraphBuilder.broadcast`).
public struct Binary: Operation {
  public enum Function: String, Hashable, Sendable, CaseIterable {
    case add, subtract, multiply, divide, maximum, minimum
    /// 1 where x > y, else 0. No gradient.
    case isGreater
    /// 1 where x ≥ y, else 0. No gradient.
    case isGreaterOrEqual
    /// 1 where x = y, else 0. No gradient.
    case isEqual
  }
  public let function: Function
  public var name: String { function.rawValue }

  public init(_ function: Function) { self.function = function }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(2, operands)
    guard operands[0] == operands[1] else {
      throw ShapeError("\(name): \(operands[0]) and \(operands[1]) differ")
    }
    return operands[0]
  }

  public func vjp(
    _ operands: [Value], result z: Value, cotangent dz: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    let (x, y) = (operands[0], operands[1])
    switch function {
    case .add: return [dz, dz]
    case .subtract: return [dz, try graph.negate(dz)]
    case .multiply: return [try graph.multiply(dz, y), try graph.multiply(dz, x)]
    case .divide:
      let dx = try graph.divide(dz, y)
      return [dx, try graph.negate(graph.multiply(dx, z))]
    // Where both are equal the whole cotangent goes to the first.
    case .maximum: return try chosen(graph.isGreaterOrEqual(x, y), dz, &graph)
    case .minimum: return try chosen(graph.isGreaterOrEqual(y, x), dz, &graph)
    case .isGreater, .isGreaterOrEqual, .isEqual: return [nil, nil]
    }
  }

  private func chosen(
    _ first: Value, _ dz: Value, _ graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    [try graph.multiply(dz, first), try graph.multiply(dz, graph.subtract(1, first))]
  }
}

/// y = a where mask ≠ 0, else b. What is not chosen may be infinite or NaN; no gradient to the mask.
public struct Select: Operation {
  public var name: String { "select" }

  public init() {}

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(3, operands)
    guard operands[0] == operands[1], operands[0] == operands[2] else {
      throw ShapeError("select: \(operands[0]), \(operands[1]) and \(operands[2]) differ")
    }
    return operands[0]
  }

  public func vjp(
    _ operands: [Value], result: Value, cotangent dy: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    let zero = try graph.constant(0, shape: dy.shape)
    return [
      nil, try graph.select(operands[0], dy, zero), try graph.select(operands[0], zero, dy),
    ]
  }
}

extension GraphBuilder {
  public mutating func unary(_ function: Unary.Function, _ x: Value) throws(ShapeError) -> Value {
    try append(Unary(function), [x])
  }
  public mutating func negate(_ x: Value) throws(ShapeError) -> Value { try unary(.negate, x) }
  public mutating func absolute(_ x: Value) throws(ShapeError) -> Value { try unary(.absolute, x) }
  public mutating func exponential(_ x: Value) throws(ShapeError) -> Value {
    try unary(.exponential, x)
  }
  public mutating func logarithm(_ x: Value) throws(ShapeError) -> Value {
    try unary(.logarithm, x)
  }
  public mutating func squareRoot(_ x: Value) throws(ShapeError) -> Value {
    try unary(.squareRoot, x)
  }
  public mutating func reciprocal(_ x: Value) throws(ShapeError) -> Value {
    try unary(.reciprocal, x)
  }
  public mutating func square(_ x: Value) throws(ShapeError) -> Value { try unary(.square, x) }
  public mutating func relu(_ x: Value) throws(ShapeError) -> Value { try unary(.relu, x) }
  public mutating func isPositive(_ x: Value) throws(ShapeError) -> Value {
    try unary(.isPositive, x)
  }
  public mutating func sign(_ x: Value) throws(ShapeError) -> Value { try unary(.sign, x) }
  public mutating func softplus(_ x: Value) throws(ShapeError) -> Value { try unary(.softplus, x) }
  public mutating func sigmoid(_ x: Value) throws(ShapeError) -> Value { try unary(.sigmoid, x) }
  public mutating func hyperbolicTangent(_ x: Value) throws(ShapeError) -> Value {
    try unary(.hyperbolicTangent, x)
  }
  public mutating func errorFunction(_ x: Value) throws(ShapeError) -> Value {
    try unary(.errorFunction, x)
  }

  /// Both operands are broadcast to their common shape first, by numpy's rule.
  public mutating func binary(
    _ function: Binary.Function, _ x: Value, _ y: Value
  ) throws(ShapeError) -> Value {
    let common = try Shape.broadcast(x.shape, y.shape, in: function.rawValue)
    return try append(Binary(function), [broadcast(x, to: common), broadcast(y, to: common)])
  }
  public mutating func add(_ x: Value, _ y: Value) throws(ShapeError) -> Value {
    try binary(.add, x, y)
  }
  public mutating func subtract(_ x: Value, _ y: Value) throws(ShapeError) -> Value {
    try binary(.subtract, x, y)
  }
  public mutating func multiply(_ x: Value, _ y: Value) throws(ShapeError) -> Value {
    try binary(.multiply, x, y)
  }
  public mutating func divide(_ x: Value, _ y: Value) throws(ShapeError) -> Value {
    try binary(.divide, x, y)
  }
  public mutating func maximum(_ x: Value, _ y: Value) throws(ShapeError) -> Value {
    try binary(.maximum, x, y)
  }
  public mutating func minimum(_ x: Value, _ y: Value) throws(ShapeError) -> Value {
    try binary(.minimum, x, y)
  }
  public mutating func isGreater(_ x: Value, _ y: Value) throws(ShapeError) -> Value {
    try binary(.isGreater, x, y)
  }
  public mutating func isGreaterOrEqual(_ x: Value, _ y: Value) throws(ShapeError) -> Value {
    try binary(.isGreaterOrEqual, x, y)
  }
  public mutating func isEqual(_ x: Value, _ y: Value) throws(ShapeError) -> Value {
    try binary(.isEqual, x, y)
  }
  public mutating func add(_ x: Value, _ y: Double) throws(ShapeError) -> Value {
    try add(x, scalar(y))
  }
  public mutating func multiply(_ x: Value, _ y: Double) throws(ShapeError) -> Value {
    try multiply(x, scalar(y))
  }
  public mutating func subtract(_ x: Double, _ y: Value) throws(ShapeError) -> Value {
    try subtract(scalar(x), y)
  }
  public mutating func select(
    _ mask: Value, _ a: Value, _ b: Value
  ) throws(ShapeError) -> Value {
    try append(Select(), [mask, a, b])
  }
}
