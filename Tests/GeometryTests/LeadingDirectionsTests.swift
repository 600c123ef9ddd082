import Geometry
import Testing

@Suite struct LeadingDirectionsTests {
  private func numbers(_ count: Int, seed: UInt64) -> [Double] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-52 - 1
    }
  }

  // MARK: Eigenvalues

  @Test func eigenvaluesOfALiteral() {
    // (2 1; 1 2): 3 along (1, 1), 1 along (1, −1).
    let eigen = SymmetricEigen([2, 1, 1, 2], size: 2)
    #expect(abs(eigen.values[0] - 3) < 1e-14 && abs(eigen.values[1] - 1) < 1e-14)
    #expect(abs(eigen.vectors[0][0] - eigen.vectors[0][1]) < 1e-14)
    #expect(abs(eigen.vectors[1][0] + eigen.vectors[1][1]) < 1e-14)
  }

  /// A v = λ v, and the vectors are orthonormal.
  @Test(arguments: [1, 2, 5, 32])
  func eigenvectorsDiagonaliseTheMatrix(size: Int) {
    let drawn = numbers(size * size, seed: UInt64(size))
    var matrix = [Double](repeating: 0, count: size * size)
    for a in 0..<size {
      for b in 0..<size { matrix[a * size + b] = drawn[a * size + b] + drawn[b * size + a] }
    }
    let eigen = SymmetricEigen(matrix, size: size)
    #expect(eigen.values == eigen.values.sorted(by: >))
    for index in 0..<size {
      let vector = eigen.vectors[index]
      for a in 0..<size {
        let product = (0..<size).reduce(0.0) { $0 + matrix[a * size + $1] * vector[$1] }
        #expect(abs(product - eigen.values[index] * vector[a]) < 1e-12 * Double(size))
      }
      for other in 0...index {
        let product = zip(vector, eigen.vectors[other]).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(product - (other == index ? 1 : 0)) < 1e-12)
      }
    }
  }

  // MARK: Directions

  /// Points on an ellipse in the first two of three axes spread along those.
  @Test func directionsOfALiteral() {
    let points: [Float] = [5, 1, 7, 1, 1, 7, 3, 2, 7, 3, 0, 7]
    let directions = LeadingDirections.of(points, count: 4, size: 3, dimensions: 2)
    #expect(abs(abs(directions[0]) - 1) < 1e-6 && abs(abs(directions[4]) - 1) < 1e-6)
    #expect([1, 2, 3, 5].allSatisfy { abs(directions[$0]) < 1e-6 })
  }

  /// Across the blocks in which they are worked on.
  @Test(arguments: [9, 1000])
  func directionsAreOrthonormal(size: Int) {
    let points = numbers(8 * size, seed: 3).map(Float.init)
    let directions = LeadingDirections.of(points, count: 8, size: size, dimensions: 5)
    for a in 0..<5 {
      for b in 0...a {
        let product = (0..<size).reduce(0.0) {
          $0 + Double(directions[a * size + $1]) * Double(directions[b * size + $1])
        }
        // Entries in single precision.
        #expect(abs(product - (a == b ? 1 : 0)) < 1e-5)
      }
    }
  }

  /// Three points on a line span one direction; what is asked for beyond is 0 and not noise.
  @Test func directionsThatAreNotSpannedAreZero() {
    let points: [Float] = [0, 0, 0, 3, 4, 0, 6, 8, 0]
    let directions = LeadingDirections.of(points, count: 3, size: 3, dimensions: 3)
    #expect(abs(abs(directions[0]) - 0.6) < 1e-6 && abs(abs(directions[1]) - 0.8) < 1e-6)
    #expect(directions[3...].allSatisfy { $0 == 0 })
    let equal = LeadingDirections.of([1, 2, 1, 2], count: 2, size: 2, dimensions: 1)
    #expect(equal == [0, 0])
  }
}
