/// From relevance to [0, 1] or [-1, 1], for colours.
public struct HeatmapScale: Hashable, Sendable {
  /// Maps of more pixels are those of gradients at the input, where a few pixels outshine all
  /// others: what is above this share of the pixels is cut off (Smilkov et al. 2017, Section 3.1).
  static let fineMap = 32 * 32
  static let keptShare = 0.99

  /// Relevance of this size has the strongest colour; 0 if there is no relevance.
  public let limit: Float
  /// Whether colours are of a diverging map, with zero in the middle.
  public let isSigned: Bool

  /// The limit of coarse maps is the largest absolute value, of fine ones the 99th percentile.
  /// - Parameters:
  ///   - heatmap: the map that is to be coloured.
  ///   - isSigned: what the map says of itself if `nil`.
  public init(of heatmap: Heatmap, isSigned: Bool? = nil) {
    let sizes = heatmap.values.map { $0.isFinite ? abs($0) : 0 }
    self.isSigned = isSigned ?? heatmap.isSigned
    let largest = sizes.max() ?? 0
    guard sizes.count > Self.fineMap else {
      limit = largest
      return
    }
    let percentile = sizes.sorted()[Int(Self.keptShare * Double(sizes.count - 1))]
    limit = percentile > 0 ? percentile : largest
  }

  /// In [0, 1]; of a signed map in [-1, 1]. 0 for what is not a number.
  public func callAsFunction(_ value: Float) -> Float {
    guard limit > 0, value.isFinite else { return 0 }
    return min(max(value / limit, isSigned ? -1 : 0), 1)
  }
}
