import ImageData

extension Heatmap {
  /// Maps with a longer side are averaged before their most relevant region is drawn: of single
  /// pixels there would be no outline.
  static let regionSide = 28

  /// The pixels of the largest relevance, `share` of all: those not below the ⌈share·n⌉-th largest.
  /// Equals are in together, so there may be more; the map's smallest value is never in, so a map
  /// of one value has none.
  public func isAmongTop(_ share: Double) -> [Bool] {
    let finite = self.finite.values
    let sorted = finite.sorted()
    guard let smallest = sorted.first, share > 0 else {
      return [Bool](repeating: false, count: values.count)
    }
    let count = min(sorted.count, Int((share * Double(sorted.count)).rounded(.up)))
    let bound = sorted[sorted.count - count]
    return finite.map { $0 >= bound && $0 > smallest }
  }

  /// Pixels of a picture of `size` on the inner edge of the region of the top `share` of |relevance|.
  public func outlineOfTop(_ share: Double, size: ImageSize) -> [Bool] {
    let strength = Heatmap(height: height, width: width, values: finite.values.map(abs))
    let region = strength.averaged(longestSide: Self.regionSide).resizedBilinearly(to: size)
      .isAmongTop(share)
    let (width, height) = (size.width, size.height)
    return region.indices.map { pixel in
      guard region[pixel] else { return false }
      let (y, x) = pixel.quotientAndRemainder(dividingBy: width)
      return x > 0 && !region[pixel - 1] || x + 1 < width && !region[pixel + 1]
        || y > 0 && !region[pixel - width] || y + 1 < height && !region[pixel + width]
    }
  }
}
