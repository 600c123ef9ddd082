/// A value given anew at every run, e.g. a batch of images.
public struct Placeholder: Operation {
  public let label: String
  public let shape: Shape
  public let type: ElementType
  public var name: String { "placeholder \(label)" }

  public init(_ label: String, shape: Shape, type: ElementType = .float32) {
    (self.label, self.shape, self.type) = (label, shape, type)
  }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(0, operands)
    return shape
  }
  public func resultType(of operands: [ElementType]) -> ElementType { type }
  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] { [] }
}

/// A value that stays with the executable from run to run, e.g. a weight.
public struct Parameter: Operation {
  public let label: String
  public let shape: Shape
  public var name: String { "parameter \(label)" }

  public init(_ label: String, shape: Shape) { (self.label, self.shape) = (label, shape) }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(0, operands)
    return shape
  }
  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] { [] }
}

/// A number, kept in double precision so that the reference evaluator sees it unrounded.
public struct Scalar: Operation {
  public let value: Double
  public var name: String { "scalar \(value)" }

  public init(_ value: Double) { self.value = value }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(0, operands)
    return .scalar
  }
  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] { [] }
}

/// A fixed array, e.g. the mask of a Location fooling.
public struct Constant: Operation {
  public let tensor: Tensor
  public var name: String { "constant" }

  public init(_ tensor: Tensor) { self.tensor = tensor }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(0, operands)
    return tensor.shape
  }
  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] { [] }
}

/// Its operand, through which no gradient flows.
public struct StopGradient: Operation {
  public var name: String { "stop gradient" }

  public init() {}

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    return operands[0]
  }
  public func resultType(of operands: [ElementType]) -> ElementType { operands[0] }
  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] { [nil] }
}

extension GraphBuilder {
  public mutating func placeholder(
    _ label: String, shape: Shape, type: ElementType = .float32
  ) throws(ShapeError) -> Value { try append(Placeholder(label, shape: shape, type: type)) }

  public mutating func parameter(_ label: String, shape: Shape) throws(ShapeError) -> Value {
    try append(Parameter(label, shape: shape))
  }

  public mutating func scalar(_ value: Double) throws(ShapeError) -> Value {
    try append(Scalar(value))
  }

  /// `value` everywhere.
  public mutating func constant(_ value: Double, shape: Shape) throws(ShapeError) -> Value {
    try broadcast(scalar(value), to: shape)
  }

  public mutating func constant(_ tensor: Tensor) throws(ShapeError) -> Value {
    try append(Constant(tensor))
  }

  public mutating func stopGradient(_ x: Value) throws(ShapeError) -> Value {
    try append(StopGradient(), [x])
  }
}
