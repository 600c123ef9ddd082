import ImageData
import Pictures

/// The regions of which an image is perturbed one after the other: squares side by side, in rows from
/// the top left. Those at the right and at the bottom are cut off where the image ends.
public struct RegionGrid: Hashable, Sendable {
  public let imageSize: ImageSize
  /// Side of a region in pixels.
  public let regionSize: Int
  public let columns: Int
  public let rows: Int

  /// - Precondition: `regionSize` is positive.
  public init(imageSize: ImageSize, regionSize: Int) {
    precondition(regionSize > 0, "regions of \(regionSize) pixels")
    (self.imageSize, self.regionSize) = (imageSize, regionSize)
    columns = (imageSize.width + regionSize - 1) / regionSize
    rows = (imageSize.height + regionSize - 1) / regionSize
  }

  public var count: Int { rows * columns }

  /// The pixels of a region.
  public func pixels(of region: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    precondition((0..<count).contains(region), "region \(region) of \(count)")
    let (row, column) = region.quotientAndRemainder(dividingBy: columns)
    func side(_ place: Int, _ length: Int) -> Range<Int> {
      place * regionSize..<min((place + 1) * regionSize, length)
    }
    return (side(row, imageSize.height), side(column, imageSize.width))
  }

  /// The relevance of each region: the mean over its pixels of the heatmap, which is resized to the
  /// image bilinearly if it is of another size, as those at a target layer are. Entries that are not
  /// finite count as 0, and relevance below zero is less than none.
  ///
  /// - Note: Samek et al. 2017 sum over a region; all of theirs have the same size.
  public func relevance(of heatmap: Heatmap) -> [Double] {
    let map = heatmap.finite.resizedBilinearly(to: imageSize)
    return (0..<count).map { region in
      let (rows, columns) = pixels(of: region)
      var sum = 0.0
      for row in rows {
        for column in columns { sum += Double(map.values[row * map.width + column]) }
      }
      return sum / Double(rows.count * columns.count)
    }
  }

  /// Puts one region of `source` into `target`, both [height, width, channels].
  public func copy<Sample>(_ region: Int, from source: [Sample], to target: inout [Sample]) {
    copy(region, from: source, to: &target, at: 0)
  }

  /// The same for an image that begins at `offset` of `target`.
  public func copy<Sample>(
    _ region: Int, from source: [Sample], to target: inout [Sample], at offset: Int
  ) {
    let channels = source.count / imageSize.area
    precondition(
      channels > 0 && source.count == channels * imageSize.area && offset >= 0
        && target.count >= offset + source.count,
      "\(source.count) and \(target.count) samples, an image of \(imageSize)")
    let (rows, columns) = pixels(of: region)
    for row in rows {
      let begin = (row * imageSize.width + columns.lowerBound) * channels
      for sample in begin..<begin + columns.count * channels {
        target[offset + sample] = source[sample]
      }
    }
  }
}
