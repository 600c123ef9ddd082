/// A symmetric positive definite matrix as L·Lᵀ. Of each row, only the entries from the first one that is
/// not 0 are kept: those before it stay 0 in L.
struct EnvelopeCholesky {
  /// Column of the first entry of each row.
  private let first: [Int]
  /// Where each row's entries begin.
  private let begin: [Int]
  private var values: [Double] = []
  private var inverseDiagonal: [Double] = []

  /// - Parameters:
  ///   - diagonal: of the matrix.
  ///   - below: by row, the entries to the left of the diagonal that are not 0.
  init(diagonal: [Double], below: [[(column: Int, value: Double)]]) {
    let first = below.enumerated().map { row, entries in entries.map(\.column).min() ?? row }
    var begin = [0]
    for row in diagonal.indices { begin.append(begin[row] + row - first[row] + 1) }
    (self.first, self.begin) = (first, begin)
    values = [Double](repeating: 0, count: begin[diagonal.count])
    inverseDiagonal = [Double](repeating: 0, count: diagonal.count)
    for (row, entries) in below.enumerated() {
      for entry in entries { values[begin[row] + entry.column - first[row]] = entry.value }
      values[begin[row + 1] - 1] = diagonal[row]
    }
    factor()
  }

  private mutating func factor() {
    values.withUnsafeMutableBufferPointer { values in
      let values = values.baseAddress!
      for row in first.indices {
        let own = values + (begin[row] - first[row])
        for column in first[row]..<row {
          let start = max(first[row], first[column])
          let other = values + (begin[column] - first[column])
          let sum = Self.dot(own + start, other + start, column - start)
          own[column] = (own[column] - sum) * inverseDiagonal[column]
        }
        let squares = Self.dot(own + first[row], own + first[row], row - first[row])
        own[row] = (own[row] - squares).squareRoot()
        inverseDiagonal[row] = 1 / own[row]
      }
    }
  }

  /// The solution for a right-hand side.
  func solution(_ right: [Double]) -> [Double] {
    var x = right
    values.withUnsafeBufferPointer { values in
      let values = values.baseAddress!
      x.withUnsafeMutableBufferPointer { x in
        let x = x.baseAddress!
        for row in first.indices {
          let own = values + (begin[row] - first[row])
          let sum = Self.dot(own + first[row], x + first[row], row - first[row])
          x[row] = (x[row] - sum) * inverseDiagonal[row]
        }
        for row in first.indices.reversed() {
          x[row] *= inverseDiagonal[row]
          let own = values + (begin[row] - first[row])
          for column in first[row]..<row { x[column] -= own[column] * x[row] }
        }
      }
    }
    return x
  }

  /// Four sums at a time.
  @inline(__always)
  private static func dot(
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int
  ) -> Double {
    var sums = SIMD4<Double>.zero
    var place = 0
    while place + 4 <= count {
      let x = UnsafeRawPointer(a + place).loadUnaligned(as: SIMD4<Double>.self)
      let y = UnsafeRawPointer(b + place).loadUnaligned(as: SIMD4<Double>.self)
      sums += x * y
      place += 4
    }
    var sum = sums.sum()
    while place < count {
      sum += a[place] * b[place]
      place += 1
    }
    return sum
  }
}
