/// Algebra applied while a graph is built.
///
/// Every rule replaces an application by one that costs less and has the same value for finite
/// operands (0·x is taken to be 0 even where x might be infinite). Because it happens before
/// differentiation, derivatives are built of the simpler form. The rules that matter here:
///
/// - what is computed from repeated values is computed once and repeated (`broadcast` moves outwards);
/// - the sum of repeated values is a multiple, the sum of a product with repeated values a product;
///   this is what turns Grad-CAM's channel weights before a global average pool into a row of the
///   classifier's weights;
/// - constants fold, neutral elements vanish, layout changes compose;
/// - what comes back through a ReLU and the max pooling after it is masked, and summed, before it is
///   scattered: there is less of it;
/// - the sum of two products that make much of few rows is one product.
extension GraphBuilder {
  mutating func simplified(
    _ operation: some Operation, _ operands: [Value]
  ) throws(ShapeError) -> Value? {
    switch operation {
    case let unary as Unary: return try simplified(unary, operands)
    case let binary as Binary: return try simplified(binary, operands)
    case let reduction as Reduction: return try simplified(reduction, operands)
    case let broadcast as Broadcast: return try simplified(broadcast, operands)
    case let reshape as Reshape: return try simplified(reshape, operands)
    case let transpose as Transpose: return try simplified(transpose, operands)
    case let slice as Slice: return try simplified(slice, operands)
    case let pad as Pad:
      guard operands.count == 1, (pad.low + pad.high + pad.interior).allSatisfy({ $0 == 0 })
      else { return nil }
      return operands[0]
    case let concatenation as Concatenation:
      let parts = operands.filter { $0.shape.count > 0 }
      return parts.count < operands.count && !parts.isEmpty
        ? try concatenate(parts, axis: concatenation.axis) : nil
    default: return nil
    }
  }

  /// The number that `value` holds everywhere, if it is known.
  func number(_ value: Value) -> Double? {
    guard let node = definition(of: value) else { return nil }
    if let scalar = node.operation as? Scalar { return scalar.value }
    if node.operation is Broadcast { return number(self.value(node.operands[0])) }
    return nil
  }

  /// What `value` repeats, if it repeats anything.
  private func repeated(_ value: Value) -> Value? {
    guard let node = definition(of: value) else { return nil }
    return node.operation is Broadcast ? self.value(node.operands[0]) : nil
  }

  private func operand<O: Operation>(of value: Value, if type: O.Type) -> (O, Value)? {
    guard let node = definition(of: value), let operation = node.operation as? O,
      node.operands.count == 1
    else { return nil }
    return (operation, self.value(node.operands[0]))
  }

  // MARK: Pointwise

  private mutating func simplified(
    _ unary: Unary, _ operands: [Value]
  ) throws(ShapeError) -> Value? {
    guard operands.count == 1 else { return nil }
    let x = operands[0]
    if let number = number(x) {
      return try constant(unary.function(number), shape: x.shape)
    }
    if let source = repeated(x) {
      return try broadcast(self.unary(unary.function, source), to: x.shape)
    }
    if let (inner, source) = operand(of: x, if: Unary.self) {
      switch (unary.function, inner.function) {
      case (.negate, .negate), (.reciprocal, .reciprocal): return source
      case (.relu, .relu), (.absolute, .absolute), (.absolute, .relu), (.sign, .sign),
        (.relu, .isPositive), (.isPositive, .isPositive), (.relu, .absolute):
        return x
      case (.absolute, .negate): return try absolute(source)
      case (.square, .negate), (.square, .absolute): return try square(source)
      default: break
      }
    }
    return nil
  }

  private mutating func simplified(
    _ binary: Binary, _ operands: [Value]
  ) throws(ShapeError) -> Value? {
    guard operands.count == 2, operands[0].shape == operands[1].shape else { return nil }
    let (x, y) = (operands[0], operands[1])
    let (a, b) = (number(x), number(y))
    if let a, let b { return try constant(binary.function(a, b), shape: x.shape) }
    switch (binary.function, a, b) {
    case (.add, 0, _): return y
    case (.add, _, 0), (.subtract, _, 0): return x
    case (.subtract, 0, _): return try negate(y)
    case (.multiply, 1, _): return y
    case (.multiply, _, 1), (.divide, _, 1): return x
    case (.multiply, 0, _), (.divide, 0, _): return x
    case (.multiply, _, 0): return y
    case (.multiply, -1, _): return try negate(y)
    case (.multiply, _, -1), (.divide, _, -1): return try negate(x)
    case (.divide, _, let b?): return try multiply(x, 1 / b)
    case (.multiply, let a?, nil):
      return try appendSimplifying(binary, [y, constant(a, shape: x.shape)])
    case (.multiply, nil, let b?):
      if let (_, source) = operand(of: x, if: Unary.self, where: .negate) {
        return try multiply(source, -b)
      }
      // (z·c)·b = z·(c·b)
      if let inner = definition(of: x), let product = inner.operation as? Binary,
        product.function == .multiply,
        let c = number(value(inner.operands[1]))
      {
        return try multiply(value(inner.operands[0]), b * c)
      }
    case (.multiply, nil, nil) where x == y: return try square(x)
    default: break
    }
    // What is computed from repeated values is computed once and repeated.
    if let source = repeated(x), let other = repeated(y) {
      let common = try Shape.broadcast(source.shape, other.shape, in: binary.name)
      if common.count < x.shape.count {
        return try broadcast(self.binary(binary.function, source, other), to: x.shape)
      }
    }
    switch binary.function {
    case .add: return try sumOfProducts(x, y)
    case .multiply:
      if let scattered = try maskedScatter(x, mask: y) { return scattered }
      return try maskedScatter(y, mask: x)
    default: return nil
    }
  }

  /// scatter(dy)·[z > 0], where the index names maxima of z, is scatter(dy·[max z > 0]): elsewhere it
  /// is 0 already.
  private mutating func maskedScatter(
    _ x: Value, mask: Value
  ) throws(ShapeError) -> Value? {
    guard let node = definition(of: x), let scatter = node.operation as? MaxPoolScatter,
      let (_, z) = operand(of: mask, if: Unary.self, where: .isPositive)
    else { return nil }
    let (dy, index) = (value(node.operands[0]), value(node.operands[1]))
    guard let choice = definition(of: index), let maxima = choice.operation as? MaxPoolIndex,
      maxima.window == scatter.window, value(choice.operands[0]) == z
    else { return nil }
    let largest = try append(MaxPoolSelect(window: scatter.window), [z, index])
    return try append(scatter, [multiply(dy, isPositive(largest)), index])
  }

  /// Two large products of few rows are one product of all their rows:
  /// Aᵀ·B + Cᵀ·D = [A; C]ᵀ·[B; D]. The gradient of a dense layer's weights is such a sum when they
  /// are used in a forward pass and in the pass for a heatmap; it is written once instead of twice,
  /// and never read to be added.
  private mutating func sumOfProducts(_ x: Value, _ y: Value) throws(ShapeError) -> Value? {
    guard let (a, b) = factorsOfRows(x), let (c, d) = factorsOfRows(y) else { return nil }
    return try matrixProduct(
      concatenate([a, c], axis: 0), concatenate([b, d], axis: 0), transposesLeft: true)
  }

  /// A and B of a product Aᵀ·B that is much larger than they are.
  private func factorsOfRows(_ x: Value) -> (Value, Value)? {
    guard let node = definition(of: x), let product = node.operation as? MatrixProduct,
      product.transposesLeft, !product.transposesRight
    else { return nil }
    let (a, b) = (value(node.operands[0]), value(node.operands[1]))
    return x.shape.count >= 4 * (a.shape.count + b.shape.count) ? (a, b) : nil
  }

  private func operand(
    of value: Value, if type: Unary.Type, where function: Unary.Function
  ) -> (Unary, Value)? {
    guard let found = operand(of: value, if: type), found.0.function == function else { return nil }
    return found
  }

  private mutating func appendSimplifying(
    _ binary: Binary, _ operands: [Value]
  ) throws(ShapeError) -> Value {
    if let simpler = try simplified(binary, operands) { return simpler }
    return try appendAsIs(binary, operands)
  }

  // MARK: Reductions

  private mutating func simplified(
    _ reduction: Reduction, _ operands: [Value]
  ) throws(ShapeError) -> Value? {
    guard operands.count == 1,
      reduction.axes.allSatisfy({ operands[0].shape.dimensions.indices.contains($0) })
    else { return nil }
    let x = operands[0]
    let axes = reduction.axes.filter { x.shape[$0] != 1 }
    if axes.isEmpty { return x }
    if axes.count < reduction.axes.count {
      return try append(Reduction(reduction.function, axes: axes), [x])
    }
    let result = try reduction.resultShape(of: [x.shape])

    if let (inner, source) = operand(of: x, if: Reduction.self),
      inner.function == reduction.function
    {
      return try append(Reduction(inner.function, axes: inner.axes + axes), [source])
    }
    if let (spread, source) = operand(of: x, if: Broadcast.self) {
      let repeated = Set(spread.repeatedAxes(of: source.shape))
      let once = axes.filter { repeated.contains($0) }
      if !once.isEmpty {
        let lead = [Int](repeating: 1, count: x.shape.rank - source.shape.rank)
        let aligned = try reshape(source, to: Shape(lead + source.shape.dimensions))
        let rest = axes.filter { !repeated.contains($0) }
        let reduced =
          rest.isEmpty ? aligned : try append(Reduction(reduction.function, axes: rest), [aligned])
        let times = reduction.function == .sum ? once.reduce(1) { $0 * x.shape[$1] } : 1
        return try broadcast(multiply(reduced, Double(times)), to: result)
      }
    }
    guard reduction.function == .sum else { return nil }
    // All of an image that windows are scattered over: each of them is in it once.
    if let node = definition(of: x), node.operation is MaxPoolScatter, axes.contains(1),
      axes.contains(2)
    {
      return try sum(value(node.operands[0]), axes: axes)
    }
    if let (inner, source) = operand(of: x, if: Unary.self), inner.function == .negate {
      return try negate(sum(source, axes: axes))
    }
    // Σ x·s = s·Σ x where s is repeated along all summed axes.
    if let node = definition(of: x), let product = node.operation as? Binary,
      product.function == .multiply
    {
      for (factor, other) in [
        (node.operands[1], node.operands[0]), (node.operands[0], node.operands[1]),
      ] {
        guard let source = repeated(value(factor)) else { continue }
        let lead = x.shape.rank - source.shape.rank
        guard axes.allSatisfy({ $0 < lead || source.shape[$0 - lead] == 1 }) else { continue }
        return try multiply(sum(value(other), axes: axes), broadcast(source, to: result))
      }
    }
    return nil
  }

  // MARK: Layout

  private mutating func simplified(
    _ spread: Broadcast, _ operands: [Value]
  ) throws(ShapeError) -> Value? {
    guard operands.count == 1 else { return nil }
    if operands[0].shape == spread.shape { return operands[0] }
    guard let source = repeated(operands[0]),
      try Shape.broadcast(source.shape, spread.shape, in: spread.name) == spread.shape
    else { return nil }
    return try broadcast(source, to: spread.shape)
  }

  private mutating func simplified(
    _ reshaping: Reshape, _ operands: [Value]
  ) throws(ShapeError) -> Value? {
    guard operands.count == 1, operands[0].shape.count == reshaping.shape.count else { return nil }
    if operands[0].shape == reshaping.shape { return operands[0] }
    if let number = number(operands[0]) { return try constant(number, shape: reshaping.shape) }
    if let (_, source) = operand(of: operands[0], if: Reshape.self) {
      return try reshape(source, to: reshaping.shape)
    }
    return nil
  }

  private mutating func simplified(
    _ transposition: Transpose, _ operands: [Value]
  ) throws(ShapeError) -> Value? {
    guard operands.count == 1, transposition.order.count == operands[0].shape.rank else {
      return nil
    }
    if let (inner, source) = operand(of: operands[0], if: Transpose.self) {
      return try transpose(source, transposition.order.map { inner.order[$0] })
    }
    if let number = number(operands[0]) {
      return try constant(number, shape: transposition.resultShape(of: [operands[0].shape]))
    }
    return nil
  }

  private mutating func simplified(
    _ slice: Slice, _ operands: [Value]
  ) throws(ShapeError) -> Value? {
    guard operands.count == 1, slice.start.count == operands[0].shape.rank else { return nil }
    let x = operands[0]
    let result = try slice.resultShape(of: [x.shape])
    if result == x.shape { return x }
    if let number = number(x) { return try constant(number, shape: result) }
    // A slice that is exactly one of the concatenated parts is that part.
    if let node = definition(of: x), let concatenation = node.operation as? Concatenation {
      var begin = 0
      for part in node.operands {
        let shape = nodes[part].shape
        if slice.start[concatenation.axis] == begin, result == shape,
          slice.step.allSatisfy({ $0 == 1 })
        {
          return value(part)
        }
        begin += shape[concatenation.axis]
      }
    }
    return nil
  }
}
