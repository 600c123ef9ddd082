import Pictures
import Similarity
import TensorGraph

/// How far a heatmap is from the one that it is to become, as a penalty and as a score.
public enum Dissimilarity: String, Codable, Hashable, Sendable, CaseIterable {
  /// Mean squared difference of maps standardised by their mean and variance (`StandardizedError`).
  case mse
  /// (1 − SSIM) / 2 of maps scaled to [0, 1] (`StructuralDissimilarity`).
  case dssim

  public var measure: any SimilarityMeasure {
    switch self {
    case .mse: StandardizedError()
    case .dssim: StructuralDissimilarity()
    }
  }

  /// Its place among all of them.
  package var index: Int { Self.allCases.firstIndex(of: self)! }

  /// About the largest value there is: that of opposite maps.
  public var largest: Double {
    switch self {
    case .mse: 4
    case .dssim: 1
    }
  }

  /// The mean over the images, a scalar.
  /// - Parameters:
  ///   - maps: [N, h, w].
  ///   - targets: of the same shape.
  ///   - graph: what it is appended to.
  func penalty(
    of maps: Value, to targets: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    switch self {
    case .mse:
      let difference = try graph.subtract(
        Self.standardized(maps, in: &graph), Self.standardized(targets, in: &graph))
      return try graph.mean(graph.square(difference))
    case .dssim: return try Self.structural(maps, targets, in: &graph)
    }
  }

  /// (h − mean h) / √(var h + 1e-5), image by image.
  private static func standardized(
    _ maps: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let centered = try graph.subtract(maps, graph.mean(maps, axes: [1, 2]))
    let variance = try graph.mean(graph.square(centered), axes: [1, 2])
    return try graph.divide(
      centered, graph.squareRoot(graph.add(variance, StandardizedError.stabilizer)))
  }

  private static func structural(
    _ a: Value, _ b: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let (images, height, width) = (a.shape[0], a.shape[1], a.shape[2])
    let window = StructuralDissimilarity.window(height: height, width: width)
    let (x, y) = (
      try graph.scaledToUnit(a), try graph.scaledToUnit(b)
    )
    // One product for all moments.
    var moments = try graph.concatenate(
      [x, y, graph.square(x), graph.square(y), graph.multiply(x, y)], axis: 0)
    for length in [width, height] {
      let matrix = try graph.constant(Self.windows(window, along: length))
      let rows = moments.shape[0] * moments.shape[1]
      let product = try graph.matrixProduct(
        graph.reshape(moments, to: [rows, length]), matrix, transposesRight: true)
      moments = try graph.transpose(
        graph.reshape(product, to: [5 * images, moments.shape[1], matrix.shape[0]]), [0, 2, 1])
    }
    func moment(_ index: Int, _ graph: inout GraphBuilder) throws -> Value {
      try graph.slice(moments, axis: 0, index * images..<(index + 1) * images)
    }
    let (mx, my) = (try moment(0, &graph), try moment(1, &graph))
    let (squares, product) = (
      try graph.add(graph.square(mx), graph.square(my)), try graph.multiply(mx, my)
    )
    let variances = try graph.subtract(
      graph.add(moment(2, &graph), moment(3, &graph)), squares)
    let covariance = try graph.subtract(moment(4, &graph), product)
    let (c1, c2) = (StructuralDissimilarity.c1, StructuralDissimilarity.c2)
    let numerator = try graph.multiply(
      graph.add(graph.multiply(product, 2), c1), graph.add(graph.multiply(covariance, 2), c2))
    let denominator = try graph.multiply(
      graph.add(squares, c1), graph.add(variances, c2))
    let similarity = try graph.mean(graph.divide(numerator, denominator))
    return try graph.multiply(graph.subtract(1, similarity), 0.5)
  }

  /// [windows, length]: the weights of every window that lies within so many pixels.
  private static func windows(_ window: [Double], along length: Int) -> Tensor {
    let count = length - window.count + 1
    var values = [Float](repeating: 0, count: count * length)
    for first in 0..<count {
      for (tap, weight) in window.enumerated() {
        values[first * length + first + tap] = Float(weight)
      }
    }
    return Tensor(shape: [count, length], values: values)
  }
}

extension GraphBuilder {
  /// (x − min x) / (max x − min x) of each image, [N, h, w]; 0 everywhere where max x = min x.
  mutating func scaledToUnit(_ maps: Value) throws(ShapeError) -> Value {
    let low = try minimum(of: maps, axes: [1, 2])
    let range = try subtract(maximum(of: maps, axes: [1, 2]), low)
    let isFlat = try isEqual(range, scalar(0))
    return try divide(subtract(maps, low), add(range, isFlat))
  }
}
