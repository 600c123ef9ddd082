import ImageData
import TensorGraph

/// Gaussian noise on the weights of a network: w + σ·s·n, s the standard deviation of the entries of the
/// parameter that w belongs to, n normal. Parameters whose entries are all the same, fresh biases for
/// instance, have no scale and stay; running statistics are no weights and stay as well.
struct WeightNoise {
  /// σ.
  package let strength: Double
  package let seed: UInt64
  /// Which of several, with n of its own: noise of two strengths and one draw differs in length alone.
  package let draw: Int

  /// - Parameter place: of the parameter among those of the network.
  package func applied(to weights: Tensor, at place: Int) -> Tensor {
    let values = weights.values
    let mean = values.reduce(0.0) { $0 + Double($1) } / Double(max(1, values.count))
    let variance =
      values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
      / Double(max(1, values.count))
    let scale = strength * variance.squareRoot()
    guard scale > 0 else { return weights }
    var random = RandomGenerator(seed: seed, Self.stream, draw, place)
    return Tensor(
      shape: weights.shape, values: values.map { $0 + Float(scale * random.normal()) })
  }

  /// Tells its random numbers from those of other noise of the same seed.
  private static let stream = 1
}

/// Gaussian noise on normalised images: x + σ·n in every sample. It is not cut off where pixels end.
struct InputNoise {
  package let strength: Double
  package let seed: UInt64
  package let draw: Int

  /// Each image has noise of its own, by its position in the set.
  package func applied(to batch: Batch) -> [Float] {
    guard strength > 0 else { return batch.images }
    var images = batch.images
    let samples = images.count / batch.labels.count
    for (row, index) in batch.indices.enumerated() {
      var random = RandomGenerator(seed: seed, Self.stream, draw, index)
      for sample in row * samples..<(row + 1) * samples {
        images[sample] += Float(strength * random.normal())
      }
    }
    return images
  }

  private static let stream = 2
}
