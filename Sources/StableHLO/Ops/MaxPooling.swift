import TensorGraph

/// Tap after tap, the larger of what was found so far and what lies under it. −∞ stands around the
/// image, and a window's first tap inside it is taken whatever it holds, so that padding never wins.
///
/// Slices and comparisons are exact on ties and three times as fast on XLA's CPU as `reduce_window` and
/// `select_and_scatter`; on a GPU they need no scratch memory.
extension MaxPoolIndex: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let x = operands[0]
    let firstRows = Window2D.firstTaps(
      windows: result[1], taps: window.height, stride: window.strideY, dilation: window.dilationY,
      low: window.top, extent: x.shape[1])
    let firstColumns = Window2D.firstTaps(
      windows: result[2], taps: window.width, stride: window.strideX, dilation: window.dilationX,
      low: window.left, extent: x.shape[2])
    let padded = window.padded(x, with: -.infinity, windows: result, in: &text)
    let index = ModuleType(result, .ui8)
    var largest = window.tap(0, 0, of: padded, windows: result, in: &text)
    var winner = text.constant(0, index)
    for r in 0..<window.height {
      for s in 0..<window.width where (r, s) != (0, 0) {
        let candidate = window.tap(r, s, of: padded, windows: result, in: &text)
        var takes = text.compare("GT", candidate, largest)
        if let isFirst = text.rectangle(
          rows: firstRows.indices.filter { firstRows[$0] == r },
          columns: firstColumns.indices.filter { firstColumns[$0] == s }, of: result)
        {
          takes = text.pointwise("or", takes, isFirst)
        }
        largest = text.select(takes, candidate, largest)
        winner = text.select(takes, text.constant(Double(r * window.width + s), index), winner)
      }
    }
    return winner
  }
}

extension ModuleText {
  /// True at some rows and columns of images of this shape, each without a gap; `nil` if there are
  /// none.
  fileprivate mutating func rectangle(
    rows: [Int], columns: [Int], of shape: Shape
  ) -> ModuleValue? {
    guard !rows.isEmpty, !columns.isEmpty else { return nil }
    var mask: ModuleValue?
    for (axis, places) in [(1, rows), (2, columns)] where places.count < shape[axis] {
      let type = ModuleType([shape[axis]], .i32)
      let position = iota(type, axis: 0)
      var isInside: ModuleValue?
      func narrow(_ direction: String, _ bound: Int) {
        let test = compare(direction, position, constant(Double(bound), type))
        isInside = isInside.map { pointwise("and", $0, test) } ?? test
      }
      precondition(places.last! - places.first! == places.count - 1, "\(places) has gaps")
      if places.first! > 0 { narrow("GE", places.first!) }
      if places.last! < shape[axis] - 1 { narrow("LE", places.last!) }
      let spread = broadcast(isInside!, to: shape, axes: [axis])
      mask = mask.map { pointwise("and", $0, spread) } ?? spread
    }
    return mask ?? constant(1, ModuleType(shape, .i1))
  }
}

extension MaxPoolSelect: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let (x, index) = (operands[0], operands[1])
    let padded = window.padded(x, with: 0, windows: result, in: &text)
    var chosen = text.constant(0, ModuleType(result))
    for r in 0..<window.height {
      for s in 0..<window.width {
        let own = text.constant(Double(r * window.width + s), index.type)
        chosen = text.select(
          text.compare("EQ", index, own),
          window.tap(r, s, of: padded, windows: result, in: &text), chosen)
      }
    }
    return chosen
  }
}

extension MaxPoolScatter: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let (dy, index) = (operands[0], operands[1])
    var sum: ModuleValue?
    for r in 0..<window.height {
      for s in 0..<window.width {
        let own = text.constant(Double(r * window.width + s), index.type)
        let share = text.select(
          text.compare("EQ", index, own), dy, text.constant(0, dy.type))
        let spread = window.spread(share, underTap: r, s, image: result, in: &text)
        sum = sum.map { text.pointwise("add", $0, spread) } ?? spread
      }
    }
    return sum!
  }
}
