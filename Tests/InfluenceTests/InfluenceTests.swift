import Foundation
import Influence
import Testing

/// Numbers that look random: a linear congruential generator with the constants of Knuth's MMIX.
private struct Numbers {
  var state: UInt64
  mutating func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) / Double(1 << 53) * 2 - 1
  }
  mutating func normal() -> Double { (0..<12).reduce(0) { sum, _ in sum + next() } / 2 }
}

/// Points of three classes that overlap.
private func points(_ count: Int, hasBias: Bool, seed: UInt64) -> SoftmaxRegression {
  var numbers = Numbers(state: seed)
  var set = SoftmaxRegression(classes: 3, featureCount: 4, hasBias: hasBias)
  for point in 0..<count {
    let label = point % 3
    let features = (0..<4).map { numbers.normal() + ($0 == label ? 1.5 : 0) }
    set.append(features: features, logits: [0, 0, 0], label: label)
  }
  return set
}

/// Newton's method to the minimum of Σ_{i ≠ omitted} ℓ_i / n + δ/2·‖w‖².
private func fitted(
  _ set: SoftmaxRegression, damping: Double, without: Int? = nil, from start: [Double]? = nil
) throws -> [Double] {
  let size = set.weightCount
  var weights = start ?? [Double](repeating: 0, count: size)
  for _ in 0..<50 {
    let now = set.with(weights: weights)
    var rest = SoftmaxRegression(
      classes: set.classes, featureCount: set.featureCount, hasBias: set.hasBias)
    var gradient = weights.map { damping * $0 }
    for image in 0..<set.count where image != without {
      for (place, value) in now.gradient(of: image).enumerated() {
        gradient[place] += value / Double(set.count)
      }
      rest.append(
        features: Array(set.features[image * 4..<(image + 1) * 4]),
        logits: now.logits(of: image, weights: weights), label: set.labels[image])
    }
    // The mean over fewer images is brought back to the sum over n.
    let share = Double(rest.count) / Double(set.count)
    let matrix = rest.hessian(damping: damping / share).map { $0 * share }
    let step = try #require(CholeskyFactor(matrix, size: size)).solve(gradient)
    for place in weights.indices { weights[place] -= step[place] }
    if step.map(abs).max()! < 1e-12 { return weights }
  }
  Issue.record("no minimum after 50 steps")
  return weights
}

@Suite struct InfluenceTests {
  /// What I(z_i, z_t) = −∇ℓ(z_t)ᵀ(H + δ)⁻¹∇ℓ(z_i) promises: without z_i the loss at z_t is larger by
  /// about −I/n.
  @Test(arguments: [true, false])
  func influencesAgreeWithRetrainingWithoutEachImage(hasBias: Bool) throws {
    let damping = 0.01
    let set = points(60, hasBias: hasBias, seed: 1)
    let tests = points(5, hasBias: hasBias, seed: 2)
    let weights = try fitted(set, damping: damping)
    let (now, testNow) = (set.with(weights: weights), tests.with(weights: weights))
    let factor = try #require(
      CholeskyFactor(now.hessian(damping: damping), size: now.weightCount))
    let retrained = try (0..<set.count).map {
      tests.with(weights: try fitted(set, damping: damping, without: $0, from: weights))
    }
    for test in 0..<tests.count {
      let solution = factor.solve(testNow.gradient(of: test))
      let expected = now.slopes(along: solution).map { $0 / Double(set.count) }
      let actual = retrained.map { $0.loss(of: test) - testNow.loss(of: test) }
      // What is omitted is of second order in 1/60.
      #expect(correlation(expected, actual) > 0.9)
      // Of the same size, too.
      let ratio = dot(expected, actual) / dot(actual, actual)
      #expect(ratio > 0.7 && ratio < 1.1, "\(ratio)")
    }
  }

  private func correlation(_ a: [Double], _ b: [Double]) -> Double {
    let (x, y) = [a, b].map { values in
      let mean = values.reduce(0, +) / Double(values.count)
      return values.map { $0 - mean }
    }.pair
    return dot(x, y) / (dot(x, x) * dot(y, y)).squareRoot()
  }

  @Test(arguments: [true, false])
  func gradientAndHessianAreDifferencesOfTheLoss(hasBias: Bool) {
    let set = points(7, hasBias: hasBias, seed: 3)
    var numbers = Numbers(state: 9)
    let weights = (0..<set.weightCount).map { _ in numbers.next() }
    let vector = weights.map { _ in numbers.next() }
    func at(_ step: Double) -> SoftmaxRegression {
      set.with(weights: zip(weights, vector).map { $0 + step * $1 })
    }
    let (now, step) = (at(0), 1e-5)
    let slopes = now.slopes(along: vector)
    for image in 0..<set.count {
      let expected = (at(step).loss(of: image) - at(-step).loss(of: image)) / (2 * step)
      #expect(abs(slopes[image] - expected) < 1e-8)
      #expect(abs(dot(now.gradient(of: image), vector) - slopes[image]) < 1e-12)
    }
    func gradient(_ set: SoftmaxRegression) -> [Double] {
      (0..<set.count).reduce([Double](repeating: 0, count: set.weightCount)) { sum, image in
        zip(sum, set.gradient(of: image)).map { $0 + $1 / Double(set.count) }
      }
    }
    let (ahead, behind) = (gradient(at(step)), gradient(at(-step)))
    let product = now.product(vector)
    for place in product.indices {
      #expect(abs(product[place] - (ahead[place] - behind[place]) / (2 * step)) < 1e-8)
    }
    // The matrix itself, mirrored from its lower triangle.
    let (matrix, size) = (now.hessian(damping: 0.5), set.weightCount)
    for row in 0..<size {
      let sum = (0..<size).reduce(0) {
        $0 + matrix[max(row, $1) * size + min(row, $1)] * vector[$1]
      }
      #expect(abs(sum - product[row] - 0.5 * vector[row]) < 1e-12)
    }
  }

  @Test func conjugateGradientsFindWhatTheDirectSolutionIs() throws {
    let set = points(50, hasBias: true, seed: 4)
    let now = set.with(weights: try fitted(set, damping: 0.01))
    let right = now.gradient(of: 0)
    let expected = try #require(
      CholeskyFactor(now.hessian(damping: 0.01), size: now.weightCount)
    ).solve(right)
    var solver = ConjugateGradients(right, tolerance: 1e-10)
    while !solver.isComplete {
      solver.advance(zip(now.product(solver.vector), solver.vector).map { $0 + 0.01 * $1 })
    }
    #expect(solver.negativeCurvature == nil && solver.relativeResidual <= 1e-10)
    // Exact after as many products as there are weights, but for rounding.
    #expect(solver.count <= 2 * set.weightCount)
    let error = zip(solver.solution, expected).map { abs($0 - $1) }.max()!
    #expect(error < 1e-7 * expected.map(abs).max()!)
  }

  @Test func negativeCurvatureEndsTheIteration() {
    var solver = ConjugateGradients([0, 2], tolerance: 1e-6)
    solver.advance([0, -6])
    #expect(solver.isComplete && solver.negativeCurvature == -3)
    #expect(ConjugateGradients([0, 0], tolerance: 1e-6).isComplete)
  }

  /// Sizes around the rows that are worked on at once.
  @Test(arguments: [1, 7, 8, 9, 33])
  func factorSolves(size: Int) throws {
    var numbers = Numbers(state: UInt64(size))
    let roots = (0..<size * size).map { _ in numbers.next() }
    var matrix = [Double](repeating: 0, count: size * size)
    for row in 0..<size {
      for column in 0..<size {
        for k in 0..<size {
          matrix[row * size + column] += roots[row * size + k] * roots[column * size + k]
        }
      }
      matrix[row * size + row] += 0.1
    }
    let expected = (0..<size).map { _ in numbers.next() }
    let right = (0..<size).map { row in
      (0..<size).reduce(0) { $0 + matrix[row * size + $1] * expected[$1] }
    }
    let found = try #require(CholeskyFactor(matrix, size: size)).solve(right)
    for (x, y) in zip(found, expected) { #expect(abs(x - y) < 1e-9) }
    matrix[size * size - 1] = -1
    #expect(CholeskyFactor(matrix, size: size) == nil)
  }
}

extension [[Double]] {
  fileprivate var pair: ([Double], [Double]) { (self[0], self[1]) }
}
