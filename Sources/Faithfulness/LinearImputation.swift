import ImageData

/// Fills pixels so that each is the weighted mean of its neighbours: 1/6 for those beside it, 1/12 for
/// those at its corners, in proportion where the image ends. Rong et al. 2022.
///
/// The weights are symmetric, so that the missing pixels solve a symmetric positive definite system. That
/// of a small image is factorised once for all channels; that of a larger one is solved by conjugate
/// gradients, on the whole image with the known pixels masked.
package struct LinearImputation {
  private static let beside = 1.0 / 6
  private static let corner = 1.0 / 12
  /// Of the residual, relative to the right-hand side: samples are then right to single precision.
  private static let tolerance = 1e-8

  /// Pixels of a row up to which the system is factorised: its bandwidth.
  private static let factorisedWidth = 64

  private let image: [Float]
  private let size: ImageSize
  private let channels: Int
  /// A row of the image with a pixel of border to each side.
  private let stride: Int
  /// By channel, on an image with a border of one pixel: what is known, and the last solution.
  private var planes: [[Double]]
  /// Sum of a pixel's weights, those of neighbours that there are; 1 in the border.
  private var diagonal: [Double]
  private var isMissing: [Double]

  /// - Parameters:
  ///   - image: [H, W, C].
  ///   - size: of the image.
  ///   - channels: of the image.
  package init(_ image: [Float], size: ImageSize, channels: Int) {
    (self.image, self.size, self.channels) = (image, size, channels)
    stride = size.width + 2
    let area = stride * (size.height + 2)
    planes = [[Double]](repeating: [Double](repeating: 0, count: area), count: channels)
    isMissing = [Double](repeating: 0, count: area)
    var exists = [Double](repeating: 0, count: area)
    for pixel in 0..<size.area {
      let place = Self.place(pixel, size)
      exists[place] = 1
      for channel in 0..<channels {
        planes[channel][place] = Double(image[pixel * channels + channel])
      }
    }
    diagonal = [Double](repeating: 0, count: area)
    Self.gather(exists, into: &diagonal, stride: stride, rows: size.height)
    for place in diagonal.indices where exists[place] == 0 { diagonal[place] = 1 }
  }

  private static func place(_ pixel: Int, _ size: ImageSize) -> Int {
    (pixel / size.width + 1) * (size.width + 2) + pixel % size.width + 1
  }

  /// The image with these pixels filled, [H, W, C]. Pixels of earlier calls stay missing.
  /// - Precondition: some pixels are known.
  package mutating func filled(_ pixels: ArraySlice<Int>) -> [Float] {
    precondition(pixels.count < size.area, "an image of which nothing is known")
    for pixel in pixels { isMissing[Self.place(pixel, size)] = 1 }
    var result = image
    if size.width <= Self.factorisedWidth { solveDirectly() }
    for channel in 0..<channels {
      if size.width > Self.factorisedWidth { solve(&planes[channel]) }
      for pixel in pixels {
        result[pixel * channels + channel] = Float(planes[channel][Self.place(pixel, size)])
      }
    }
    return result
  }

  /// Fills all missing pixels of all channels.
  private mutating func solveDirectly() {
    let places = isMissing.indices.filter { isMissing[$0] == 1 }
    var numbers = [Int](repeating: -1, count: isMissing.count)
    for (number, place) in places.enumerated() { numbers[place] = number }
    // In the order of the image, so that these come before a pixel; their opposites come after it.
    let before = [
      (-stride - 1, Self.corner), (-stride, Self.beside), (-stride + 1, Self.corner),
      (-1, Self.beside),
    ]
    let cholesky = EnvelopeCholesky(
      diagonal: places.map { diagonal[$0] },
      below: places.map { place in
        before.compactMap { offset, weight in
          let number = numbers[place + offset]
          return number < 0 ? nil : (number, -weight)
        }
      })
    for channel in 0..<channels {
      // Beyond the image there is 0, so that only neighbours that there are count.
      let right = places.map { place in
        before.reduce(0.0) { sum, entry in
          let (near, far) = (place + entry.0, place - entry.0)
          return sum + entry.1
            * ((1 - isMissing[near]) * planes[channel][near]
              + (1 - isMissing[far]) * planes[channel][far])
        }
      }
      for (place, value) in zip(places, cholesky.solution(right)) { planes[channel][place] = value }
    }
  }

  /// Conjugate gradients, preconditioned by the diagonal, from the values that the missing pixels have.
  private func solve(_ x: inout [Double]) {
    let area = x.count
    var (gathered, residual) = (
      [Double](repeating: 0, count: area), [Double](repeating: 0, count: area)
    )
    Self.gather(x, into: &gathered, stride: stride, rows: size.height)
    // Of known pixels alone, for the size of the right-hand side.
    var known = x
    for place in 0..<area { known[place] *= 1 - isMissing[place] }
    var right = [Double](repeating: 0, count: area)
    Self.gather(known, into: &right, stride: stride, rows: size.height)
    var (bound, product) = (0.0, 0.0)
    var direction = [Double](repeating: 0, count: area)
    for place in 0..<area {
      residual[place] = isMissing[place] * (gathered[place] - diagonal[place] * x[place])
      bound += isMissing[place] * right[place] * right[place]
      direction[place] = residual[place] / diagonal[place]
      product += residual[place] * direction[place]
    }
    bound *= Self.tolerance * Self.tolerance
    var applied = gathered
    for _ in 0..<10 * area where product > bound {
      Self.gather(direction, into: &applied, stride: stride, rows: size.height)
      let curvature = Self.apply(&applied, direction, diagonal, isMissing)
      let step = product / curvature
      let next = Self.advance(&x, &residual, direction, applied, diagonal, by: step)
      Self.turn(&direction, residual, diagonal, by: next / product)
      product = next
    }
  }

  // Loops over pointers, so that they are vectorised.

  /// applied = isMissing·(diagonal·direction − applied); its product with the direction.
  private static func apply(
    _ applied: inout [Double], _ direction: [Double], _ diagonal: [Double], _ isMissing: [Double]
  ) -> Double {
    let count = applied.count
    return applied.withUnsafeMutableBufferPointer { applied in
      direction.withUnsafeBufferPointer { direction in
        diagonal.withUnsafeBufferPointer { diagonal in
          isMissing.withUnsafeBufferPointer { isMissing in
            var sum = SIMD8<Double>.zero
            var rest = 0.0
            for place in 0..<count {
              applied[place] =
                isMissing[place] * (diagonal[place] * direction[place] - applied[place])
            }
            for block in 0..<count / 8 {
              for lane in 0..<8 {
                sum[lane] += applied[8 * block + lane] * direction[8 * block + lane]
              }
            }
            for place in count / 8 * 8..<count { rest += applied[place] * direction[place] }
            return sum.sum() + rest
          }
        }
      }
    }
  }

  /// x += step·direction, residual −= step·applied; the residual's product with itself over the diagonal.
  private static func advance(
    _ x: inout [Double], _ residual: inout [Double], _ direction: [Double], _ applied: [Double],
    _ diagonal: [Double], by step: Double
  ) -> Double {
    let count = x.count
    return x.withUnsafeMutableBufferPointer { x in
      residual.withUnsafeMutableBufferPointer { residual in
        direction.withUnsafeBufferPointer { direction in
          applied.withUnsafeBufferPointer { applied in
            diagonal.withUnsafeBufferPointer { diagonal in
              var sum = SIMD8<Double>.zero
              var rest = 0.0
              for place in 0..<count {
                x[place] += step * direction[place]
                residual[place] -= step * applied[place]
              }
              for block in 0..<count / 8 {
                for lane in 0..<8 {
                  let place = 8 * block + lane
                  sum[lane] += residual[place] * residual[place] / diagonal[place]
                }
              }
              for place in count / 8 * 8..<count {
                rest += residual[place] * residual[place] / diagonal[place]
              }
              return sum.sum() + rest
            }
          }
        }
      }
    }
  }

  /// direction = residual/diagonal + share·direction.
  private static func turn(
    _ direction: inout [Double], _ residual: [Double], _ diagonal: [Double], by share: Double
  ) {
    let count = direction.count
    direction.withUnsafeMutableBufferPointer { direction in
      residual.withUnsafeBufferPointer { residual in
        diagonal.withUnsafeBufferPointer { diagonal in
          for place in 0..<count {
            direction[place] = residual[place] / diagonal[place] + share * direction[place]
          }
        }
      }
    }
  }

  /// Weighted sums of the neighbours, without a border's.
  private static func gather(
    _ values: [Double], into sums: inout [Double], stride: Int, rows: Int
  ) {
    values.withUnsafeBufferPointer { values in
      sums.withUnsafeMutableBufferPointer { sums in
        for row in 1...rows {
          let begin = row * stride
          for place in begin + 1..<begin + stride - 1 {
            let (above, below) = (place - stride, place + stride)
            sums[place] =
              beside * (values[place - 1] + values[place + 1] + values[above] + values[below])
              + corner
              * (values[above - 1] + values[above + 1] + values[below - 1] + values[below + 1])
          }
        }
      }
    }
  }
}
