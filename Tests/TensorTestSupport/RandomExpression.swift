import TensorGraph

/// Random programs whose decisions depend on shapes and the seed only, so that all settings of
/// simplification build the same one.
public struct RandomExpression {
  public enum Kind: Sendable {
    /// Functions of real numbers without jumps: where values cancel, rounding would decide between
    /// the sides of one.
    case smooth
    /// Functions that take whole numbers to whole numbers, jumps included. Values and gradients are
    /// the same in any precision as long as no number needs more bits than it has.
    case whole
  }

  public var generator: SeededGenerator
  public let kind: Kind
  /// Values with more elements than this are not repeated further.
  public var repetitionLimit = 24

  public init(generator: SeededGenerator, kind: Kind = .smooth) {
    (self.generator, self.kind) = (generator, kind)
  }

  /// A scalar of the last two of `steps` values.
  public mutating func build(
    from variables: [Value], steps: Int, in graph: inout GraphBuilder
  ) throws -> Value {
    let pool = try values(from: variables, steps: steps, in: &graph)
    return try graph.add(graph.sum(pool.last!), graph.sum(pool[pool.count - 2]))
  }

  /// `variables`, four constants of `constantShape`, and `steps` values made of what precedes them.
  public mutating func values(
    from variables: [Value], steps: Int, constantShape: Shape = [2, 3],
    in graph: inout GraphBuilder
  ) throws -> [Value] {
    var pool = variables
    for number in [0.0, 1, -1, 2] { pool.append(try graph.constant(number, shape: constantShape)) }
    for _ in 0..<steps { pool.append(try step(pool, in: &graph)) }
    return pool
  }

  /// Mostly of the latest values, so that chains grow.
  private mutating func pick(_ pool: [Value]) -> Value {
    Bool.random(using: &generator)
      ? pool[pool.count - 1 - Int.random(in: 0..<3, using: &generator)]
      : pool.randomElement(using: &generator)!
  }

  private mutating func step(_ pool: [Value], in graph: inout GraphBuilder) throws -> Value {
    let x = pick(pool)
    let rank = x.shape.rank
    let choice = Int.random(in: 0..<16, using: &generator)
    if kind == .whole, let value = try wholeStep(choice, x, pool, in: &graph) { return value }
    switch choice {
    case 0, 1:
      let functions: [Unary.Function] = [.negate, .absolute, .relu, .softplus, .sigmoid]
      return try graph.unary(functions.randomElement(using: &generator)!, x)
    case 2:
      return try graph.square(graph.sigmoid(x))
    case 3:
      return try graph.reciprocal(graph.add(graph.absolute(x), 0.5))
    case 4, 5, 6, 7:
      let y = partner(of: x, pool)
      let functions: [Binary.Function] = [
        .add, .subtract, .multiply, .multiply, .maximum, .minimum,
      ]
      return try graph.binary(functions.randomElement(using: &generator)!, x, y)
    case 8:
      let y = partner(of: x, pool)
      return try graph.divide(x, graph.add(graph.softplus(y), 0.5))
    case 9, 10:
      let axes = (0..<rank).filter { _ in Bool.random(using: &generator) }
      let kind = Int.random(in: 0..<4, using: &generator)
      if kind == 0 { return try graph.maximum(of: x, axes: axes) }
      if kind == 1 { return try graph.minimum(of: x, axes: axes) }
      return try graph.sum(x, axes: axes)
    case 11:
      guard rank < 4, x.shape.count <= repetitionLimit else { return try graph.negate(x) }
      var dimensions = x.shape.dimensions.map { $0 == 1 ? 2 : $0 }
      if Bool.random(using: &generator) { dimensions.insert(2, at: 0) }
      return try graph.broadcast(x, to: Shape(dimensions))
    case 12:
      guard rank > 1, Bool.random(using: &generator) else {
        return try graph.reshape(x, to: [x.shape.count])
      }
      return try graph.reshape(x, to: Shape(x.shape.dimensions.reversed()))
    case 13:
      return try graph.transpose(x, Array(0..<rank).shuffled(using: &generator))
    case 14:
      guard rank > 0 else { return try graph.multiply(x, -2) }
      let axis = Int.random(in: 0..<rank, using: &generator)
      let whole = try graph.concatenate([x, graph.negate(x)], axis: axis)
      let extent = x.shape[axis]
      let starts = [0, extent, extent / 2]
      let start = starts.randomElement(using: &generator)!
      return try graph.slice(whole, axis: axis, start..<start + extent)
    default:
      let factors = kind == .whole ? [0, 1, -1, 2] : [0, 1, -1, 2, -0.5]
      return try graph.multiply(x, factors.randomElement(using: &generator)!)
    }
  }
  private mutating func partner(of x: Value, _ pool: [Value]) -> Value {
    pool.filter { (try? Shape.broadcast($0.shape, x.shape, in: "")) != nil }
      .randomElement(using: &generator)!
  }

  /// What takes the place of the steps that leave the whole numbers; `nil` for the others.
  private mutating func wholeStep(
    _ choice: Int, _ x: Value, _ pool: [Value], in graph: inout GraphBuilder
  ) throws -> Value? {
    func clamped(_ x: Value) throws -> Value {
      try graph.maximum(graph.minimum(x, graph.scalar(2)), graph.scalar(-2))
    }
    switch choice {
    case 0, 1:
      let functions: [Unary.Function] = [.negate, .absolute, .relu, .isPositive, .sign]
      return try graph.unary(functions.randomElement(using: &generator)!, x)
    case 2:
      return try graph.square(clamped(x))
    case 3:
      return try graph.select(graph.isPositive(x), x, graph.multiply(x, -2))
    case 4, 5, 6, 7:
      let y = partner(of: x, pool)
      let functions: [Binary.Function] = [
        .add, .subtract, .multiply, .multiply, .maximum, .minimum,
      ]
      let function = functions.randomElement(using: &generator)!
      return try graph.binary(function, x, function == .multiply ? clamped(y) : y)
    case 8:
      let functions: [Binary.Function] = [.isGreater, .isGreaterOrEqual, .isEqual]
      let mask = try graph.binary(
        functions.randomElement(using: &generator)!, x, partner(of: x, pool))
      return try graph.multiply(mask, x.shape == mask.shape ? x : mask)
    case 9, 10:
      // Ties share the cotangent of a maximum, and a third is no whole number.
      let axes = (0..<x.shape.rank).filter { _ in Bool.random(using: &generator) }
      let kind = Int.random(in: 0..<4, using: &generator)
      if kind == 0 { return try graph.stopGradient(graph.maximum(of: x, axes: axes)) }
      if kind == 1 { return try graph.stopGradient(graph.minimum(of: x, axes: axes)) }
      return try graph.sum(x, axes: axes)
    default:
      return nil
    }
  }
}
