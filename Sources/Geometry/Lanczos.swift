/// Extreme eigenvalues of a symmetric matrix that is known by its products with vectors alone: the
/// Lanczos iteration with full reorthogonalisation (Golub and Van Loan, Section 10.3).
///
/// Whoever has the matrix multiplies it with `vector` and gives the product to `advance`, as often as it
/// takes:
///
///     while !lanczos.isComplete { lanczos.advance(product(lanczos.vector)) }
public struct Lanczos: Sendable {
  /// Orthonormal, one for each product so far and the next one.
  private var basis: [[Double]]
  /// The tridiagonal matrix QᵀAQ.
  private var diagonal: [Double] = []
  private var offDiagonal: [Double] = []
  /// Whether the basis spans an invariant subspace: no further product adds anything.
  public private(set) var isComplete = false

  /// - Precondition: `start` is not 0.
  public init(start: [Double]) {
    let norm = Self.norm(start)
    precondition(norm > 0, "a start of length 0")
    basis = [start.map { $0 / norm }]
  }

  /// With which the matrix is to be multiplied next; of length 1.
  public var vector: [Double] { basis[basis.count - 1] }
  /// Products so far.
  public var count: Int { diagonal.count }

  /// Takes the product of the matrix and `vector`.
  public mutating func advance(_ product: [Double]) {
    precondition(!isComplete, "the iteration is complete")
    precondition(product.count == vector.count, "\(product.count) numbers for \(vector.count)")
    diagonal.append(Self.dot(product, vector))
    var rest = product
    // Twice is enough (Parlett 1980): rounding leaves nothing of the basis.
    for _ in 0..<2 {
      for q in basis {
        let share = Self.dot(rest, q)
        for place in rest.indices { rest[place] -= share * q[place] }
      }
    }
    let length = Self.norm(rest)
    let size = max(Self.norm(product), .leastNormalMagnitude)
    guard length > 1e-12 * size, basis.count < product.count else {
      isComplete = true
      return
    }
    offDiagonal.append(length)
    basis.append(rest.map { $0 / length })
  }

  /// Ritz values, the largest first: the outer ones tend to the matrix's eigenvalues.
  public var eigenvalues: [Double] {
    let links = Array(offDiagonal.prefix(max(diagonal.count - 1, 0)))
    return (0..<diagonal.count).map { index in
      eigenvalue(index, diagonal, links)
    }.reversed()
  }

  /// The `index`-th smallest eigenvalue of a symmetric tridiagonal matrix, by bisection: as many
  /// eigenvalues lie below x as there are negative pivots in A − xI (Sturm).
  private func eigenvalue(_ index: Int, _ diagonal: [Double], _ links: [Double]) -> Double {
    var (low, high) = (Double.infinity, -Double.infinity)
    for (place, value) in diagonal.enumerated() {
      let reach =
        (place > 0 ? abs(links[place - 1]) : 0) + (place < links.count ? abs(links[place]) : 0)
      (low, high) = (min(low, value - reach), max(high, value + reach))  // Gershgorin
    }
    func countBelow(_ x: Double) -> Int {
      var (count, pivot) = (0, 1.0)
      for (place, value) in diagonal.enumerated() {
        let link = place > 0 ? links[place - 1] : 0
        pivot = value - x - (place > 0 ? link * link / pivot : 0)
        if pivot == 0 { pivot = -1e-300 }
        if pivot < 0 { count += 1 }
      }
      return count
    }
    // Halves until doubles end.
    for _ in 0..<200 {
      let middle = low + (high - low) / 2
      guard middle > low, middle < high else { break }
      if countBelow(middle) > index { high = middle } else { low = middle }
    }
    return low + (high - low) / 2
  }

  private static func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for place in a.indices { sum += a[place] * b[place] }
    return sum
  }

  private static func norm(_ a: [Double]) -> Double { dot(a, a).squareRoot() }
}
