import Pictures
import TensorGraph

/// S = h·w·|H| / (Σ|H| + 1e-12): the share of relevance that a pixel has, 1 on the average. An
/// all-zero map stays so.
enum RelevanceMap {
  static let stabilizer = 1e-12
}

extension GraphBuilder {
  /// The relevance maps of heatmaps [N, h, w].
  public mutating func relevance(of heatmaps: Value) throws(ShapeError) -> Value {
    let size = try absolute(heatmaps)
    let total = try add(sum(size, axes: [1, 2]), RelevanceMap.stabilizer)
    return try multiply(
      divide(size, total), Double(heatmaps.shape[1] * heatmaps.shape[2]))
  }
}

extension Heatmap {
  /// The relevance map of a heatmap. What is not a number counts as no relevance.
  public var relevance: Heatmap {
    let map = finite
    let total = map.values.reduce(0.0) { $0 + Double(abs($1)) } + RelevanceMap.stabilizer
    let scale = Double(values.count) / total
    return Heatmap(
      height: height, width: width, values: map.values.map { Float(Double(abs($0)) * scale) })
  }
}
