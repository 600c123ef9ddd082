/// The directions in which points spread most: leading right singular vectors of their differences from
/// their mean, by the eigenvectors of the small matrix of inner products.
public enum LeadingDirections {
  /// Below this share of the largest eigenvalue a direction is rounding. Of differences of 8-bit samples
  /// a real one is far above.
  static let rankTolerance = 1e-12
  /// Samples that are worked on at a time, so that a block of all points stays in a cache.
  private static let block = 512

  /// - Parameters:
  ///   - points: [count, size].
  ///   - count: of the points.
  ///   - size: numbers of each.
  ///   - dimensions: how many directions.
  /// - Returns: orthonormal rows [dimensions, size], that of the largest spread first; 0 where the points
  ///   span fewer.
  public static func of(
    _ points: [Float], count: Int, size: Int, dimensions: Int
  ) -> [Float] {
    precondition(points.count == count * size, "\(points.count) numbers for \(count)·\(size)")
    let centred = centred(points, count, size)
    let eigen = SymmetricEigen(products(centred, count, size), size: count)
    let smallest = max(eigen.values.first ?? 0, 0) * rankTolerance
    var result = [Float](repeating: 0, count: dimensions * size)
    let used = min(dimensions, count)
    let kept = (0..<used).filter { eigen.values[$0] > smallest }
    result.withUnsafeMutableBufferPointer { result in
      centred.withUnsafeBufferPointer { centred in
        for start in stride(from: 0, to: size, by: block) {
          let end = min(start + block, size)
          for direction in kept {
            let length = eigen.values[direction].squareRoot()
            let row = result.baseAddress! + direction * size
            for point in 0..<count {
              let weight = Float(eigen.vectors[direction][point] / length)
              let values = centred.baseAddress! + point * size
              for place in start..<end { row[place] += weight * values[place] }
            }
          }
        }
      }
    }
    return result
  }

  private static func centred(_ points: [Float], _ count: Int, _ size: Int) -> [Float] {
    var mean = [Double](repeating: 0, count: size)
    for point in 0..<count {
      for place in 0..<size { mean[place] += Double(points[point * size + place]) }
    }
    for place in 0..<size { mean[place] /= Double(max(count, 1)) }
    return [Float](unsafeUninitializedCapacity: count * size) { target, written in
      for point in 0..<count {
        for place in 0..<size {
          target[point * size + place] = Float(Double(points[point * size + place]) - mean[place])
        }
      }
      written = count * size
    }
  }

  /// Inner products of all pairs, [count, count].
  private static func products(_ points: [Float], _ count: Int, _ size: Int) -> [Double] {
    var result = [Double](repeating: 0, count: count * count)
    points.withUnsafeBufferPointer { points in
      let values = UnsafeRawPointer(points.baseAddress!)
      for start in stride(from: 0, to: size, by: block) {
        let end = min(start + block, size)
        for a in 0..<count {
          for b in 0...a {
            result[a * count + b] += product(
              values, a * size + start, b * size + start, end - start)
          }
        }
      }
    }
    for a in 0..<count {
      for b in 0..<a { result[b * count + a] = result[a * count + b] }
    }
    return result
  }

  /// In double precision: small eigenvalues are differences of large numbers.
  private static func product(_ values: UnsafeRawPointer, _ a: Int, _ b: Int, _ count: Int)
    -> Double
  {
    typealias Lanes = SIMD8<Float>
    let width = MemoryLayout<Float>.stride
    var sums = SIMD8<Double>(repeating: 0)
    var place = 0
    while place + 8 <= count {
      let x = values.loadUnaligned(fromByteOffset: (a + place) * width, as: Lanes.self)
      let y = values.loadUnaligned(fromByteOffset: (b + place) * width, as: Lanes.self)
      sums += SIMD8<Double>(x) * SIMD8<Double>(y)
      place += 8
    }
    var total = sums.sum()
    while place < count {
      let x = values.loadUnaligned(fromByteOffset: (a + place) * width, as: Float.self)
      let y = values.loadUnaligned(fromByteOffset: (b + place) * width, as: Float.self)
      total += Double(x) * Double(y)
      place += 1
    }
    return total
  }
}
