/// Eigenvalues and eigenvectors of a small symmetric matrix by cyclic Jacobi rotations (Golub and Van
/// Loan, Section 8.5): all of them, also small ones, to nearly full relative precision where the matrix
/// is well scaled.
public struct SymmetricEigen: Sendable {
  /// The largest first.
  public let values: [Double]
  /// Orthonormal, in the order of `values`.
  public let vectors: [[Double]]

  private static let mostSweeps = 60

  /// - Precondition: `matrix` has `size`² entries, row by row, and is symmetric.
  public init(_ matrix: [Double], size: Int) {
    precondition(matrix.count == size * size, "\(matrix.count) entries, expected \(size)²")
    var a = matrix
    var v = [Double](repeating: 0, count: size * size)
    for place in 0..<size { v[place * size + place] = 1 }
    let scale = a.reduce(0) { max($0, abs($1)) }
    for _ in 0..<Self.mostSweeps {
      var largest = 0.0
      for p in 0..<size {
        for q in 0..<p { largest = max(largest, abs(a[p * size + q])) }
      }
      guard largest > scale * .ulpOfOne * .ulpOfOne, largest > 0 else { break }
      for p in 0..<size {
        for q in p + 1..<max(size, p + 1) { Self.rotate(&a, &v, p, q, size) }
      }
    }
    let order = (0..<size).sorted { a[$0 * size + $0] > a[$1 * size + $1] }
    values = order.map { a[$0 * size + $0] }
    vectors = order.map { column in (0..<size).map { v[$0 * size + column] } }
  }

  /// Makes the entry at (p, q) zero.
  private static func rotate(
    _ a: inout [Double], _ v: inout [Double], _ p: Int, _ q: Int, _ size: Int
  ) {
    let apq = a[p * size + q]
    guard apq != 0 else { return }
    let theta = (a[q * size + q] - a[p * size + p]) / (2 * apq)
    // The smaller of the two roots, which keeps the rotation below 45°.
    let t = (theta >= 0 ? 1 : -1) / (abs(theta) + (theta * theta + 1).squareRoot())
    let c = 1 / (t * t + 1).squareRoot()
    let s = t * c
    for k in 0..<size {
      let (x, y) = (a[k * size + p], a[k * size + q])
      a[k * size + p] = c * x - s * y
      a[k * size + q] = s * x + c * y
    }
    for k in 0..<size {
      let (x, y) = (a[p * size + k], a[q * size + k])
      a[p * size + k] = c * x - s * y
      a[q * size + k] = s * x + c * y
    }
    (a[p * size + q], a[q * size + p]) = (0, 0)
    for k in 0..<size {
      let (x, y) = (v[k * size + p], v[k * size + q])
      v[k * size + p] = c * x - s * y
      v[k * size + q] = s * x + c * y
    }
  }
}
