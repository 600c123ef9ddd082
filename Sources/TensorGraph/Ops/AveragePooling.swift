/// The mean of each window.
///
/// `countsPadding` decides whether taps on the padding count (PyTorch's default) or the mean is
/// over the taps inside the image (Keras).
/// - Operand: `x` [N, H, W, C]. Result: [N, P, Q, C].
public struct AveragePool: Operation {
  public let window: Window2D
  public let countsPadding: Bool
  public var name: String { "average pool" }

  public init(window: Window2D, countsPadding: Bool = true) {
    (self.window, self.countsPadding) = (window, countsPadding)
  }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    let (rows, columns) = try window.slide(over: operands[0], for: name)
    try window.checkEveryWindow(of: (rows, columns), meets: operands[0], for: name)
    return [operands[0][0], rows, columns, operands[0][3]]
  }

  public func vjp(
    _ operands: [Value], result: Value, cotangent dy: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    [
      try graph.append(
        AveragePoolGradient(
          window: window, countsPadding: countsPadding, inputShape: operands[0].shape), [dy])
    ]
  }
}

/// Each element of `dy` spread evenly over the taps of its window: the adjoint of `AveragePool`.
/// - Operand: `dy` [N, P, Q, C]. Result: `inputShape`, [N, H, W, C].
public struct AveragePoolGradient: Operation {
  public let window: Window2D
  public let countsPadding: Bool
  public let inputShape: Shape
  public var name: String { "average pool gradient" }

  public init(window: Window2D, countsPadding: Bool = true, inputShape: Shape) {
    (self.window, self.countsPadding, self.inputShape) = (window, countsPadding, inputShape)
  }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(1, operands)
    let forward = AveragePool(window: window, countsPadding: countsPadding)
    let expected = try forward.resultShape(of: [inputShape])
    guard operands[0] == expected else {
      throw ShapeError("\(name): cotangent \(operands[0]), expected \(expected)")
    }
    return inputShape
  }

  public func vjp(
    _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    [try graph.append(AveragePool(window: window, countsPadding: countsPadding), [cotangent])]
  }
}

extension GraphBuilder {
  public mutating func averagePool(
    _ x: Value, window: Window2D, countsPadding: Bool = true
  ) throws(ShapeError) -> Value {
    try append(AveragePool(window: window, countsPadding: countsPadding), [x])
  }
}
