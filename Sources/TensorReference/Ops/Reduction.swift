import TensorGraph

extension Reduction: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let x = operands[0]
    var strides = result.strides
    for axis in axes { strides[axis] = 0 }
    let start: Double =
      switch function {
      case .sum: 0
      case .maximum: -.infinity
      case .minimum: .infinity
      }
    var y = ReferenceArray(repeating: start, shape: result)
    x.shape.forEachElement(strides: strides) { position, target in
      let (element, soFar) = (x.values[position], y.values[target])
      switch function {
      case .sum: y.values[target] = soFar + element
      case .maximum: y.values[target] = element > soFar || element.isNaN ? element : soFar
      case .minimum: y.values[target] = element < soFar || element.isNaN ? element : soFar
      }
    }
    return y
  }
}

extension ReferenceArray {
  /// The runs along the last axis.
  fileprivate var rows: [ArraySlice<Double>] {
    let width = shape[-1]
    guard width > 0 else { return [] }
    return stride(from: 0, to: values.count, by: width).map { values[$0..<$0 + width] }
  }
}

extension ArgMax: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let winners = operands[0].rows.map { row in
      var winner = row.startIndex
      for position in row.indices where row[position] > row[winner] { winner = position }
      return Double(winner - row.startIndex)
    }
    return ReferenceArray(shape: result, values: winners)
  }
}

extension TopKMask: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let x = operands[0]
    var mask = ReferenceArray(repeating: 0, shape: result)
    for row in x.rows {
      // Of equals the first: by value descending, then by position.
      let ranked = row.indices.sorted { (row[$0], -$0) > (row[$1], -$1) }
      for position in ranked.prefix(count) { mask.values[position] = 1 }
    }
    return mask
  }
}

extension OneHot: ReferenceOperation {
  /// An index outside 0..<depth gives a row of zeros.
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let values = operands[0].values.flatMap { index in
      (0..<depth).map { Double($0) == index ? 1.0 : 0.0 }
    }
    return ReferenceArray(shape: result, values: values)
  }
}
