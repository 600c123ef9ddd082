extension GraphBuilder {
  /// Appends the derivatives of a scalar (or, with `seed`, of ⟨seed, of⟩) and returns one value
  /// per entry of `variables`, each of that entry's shape; zeros where nothing depends on it.
  /// A variable that is neither input nor parameter must have been given to `watch` before use.
  ///
  /// Reverse accumulation over the nodes that lie between `variables` and `target`. The result is
  /// ordinary graph, so calling it again on an expression of gradients gives higher orders.
  public mutating func gradient(
    of target: Value, with variables: [Value], seed: Value? = nil
  ) throws(ShapeError) -> [Value] {
    if seed == nil, target.shape.count != 1 {
      throw ShapeError(
        "gradient: the target has shape \(target.shape), a scalar or a seed of that shape is needed"
      )
    }
    if let seed, seed.shape != target.shape {
      throw ShapeError("gradient: seed \(seed.shape) for a target of shape \(target.shape)")
    }
    var depends = [Bool](repeating: false, count: target.id + 1)
    for variable in variables where variable.id <= target.id { depends[variable.id] = true }
    for id in 0...target.id where !depends[id] {
      depends[id] = nodes[id].operands.contains { depends[$0] }
    }
    var cotangents = [Value?](repeating: nil, count: target.id + 1)
    if depends[target.id] {
      if let seed {
        cotangents[target.id] = seed
      } else {
        cotangents[target.id] = try constant(1, shape: target.shape)
      }
    }
    for id in stride(from: target.id, through: 0, by: -1) {
      let node = nodes[id]
      guard let cotangent = cotangents[id], !node.operands.isEmpty,
        node.operands.contains(where: { depends[$0] })
      else { continue }
      let operands = node.operands.map { value($0) }
      let implied = try node.operation.vjp(
        operands, result: value(id), cotangent: cotangent, in: &self)
      precondition(implied.count == operands.count, "\(node.operation.name): one VJP per operand")
      for (operand, contribution) in zip(operands, implied) {
        guard depends[operand.id], let contribution else { continue }
        precondition(
          contribution.shape == operand.shape,
          "\(node.operation.name): VJP of shape \(contribution.shape) for \(operand.shape)")
        if let sum = cotangents[operand.id] {
          cotangents[operand.id] = try add(sum, contribution)
        } else {
          cotangents[operand.id] = contribution
        }
      }
    }
    var gradients: [Value] = []
    for variable in variables {
      if variable.id <= target.id, let cotangent = cotangents[variable.id] {
        gradients.append(cotangent)
      } else {
        gradients.append(try constant(0, shape: variable.shape))
      }
    }
    return gradients
  }
}
