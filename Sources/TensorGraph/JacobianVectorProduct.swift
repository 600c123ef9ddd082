extension GraphBuilder {
  /// ∂y/∂x · v, the derivative of y when x moves along v; of y's shape.
  ///
  /// The vector-Jacobian product uᵀ·∂y/∂x is linear in u, so ∂⟨uᵀ·∂y/∂x, v⟩/∂u does not depend on u:
  /// what would compute uᵀ·∂y/∂x itself is not part of the result, and the work is that of one forward
  /// pass.
  /// - Precondition: `direction` is of x's shape.
  public mutating func jacobianVectorProduct(
    of y: Value, with x: Value, along direction: Value
  ) throws(ShapeError) -> Value {
    guard direction.shape == x.shape else {
      throw ShapeError("Jacobian-vector product: direction \(direction.shape) for \(x.shape)")
    }
    // An array, not a number repeated: simplification would see through that.
    let seed = try constant(Tensor(repeating: 0, shape: y.shape))
    let pulled = try gradient(of: y, with: [x], seed: seed)[0]
    return try gradient(of: sum(multiply(pulled, direction)), with: [seed])[0]
  }
}
