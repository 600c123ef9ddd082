/// Solves A·x = b for a symmetric positive definite matrix that is known by its products with vectors
/// alone (Hestenes and Stiefel 1952).
///
/// Whoever has the matrix multiplies it with `vector` and gives the product to `advance`, as often as it
/// takes:
///
///     while !solver.isComplete { solver.advance(product(solver.vector)) }
public struct ConjugateGradients: Sendable {
  /// x so far; starts at 0.
  public private(set) var solution: [Double]
  /// With which the matrix is to be multiplied next.
  public private(set) var vector: [Double]
  /// Products so far.
  public private(set) var count = 0
  /// vᵀAv / vᵀv of a vector for which that was not above 0: A is not positive definite, and `solution` is
  /// what was found before.
  public private(set) var negativeCurvature: Double?
  private var residual: [Double]
  private var square: Double
  private let size: Double
  private let tolerance: Double

  /// - Parameters:
  ///   - rightSide: b.
  ///   - tolerance: ‖b − A·x‖ / ‖b‖ at which x is good enough.
  public init(_ rightSide: [Double], tolerance: Double) {
    (solution, vector) = ([Double](repeating: 0, count: rightSide.count), rightSide)
    (residual, square, self.tolerance) = (rightSide, dot(rightSide, rightSide), tolerance)
    size = square.squareRoot()
  }

  /// ‖b − A·x‖ / ‖b‖, by the recursion that updates it; 0 for b = 0.
  public var relativeResidual: Double { size > 0 ? square.squareRoot() / size : 0 }

  /// Whether `solution` is good enough, or nothing better can be found.
  public var isComplete: Bool { negativeCurvature != nil || relativeResidual <= tolerance }

  /// Takes the product of the matrix and `vector`.
  public mutating func advance(_ product: [Double]) {
    precondition(!isComplete, "the iteration is complete")
    precondition(product.count == vector.count, "\(product.count) numbers for \(vector.count)")
    count += 1
    let curvature = dot(vector, product)
    guard curvature > 0 else {
      negativeCurvature = curvature / dot(vector, vector)
      return
    }
    let step = square / curvature
    for place in vector.indices {
      solution[place] += step * vector[place]
      residual[place] -= step * product[place]
    }
    let old = square
    square = dot(residual, residual)
    let share = square / old
    for place in vector.indices { vector[place] = residual[place] + share * vector[place] }
  }
}

/// ⟨a, b⟩.
public func dot(_ a: [Double], _ b: [Double]) -> Double {
  precondition(a.count == b.count, "\(a.count) and \(b.count) numbers")
  return a.withUnsafeBufferPointer { a in
    b.withUnsafeBufferPointer { b in dot(a.baseAddress!, b.baseAddress!, a.count) }
  }
}

/// ⟨a, b⟩ of `count` numbers; the order of the summands depends on nothing else.
@inline(__always)
func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
  var (first, second) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
  let (p, q) = (UnsafeRawPointer(a), UnsafeRawPointer(b))
  var place = 0
  while place + 16 <= count {
    let (near, far) = (place * 8, place * 8 + 64)
    first +=
      p.loadUnaligned(fromByteOffset: near, as: SIMD8<Double>.self)
      * q.loadUnaligned(fromByteOffset: near, as: SIMD8<Double>.self)
    second +=
      p.loadUnaligned(fromByteOffset: far, as: SIMD8<Double>.self)
      * q.loadUnaligned(fromByteOffset: far, as: SIMD8<Double>.self)
    place += 16
  }
  var sum = (first + second).sum()
  while place < count {
    sum += a[place] * b[place]
    place += 1
  }
  return sum
}
