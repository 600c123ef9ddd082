import TensorGraph

extension Reduction: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let reduced =
      switch function {
      case .sum: text.reduce("add", operands[0], axes: axes, from: 0)
      case .maximum: text.extreme("GT", operands[0], axes: axes, from: -.infinity)
      case .minimum: text.extreme("LT", operands[0], axes: axes, from: .infinity)
      }
    return text.reshape(reduced, to: result)
  }
}

/// The smallest position that attains the maximum. NaN is passed over, except in the first place:
/// nothing is larger than it.
extension ArgMax: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let x = operands[0]
    let last = x.shape.rank - 1
    let (positions, numbers) = (ModuleType(x.shape, .i32), text.withoutNaN(x))
    let position = text.iota(positions, axis: last)
    let largest = text.reduce("maximum", numbers, axes: [last], from: -.infinity)
    let spread = text.broadcast(largest, to: x.shape, axes: Array(0..<last))
    let isFirst = text.compare("EQ", position, text.constant(0, positions))
    let isNaN = text.compare("NE", x, x)
    let wins = text.pointwise(
      "or", text.compare("EQ", numbers, spread), text.pointwise("and", isFirst, isNaN))
    let beyond = text.constant(Double(x.shape[last]), positions)
    let candidates = text.select(wins, position, beyond)
    return text.reduce("minimum", candidates, axes: [last], from: Double(Int32.max))
  }
}

extension ModuleText {
  /// −∞ in place of NaN.
  fileprivate mutating func withoutNaN(_ x: ModuleValue) -> ModuleValue {
    select(compare("NE", x, x), constant(-.infinity, x.type), x)
  }
}

/// A stable sort of the values that carries their positions, and one of the positions that carries
/// whether a rank is among the first.
extension TopKMask: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let x = operands[0]
    let positions = ModuleType(x.shape, .i32)
    let position = text.iota(positions, axis: x.shape.rank - 1)
    let ranked = text.sort(text.withoutNaN(x), carrying: position, "GT")
    let isAmongThem = text.compare("LT", position, text.constant(Double(count), positions))
    let mask = text.convert(isAmongThem, to: .f32)
    return text.sort(ranked.carried, carrying: mask, "LT").carried
  }
}

extension OneHot: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let indices = operands[0]
    let classes = text.iota(ModuleType(result, .i32), axis: result.rank - 1)
    let spread = text.broadcast(
      text.convert(indices, to: .i32), to: result, axes: Array(0..<indices.shape.rank))
    return text.convert(text.compare("EQ", spread, classes), to: .f32)
  }
}
