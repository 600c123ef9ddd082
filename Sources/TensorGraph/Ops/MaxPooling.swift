/// Which tap of each window holds its maximum: r·width + s, the first of equals. Padding never wins.
/// No gradient.
/// - Operand: `x` [N, H, W, C]. Result: uint8 [N, P, Q, C].
public struct MaxPoolIndex: Operation {
  public let window: Window2D
  public var name: String { "max-pool index" }

  public init(window: Window2D) { self.window = window }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    guard window.height * window.width <= 256 else {
      throw ShapeError("\(name): a \(window.height)×\(window.width) window has over 256 taps")
    }
    let (rows, columns) = try window.slide(over: operands[0], for: name)
    try window.checkEveryWindow(of: (rows, columns), meets: operands[0], for: name)
    return [operands[0][0], rows, columns, operands[0][3]]
  }

  public func resultType(of operands: [ElementType]) -> ElementType { .uint8 }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] { [nil] }
}

/// y[n,p,q,c] = x at the tap that `index` names in window (p, q). Its adjoint is `MaxPoolScatter`.
/// - Operands: `x` [N, H, W, C], `index` [N, P, Q, C]. Result: [N, P, Q, C].
public struct MaxPoolSelect: Operation {
  public let window: Window2D
  public var name: String { "max-pool select" }

  public init(window: Window2D) { self.window = window }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(2, operands)
    let expected = try MaxPoolIndex(window: window).resultShape(of: [operands[0]])
    guard operands[1] == expected else {
      throw ShapeError("\(name): index \(operands[1]), expected \(expected)")
    }
    return expected
  }

  public func vjp(
    _ operands: [Value], result: Value, cotangent dy: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    [
      try graph.append(
        MaxPoolScatter(window: window, inputShape: operands[0].shape), [dy, operands[1]]),
      nil,
    ]
  }
}

/// dx is the sum of `dy` over all windows whose `index` names that element; overlapping windows
/// accumulate. Its adjoint is `MaxPoolSelect`.
/// - Operands: `dy` [N, P, Q, C], `index` [N, P, Q, C]. Result: `inputShape`, [N, H, W, C].
public struct MaxPoolScatter: Operation {
  public let window: Window2D
  public let inputShape: Shape
  public var name: String { "max-pool scatter" }

  public init(window: Window2D, inputShape: Shape) {
    (self.window, self.inputShape) = (window, inputShape)
  }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(2, operands)
    let expected = try MaxPoolIndex(window: window).resultShape(of: [inputShape])
    guard operands[0] == expected, operands[1] == expected else {
      throw ShapeError(
        "\(name): cotangent \(operands[0]) and index \(operands[1]), expected \(expected)")
    }
    return inputShape
  }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    [try graph.append(MaxPoolSelect(window: window), [cotangent, operands[1]]), nil]
  }
}

extension GraphBuilder {
  /// The largest element of each window; padding never wins.
  public mutating func maxPool(_ x: Value, window: Window2D) throws(ShapeError) -> Value {
    let index = try append(MaxPoolIndex(window: window), [x])
    return try append(MaxPoolSelect(window: window), [x, index])
  }
}
