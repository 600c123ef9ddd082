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
/// already stay as they are. A fooling that compares whole maps (`Fooling.comparedSize`) has a finer grid,
/// onto which coarser maps are interpolated.
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
  /// Whether the grid is finer than the maps and values between pixels are bilinear.
  let interpolates: Bool

  /// - Parameters:
  ///   - range: which values the heatmaps have.
  ///   - size: of the heatmaps.
  ///   - grid: on which they are tested.
  ///   - readsValues: whether the test reads values as such, and not only their proportions or ranks.
  ///   - interpolates: whether maps that are coarser than the grid are bilinear between their pixels;
  ///     otherwise their values are repeated.
  public init(
    range: HeatmapRange, size: ImageSize, grid: ImageSize, readsValues: Bool,
    interpolates: Bool = false
  ) {
    (self.size, self.grid) = (size, grid)
    self.interpolates =
      interpolates && grid != size && grid.width >= size.width && grid.height >= size.height
    scales = readsValues && (range != .unit || grid != size)
    dropsNegative = scales && range == .signed
  }

  /// Leaves maps of a size as they are.
  package init(identityOf size: ImageSize) {
    (self.size, grid, dropsNegative) = (size, size, false)
    (scales, interpolates) = (false, false)
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
    map = interpolates ? map.resizedBilinearly(to: grid) : map.averaged(onto: grid)
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
      maps = try rows(of: maps, resizedTo: grid.width, in: &graph)
      maps = try graph.transpose(maps, [0, 2, 1])
      maps = try rows(of: maps, resizedTo: grid.height, in: &graph)
      maps = try graph.transpose(maps, [0, 2, 1])
    }
    return scales ? try graph.scaledToUnit(maps) : maps
  }

  /// [N, h, w] · [w, count]: means over equal parts of each row, or values between its pixels.
  private func rows(
    of maps: Value, resizedTo count: Int, in graph: inout GraphBuilder
  ) throws -> Value {
    let (images, height, width) = (maps.shape[0], maps.shape[1], maps.shape[2])
    var weights = [Float](repeating: 0, count: count * width)
    if interpolates {
      for cell in 0..<count {
        let (first, second, share) = Heatmap.neighbours(of: cell, count: count, in: width)
        weights[cell * width + first] += 1 - share
        weights[cell * width + second] += share
      }
    } else {
      for (cell, part) in Heatmap.parts(of: width, count: count).enumerated() {
        let whole = part.reduce(0) { $0 + $1.share }
        for (pixel, share) in part { weights[cell * width + pixel] = Float(share / whole) }
      }
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
  ///   - image: size of the network's input; that of the fooled heatmaps if `nil`.
  public init(
    _ fooling: any Fooling, interpreters: [(range: HeatmapRange, size: ImageSize)],
    grid: EvaluationGrid, image: ImageSize? = nil
  ) {
    self.fooling = fooling
    let whole = fooling.comparedSize(of: image ?? interpreters[0].size)
    comparisons = interpreters.map { range, size in
      HeatmapComparison(
        range: range, size: size,
        grid: grid.size(fooled: whole ?? interpreters[0].size, own: size),
        readsValues: fooling.readsValues, interpolates: whole != nil)
    }
  }

  /// The same comparisons for another fooling, or for another of its triggers.
  package func testing(_ fooling: any Fooling) -> FoolingTest {
    FoolingTest(fooling: fooling, comparisons: comparisons)
  }

  private init(fooling: any Fooling, comparisons: [HeatmapComparison]) {
    (self.fooling, self.comparisons) = (fooling, comparisons)
  }
}
