/// L of A = L·Lᵀ, A symmetric and positive definite (Golub and Van Loan, Section 4.2).
///
/// Row by row, L_ij = (A_ij − Σ_{k<j} L_ik·L_jk) / L_jj: dot products of rows, of which a few are worked on
/// at a time so that each earlier row is read from memory once for all of them. n³/3 multiplications
/// and additions; 8·n² bytes.
public struct CholeskyFactor: Sendable {
  /// Rows that share the reading of earlier ones.
  private static let rowsAtOnce = 8

  public let size: Int
  /// Row by row, [size, size]; above the diagonal are left-overs of A.
  private var rows: [Double]

  /// - Parameters:
  ///   - matrix: A row by row, [size, size], of which the lower triangle is read.
  ///   - size: n.
  /// - Returns: `nil` if A is not positive definite.
  public init?(_ matrix: consuming [Double], size: Int) {
    precondition(matrix.count == size * size, "\(matrix.count) numbers for \(size)×\(size)")
    self.size = size
    rows = matrix
    let isPositive = rows.withUnsafeMutableBufferPointer { rows -> Bool in
      guard let base = rows.baseAddress else { return true }
      for begin in stride(from: 0, to: size, by: Self.rowsAtOnce) {
        let end = min(begin + Self.rowsAtOnce, size)
        for column in 0..<end {
          let other = base + column * size
          for row in max(begin, column)..<end {
            let own = base + row * size
            let rest = own[column] - dot(own, other, column)
            if row == column {
              guard rest > 0, rest.isFinite else { return false }
              own[column] = rest.squareRoot()
            } else {
              own[column] = rest / other[column]
            }
          }
        }
      }
      return true
    }
    guard isPositive else { return nil }
  }

  /// A⁻¹·b.
  public func solve(_ b: [Double]) -> [Double] {
    precondition(b.count == size, "\(b.count) numbers for \(size)")
    var x = b
    rows.withUnsafeBufferPointer { rows in
      x.withUnsafeMutableBufferPointer { x in
        guard let base = rows.baseAddress, let x = x.baseAddress else { return }
        for row in 0..<size {
          x[row] = (x[row] - dot(base + row * size, x, row)) / base[row * size + row]
        }
        for row in (0..<size).reversed() {
          x[row] /= base[row * size + row]
          let value = x[row]
          for column in 0..<row { x[column] -= value * base[row * size + column] }
        }
      }
    }
    return x
  }
}
