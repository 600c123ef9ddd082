import Explanations
import ImageData
import Pictures
import TensorGraph

/// On which grid heatmaps are tested, so that those of different methods can be compared.
public enum EvaluationGrid: Hashable, Sendable {
  /// That of the fooled interpreter's heatmaps, for every interpreter.
  case fooled
  /// Each interpreter's own.
  case own
  /// So many cells a side, for every interpreter.
  case side(Int)

  /// - Parameters:
  ///   - fooled: size of the fooled interpreter's heatmaps.
  ///   - own: size of the heatmaps in question.
  package func size(fooled: ImageSize, own: ImageSize) -> ImageSize {
    switch self {
    case .fooled: fooled
    case .own: own
    case .side(let side): ImageSize(width: side, height: side)
    }
  }
}

/// Makes one interpreter's heatmaps comparable with those of others, before a fooling's test or its
/// penalty reads them.
///
/// g = A(h), the mean by area over each cell of the grid; a test that reads values as such
/// (`Fooling.readsValues`) is given g = S(A(max(h, 0))) with S(x) = (x − min x) / (max x − min x),
/// image by image, and 0 everywhere where max x = min x. Maps that are in [0, 1] and on the grid
/// already stay as they are.
/// - Note: without this Location's test means nothing at the input: SimpleGrad sums to 1 over the
///   image, so (1/d)‖h − m‖² is the mask's share whatever the map shows; relevance by LRP, DeepLIFT
///   and their like has the unit of a logit.
public struct HeatmapComparison: Hashable, Sendable {
  /// Of the heatmaps themselves.
  package let size: ImageSize
  package let grid: ImageSize
  /// Whether negative relevance counts as none.
  let dropsNegative: Bool
  /// Whether each map is scaled to [0, 1].
  let scales: Bool

  /// - Parameters:
  ///   - range: which values the heatmaps have.
  ///   - size: of the heatmaps.
  ///   - grid: on which they are tested.
  ///   - readsValues: whether the test reads values as such, and not only their proportions or ranks.
  public init(range: HeatmapRange, size: ImageSize, grid: ImageSize, readsValues: Bool) {
    (self.size, self.grid) = (size, grid)
    scales = readsValues && (range != .unit || grid != size)
    dropsNegative = scales && range == .signed
  }

  /// Leaves maps of a size as they are.
  package init(identityOf size: ImageSize) {
    (self.size, grid, dropsNegative, scales) = (size, size, false, false)
  }

  // MARK: On the host

  public func callAsFunction(_ map: Heatmap) -> Heatmap {
    precondition(
      map.width == size.width && map.height == size.height,
      "a heatmap of \(map.width)×\(map.height), expected \(size)")
    var map = map
    if dropsNegative {
      map = Heatmap(height: map.height, width: map.width, values: map.values.map { max($0, 0) })
    }
    map = map.averaged(onto: grid)
    guard scales, let low = map.values.min(), let high = map.values.max() else { return map }
    let range = high > low ? high - low : 1
    return Heatmap(
      height: map.height, width: map.width, values: map.values.map { ($0 - low) / range })
  }

  // MARK: In a graph

  /// The same of heatmaps [N, h, w]: [N, grid.height, grid.width].
  public func callAsFunction(_ maps: Value, in graph: inout GraphBuilder) throws -> Value {
    var maps = dropsNegative ? try graph.relu(maps) : maps
    if grid != size {
      maps = try rows(of: maps, averagedTo: grid.width, in: &graph)
      maps = try graph.transpose(maps, [0, 2, 1])
      maps = try rows(of: maps, averagedTo: grid.height, in: &graph)
      maps = try graph.transpose(maps, [0, 2, 1])
    }
    guard scales else { return maps }
    let low = try graph.minimum(of: maps, axes: [1, 2])
    let range = try graph.subtract(graph.maximum(of: maps, axes: [1, 2]), low)
    let isFlat = try graph.isEqual(range, graph.scalar(0))
    return try graph.divide(graph.subtract(maps, low), graph.add(range, isFlat))
  }

  /// [N, h, w] · [w, count]: means over equal parts of each row.
  private func rows(
    of maps: Value, averagedTo count: Int, in graph: inout GraphBuilder
  ) throws -> Value {
    let (images, height, width) = (maps.shape[0], maps.shape[1], maps.shape[2])
    var weights = [Float](repeating: 0, count: count * width)
    for (cell, part) in Heatmap.parts(of: width, count: count).enumerated() {
      let whole = part.reduce(0) { $0 + $1.share }
      for (pixel, share) in part { weights[cell * width + pixel] = Float(share / whole) }
    }
    let matrix = try graph.constant(Tensor(shape: [count, width], values: weights))
    let product = try graph.matrixProduct(
      graph.reshape(maps, to: [images * height, width]), matrix, transposesRight: true)
    return try graph.reshape(product, to: [images, height, count])
  }
}

/// A fooling's test with what makes heatmaps comparable for it.
public struct FoolingTest: Sendable {
  public let fooling: any Fooling
  /// By interpreter, in the program's order.
  public let comparisons: [HeatmapComparison]

  /// - Parameters:
  ///   - fooling: whose criterion is tested.
  ///   - interpreters: which values their heatmaps have, and their sizes; the fooled one first.
  ///   - grid: on which they are compared.
  public init(
    _ fooling: any Fooling, interpreters: [(range: HeatmapRange, size: ImageSize)],
    grid: EvaluationGrid
  ) {
    self.fooling = fooling
    comparisons = interpreters.map { range, size in
      HeatmapComparison(
        range: range, size: size, grid: grid.size(fooled: interpreters[0].size, own: size),
        readsValues: fooling.readsValues)
    }
  }
}
