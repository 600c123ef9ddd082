import Geometry
import Testing

@Suite struct LanczosTests {
  private func run(
    _ matrix: [[Double]], start: [Double], products: Int = .max
  ) -> Lanczos {
    var lanczos = Lanczos(start: start)
    while !lanczos.isComplete, lanczos.count < products {
      let vector = lanczos.vector
      lanczos.advance(matrix.map { row in zip(row, vector).reduce(0) { $0 + $1.0 * $1.1 } })
    }
    return lanczos
  }

  /// With 2 on the diagonal and −1 beside it: 2 − 2 cos(kπ/4), k = 1, 2, 3.
  @Test func allEigenvaluesOfASmallMatrix() {
    let lanczos = run([[2, -1, 0], [-1, 2, -1], [0, -1, 2]], start: [1, 0.5, -0.25])
    let expected = [2 + 2.0.squareRoot(), 2, 2 - 2.0.squareRoot()]
    #expect(lanczos.count == 3)
    for (a, b) in zip(lanczos.eigenvalues, expected) { #expect(abs(a - b) < 1e-12) }
  }

  @Test func startWithinAnInvariantSubspaceEndsThere() {
    let lanczos = run([[3, 0, 0], [0, -7, 0], [0, 0, 5]], start: [0, 2, 0])
    #expect(lanczos.isComplete && lanczos.eigenvalues == [-7])
    let zero = run([[0, 0], [0, 0]], start: [1, 1])
    #expect(zero.isComplete && zero.eigenvalues == [0])
  }

  /// diag(λ) reflected by H = I − 2uuᵀ: 60 rows, outer eigenvalues 100 and −40, the others within ±1.
  @Test func outerEigenvaluesComeFirst() {
    let size = 60
    var values = (0..<size).map { -1 + 2 * Double($0) / Double(size) }
    (values[3], values[40]) = (100, -40)
    let raw = (0..<size).map { Double(($0 * 7) % 11) - 4.5 }
    let norm = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let u = raw.map { $0 / norm }
    let matrix = (0..<size).map { row in
      (0..<size).map { column in
        (0..<size).reduce(0.0) { sum, k in
          func reflected(_ i: Int) -> Double { (i == k ? 1 : 0) - 2 * u[i] * u[k] }
          return sum + reflected(row) * values[k] * reflected(column)
        }
      }
    }
    let lanczos = run(matrix, start: (0..<size).map { 1 + Double($0 % 3) }, products: 12)
    #expect(lanczos.count == 12)
    #expect(abs(lanczos.eigenvalues[0] - 100) < 1e-8)
    #expect(abs(lanczos.eigenvalues[11] + 40) < 1e-8)
    #expect(lanczos.eigenvalues[1...10].allSatisfy { abs($0) < 1.01 })
  }
}
