import ImageData

extension Heatmap {
  /// Bilinear between the middles of pixels; beyond the outermost middles the map stays as it is
  /// there. What PyTorch's `interpolate(mode: "bilinear", align_corners: false)` gives.
  public func resizedBilinearly(to size: ImageSize) -> Heatmap {
    precondition(size.width > 0 && size.height > 0, "cannot resize to \(size)")
    if size.width == width, size.height == height { return self }
    let columns = (0..<size.width).map { Self.neighbours(of: $0, count: size.width, in: width) }
    let rows = (0..<size.height).map { Self.neighbours(of: $0, count: size.height, in: height) }
    var result: [Float] = []
    result.reserveCapacity(size.area)
    for row in rows {
      for column in columns {
        func along(_ y: Int) -> Float {
          let (a, b) = (values[y * width + column.first], values[y * width + column.second])
          return a + (b - a) * column.share
        }
        let (top, bottom) = (along(row.first), along(row.second))
        result.append(top + (bottom - top) * row.share)
      }
    }
    return Heatmap(height: size.height, width: size.width, values: result)
  }

  /// Between which source pixels the middle of a result pixel lies, and how near to the second.
  public static func neighbours(
    of position: Int, count: Int, in sourceCount: Int
  ) -> (first: Int, second: Int, share: Float) {
    let place =
      (Float(position) + 0.5) * Float(sourceCount) / Float(count) - 0.5
    let inside = min(max(place, 0), Float(sourceCount - 1))
    let first = min(Int(inside), sourceCount - 1)
    return (first, min(first + 1, sourceCount - 1), inside - Float(first))
  }

  /// Means over equal parts, so that neither side is longer than `longest`; a map that is small
  /// enough stays as it is.
  public func averaged(longestSide longest: Int) -> Heatmap {
    precondition(longest > 0, "a longest side of \(longest)")
    return averaged(
      onto: ImageSize(width: min(width, longest), height: min(height, longest)))
  }

  /// The mean by area over each cell of a grid that covers the map: a pixel counts in a cell by the
  /// part of it that lies there. A grid finer than the map repeats its values.
  public func averaged(onto grid: ImageSize) -> Heatmap {
    precondition(grid.width > 0 && grid.height > 0, "a grid of \(grid)")
    let (tall, wide) = (grid.height, grid.width)
    if tall == height, wide == width { return self }
    let columns = Self.parts(of: width, count: wide)
    let rows = Self.parts(of: height, count: tall)
    var result: [Float] = []
    result.reserveCapacity(tall * wide)
    for row in rows {
      for column in columns {
        var (sum, weight) = (0.0, 0.0)
        for (y, share) in row {
          for (x, part) in column {
            sum += share * part * Double(values[y * width + x])
            weight += share * part
          }
        }
        result.append(Float(sum / weight))
      }
    }
    return Heatmap(height: tall, width: wide, values: result)
  }

  /// For each of `count` equal parts of `length` pixels: which of them it covers, and how much.
  public static func parts(of length: Int, count: Int) -> [[(pixel: Int, share: Double)]] {
    let step = Double(length) / Double(count)
    return (0..<count).map { part in
      let (begin, end) = (Double(part) * step, Double(part + 1) * step)
      return (Int(begin)..<min(length, Int(end.rounded(.up)))).compactMap { pixel in
        let share = min(end, Double(pixel + 1)) - max(begin, Double(pixel))
        return share > 1e-9 ? (pixel, share) : nil
      }
    }
  }
}
