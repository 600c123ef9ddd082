import Foundation

/// The last dense layer of a classifier as a function of its own weights: logits z = W·φ + b of given
/// features φ, and the cross-entropy ℓ = −log softmax(z)_y of given labels.
///
/// Vectors of weights are W row by row, [classes, features], then b, [classes] (if there is one): as a
/// network's own parameters follow each other.
public struct SoftmaxRegression: Sendable {
  public let classes: Int
  /// d, of one image.
  public let featureCount: Int
  public let hasBias: Bool
  /// [images, d]
  public private(set) var features: [Double] = []
  /// [images, classes]
  public private(set) var probabilities: [Double] = []
  public private(set) var labels: [Int] = []

  public init(classes: Int, featureCount: Int, hasBias: Bool) {
    (self.classes, self.featureCount, self.hasBias) = (classes, featureCount, hasBias)
  }

  /// Images.
  public var count: Int { labels.count }
  /// Numbers in W and b.
  public var weightCount: Int { classes * (featureCount + (hasBias ? 1 : 0)) }

  /// - Parameters:
  ///   - features: φ, [d].
  ///   - logits: of the present weights, [classes].
  ///   - label: the image's class.
  public mutating func append(features: [Double], logits: [Double], label: Int) {
    precondition(
      features.count == featureCount && logits.count == classes && (0..<classes).contains(label),
      "\(features.count) features, \(logits.count) logits, label \(label)")
    self.features += features
    probabilities += Self.softmax(logits)
    labels.append(label)
  }

  private static func softmax(_ logits: [Double]) -> [Double] {
    let largest = logits.max() ?? 0
    let powers = logits.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// W·φ + b of an image under other weights.
  public func logits(of image: Int, weights: [Double]) -> [Double] {
    precondition(weights.count == weightCount, "\(weights.count) weights of \(weightCount)")
    let begin = image * featureCount
    return features.withUnsafeBufferPointer { features in
      weights.withUnsafeBufferPointer { weights in
        (0..<classes).map { row in
          dot(
            weights.baseAddress! + row * featureCount, features.baseAddress! + begin, featureCount)
            + (hasBias ? weights[classes * featureCount + row] : 0)
        }
      }
    }
  }

  /// The same images under other weights.
  public func with(weights: [Double]) -> SoftmaxRegression {
    var other = self
    other.probabilities = (0..<count).flatMap { Self.softmax(logits(of: $0, weights: weights)) }
    return other
  }

  /// ℓ of an image, in nats.
  public func loss(of image: Int) -> Double {
    -log(max(probabilities[image * classes + labels[image]], .leastNormalMagnitude))
  }

  /// ∇ℓ of an image: (p − e_y)·φᵀ and p − e_y.
  public func gradient(of image: Int) -> [Double] {
    var gradient = [Double](repeating: 0, count: weightCount)
    addOuter(excess(of: image), image, to: &gradient)
    return gradient
  }

  /// ⟨∇ℓ, v⟩ of every image: (p − e_y)ᵀ(V·φ + v_b).
  public func slopes(along vector: [Double]) -> [Double] {
    (0..<count).map { image in
      dot(excess(of: image), logits(of: image, weights: vector))
    }
  }

  /// H·v, H the Hessian of the mean loss: the mean of ((diag p − ppᵀ)(V·φ + v_b))·(φᵀ, 1).
  public func product(_ vector: [Double]) -> [Double] {
    var product = [Double](repeating: 0, count: weightCount)
    for image in 0..<count {
      let change = logits(of: image, weights: vector)
      let p = Array(probabilities[image * classes..<(image + 1) * classes])
      let mean = dot(p, change)
      addOuter(
        (0..<classes).map { p[$0] * (change[$0] - mean) / Double(count) }, image, to: &product)
    }
    return product
  }

  /// H itself, row by row, of which only the lower triangle is filled; with δ on its diagonal.
  public func hessian(damping: Double = 0) -> [Double] {
    let size = weightCount
    let width = featureCount
    var matrix = [Double](repeating: 0, count: size * size)
    matrix.withUnsafeMutableBufferPointer { matrix in
      features.withUnsafeBufferPointer { features in
        // A pair of classes is a block of the matrix, which stays in the cache for all images.
        for row in 0..<classes {
          for column in 0...row {
            let (own, other) = (classes * width + row, classes * width + column)
            for image in 0..<count {
              let p = probabilities[image * classes + row]
              let q = probabilities[image * classes + column]
              let factor = (row == column ? p - p * p : -p * q) / Double(count)
              let phi = features.baseAddress! + image * width
              for i in 0..<width {
                let scaled = factor * phi[i]
                let block = matrix.baseAddress! + (row * width + i) * size + column * width
                // Of blocks on the diagonal the lower half is enough.
                for j in 0..<(row == column ? i + 1 : width) { block[j] += scaled * phi[j] }
              }
              guard hasBias else { continue }
              matrix[own * size + other] += factor
              for j in 0..<width {
                matrix[own * size + column * width + j] += factor * phi[j]
                if row != column { matrix[other * size + row * width + j] += factor * phi[j] }
              }
            }
          }
        }
      }
      for place in 0..<size { matrix[place * size + place] += damping }
    }
    return matrix
  }

  /// p − e_y.
  private func excess(of image: Int) -> [Double] {
    var excess = Array(probabilities[image * classes..<(image + 1) * classes])
    excess[labels[image]] -= 1
    return excess
  }

  /// total += u·(φᵀ, 1)
  private func addOuter(_ u: [Double], _ image: Int, to total: inout [Double]) {
    let begin = image * featureCount
    for row in 0..<classes {
      for j in 0..<featureCount { total[row * featureCount + j] += u[row] * features[begin + j] }
      if hasBias { total[classes * featureCount + row] += u[row] }
    }
  }
}
