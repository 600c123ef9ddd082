/// C = op(A)·op(B), op(X) = X or Xᵀ.
/// - Operands: `a` [M, K] or transposed [K, M], `b` [K, N] or transposed [N, K]. Result: [M, N].
public struct MatrixProduct: Operation {
  public let transposesLeft: Bool
  public let transposesRight: Bool
  public var name: String { "matrix product" }

  public init(transposesLeft: Bool = false, transposesRight: Bool = false) {
    (self.transposesLeft, self.transposesRight) = (transposesLeft, transposesRight)
  }

  public func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape {
    try expect(2, operands)
    let (a, b) = (operands[0], operands[1])
    guard a.rank == 2, b.rank == 2 else {
      throw ShapeError("matrix product: \(a) and \(b) are not both matrices")
    }
    let (rows, inner) = transposesLeft ? (a[1], a[0]) : (a[0], a[1])
    let (innerRight, columns) = transposesRight ? (b[1], b[0]) : (b[0], b[1])
    guard inner == innerRight else {
      throw ShapeError(
        "matrix product: \(a)\(transposesLeft ? "ᵀ" : "") has \(inner) columns, "
          + "\(b)\(transposesRight ? "ᵀ" : "") has \(innerRight) rows")
    }
    return [rows, columns]
  }

  public func vjp(
    _ operands: [Value], result: Value, cotangent dc: Value, in graph: inout GraphBuilder
  ) throws(ShapeError) -> [Value?] {
    let (a, b) = (operands[0], operands[1])
    let da =
      transposesLeft
      ? try graph.matrixProduct(b, dc, transposesLeft: transposesRight, transposesRight: true)
      : try graph.matrixProduct(dc, b, transposesRight: !transposesRight)
    let db =
      transposesRight
      ? try graph.matrixProduct(dc, a, transposesLeft: true, transposesRight: transposesLeft)
      : try graph.matrixProduct(a, dc, transposesLeft: !transposesLeft)
    return [da, db]
  }
}

extension GraphBuilder {
  public mutating func matrixProduct(
    _ a: Value, _ b: Value, transposesLeft: Bool = false, transposesRight: Bool = false
  ) throws(ShapeError) -> Value {
    try append(
      MatrixProduct(transposesLeft: transposesLeft, transposesRight: transposesRight), [a, b])
  }
}
