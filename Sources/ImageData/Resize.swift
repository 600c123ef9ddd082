/// A rectangle of the source in pixel coordinates, edges included: the whole image is
/// (0, 0, width, height). Fractions are allowed.
public struct SourceBox: Hashable, Sendable {
  public var left: Float
  public var top: Float
  public var right: Float
  public var bottom: Float

  public init(left: Float, top: Float, right: Float, bottom: Float) {
    self.left = left
    self.top = top
    self.right = right
    self.bottom = bottom
  }
}

extension Image {
  /// Bilinear resizing with antialiasing, bit for bit what Pillow's
  /// `Image.resize((width, height), BILINEAR, box)` gives.
  ///
  /// A triangle filter whose support grows with the reduction, in two passes with 22-bit
  /// fixed-point weights and rounding to 8 bits in between.
  /// - Note: the passes are ordered as in Pillow 13. Earlier versions always begin with the
  ///   width; their result differs, by a rounding step, where `resizesVerticallyFirst` holds.
  /// - Parameters:
  ///   - size: of the result.
  ///   - box: the part of the source to take; everything when `nil`. Pixels just outside
  ///     it take part in the filter, as in Pillow; crop first where they must not.
  /// - Precondition: `size` and `box` are not empty and the box lies within the image.
  public func resized(to size: ImageSize, box: SourceBox? = nil) -> Image {
    let whole = SourceBox(left: 0, top: 0, right: Float(width), bottom: Float(height))
    let box = box ?? whole
    precondition(size.width > 0 && size.height > 0, "cannot resize to \(size)")
    precondition(
      box.left >= 0 && box.top >= 0 && box.right <= whole.right && box.bottom <= whole.bottom
        && box.left < box.right && box.top < box.bottom,
      "box \(box) is not within the image of \(self.size)")
    let columns = ResizeWeights(
      from: box.left, to: box.right, sourceCount: width, resultCount: size.width)
    let rows = ResizeWeights(
      from: box.top, to: box.bottom, sourceCount: height, resultCount: size.height)
    let changesWidth =
      size.width != width || box.left != 0 || box.right != Float(size.width)
    let changesHeight =
      size.height != height || box.top != 0 || box.bottom != Float(size.height)
    guard changesWidth || changesHeight else { return self }
    guard changesHeight else { return resampledHorizontally(columns, rows: 0..<height) }
    guard changesWidth else { return resampledVertically(rows, offset: 0) }
    if resizesVerticallyFirst(to: size) {
      return resampledVertically(rows, offset: 0)
        .resampledHorizontally(columns, rows: 0..<size.height)
    }
    // Only the rows that the vertical pass will read.
    let needed = rows.starts[0]..<rows.starts[size.height - 1] + rows.counts[size.height - 1]
    return resampledHorizontally(columns, rows: needed)
      .resampledVertically(rows, offset: needed.lowerBound)
  }

  /// The order of the passes shows in the rounding. Pillow 13 begins with the height where it
  /// loses more than twice as many pixels as the width does; the box plays no part in this.
  private func resizesVerticallyFirst(to size: ImageSize) -> Bool {
    size.height < height && height - size.height > 2 * (width - size.width)
  }

  private func resampledHorizontally(_ weights: ResizeWeights, rows: Range<Int>) -> Image {
    let (sourceWidth, resultWidth) = (width, weights.starts.count)
    let total = resultWidth * rows.count * Image.channels
    let result = [UInt8](unsafeUninitializedCapacity: total) { result, count in
      pixels.withUnsafeBufferPointer { source in
        weights.values.withUnsafeBufferPointer { values in
          weights.starts.withUnsafeBufferPointer { starts in
            weights.counts.withUnsafeBufferPointer { counts in
              var target = result.baseAddress!
              for row in rows {
                let line = source.baseAddress! + row * sourceWidth * Image.channels
                for x in 0..<resultWidth {
                  let taps = values.baseAddress! + x * weights.stride
                  var pixel = line + starts[x] * Image.channels
                  var red = ResizeWeights.half
                  var green = ResizeWeights.half
                  var blue = ResizeWeights.half
                  for tap in 0..<counts[x] {
                    let weight = taps[tap]
                    red &+= Int32(pixel[0]) &* weight
                    green &+= Int32(pixel[1]) &* weight
                    blue &+= Int32(pixel[2]) &* weight
                    pixel += Image.channels
                  }
                  target[0] = ResizeWeights.sample(red)
                  target[1] = ResizeWeights.sample(green)
                  target[2] = ResizeWeights.sample(blue)
                  target += Image.channels
                }
              }
            }
          }
        }
      }
      count = total
    }
    return Image(width: resultWidth, height: rows.count, pixels: result)
  }

  /// `offset` is the source row that this image's first row stands for.
  private func resampledVertically(_ weights: ResizeWeights, offset: Int) -> Image {
    let line = width * Image.channels
    let resultHeight = weights.starts.count
    let total = line * resultHeight
    var sums = [Int32](repeating: 0, count: line)
    let result = [UInt8](unsafeUninitializedCapacity: total) { result, count in
      sums.withUnsafeMutableBufferPointer { sums in
        pixels.withUnsafeBufferPointer { source in
          let sum = sums.baseAddress!
          for y in 0..<resultHeight {
            sums.update(repeating: ResizeWeights.half)
            for tap in 0..<weights.counts[y] {
              let weight = weights.values[y * weights.stride + tap]
              let row = source.baseAddress! + (weights.starts[y] + tap - offset) * line
              for x in 0..<line { sum[x] &+= Int32(row[x]) &* weight }
            }
            let target = result.baseAddress! + y * line
            for x in 0..<line { target[x] = ResizeWeights.sample(sum[x]) }
          }
        }
      }
      count = total
    }
    return Image(width: width, height: resultHeight, pixels: result)
  }
}

/// For every result coordinate, the source coordinates it reads and their weights.
private struct ResizeWeights {
  /// Fraction bits of a weight: 8 bits for the sample and 2 of headroom in 32. Pillow's
  /// PRECISION_BITS.
  static let precision: Int32 = 32 - 8 - 2
  static let half: Int32 = 1 << (precision - 1)

  var starts: [Int] = []
  var counts: [Int] = []
  /// `stride` weights per result coordinate, the first `counts` of them in use.
  var values: [Int32]
  let stride: Int

  init(from first: Float, to last: Float, sourceCount: Int, resultCount: Int) {
    let scale = Double(last - first) / Double(resultCount)
    // When enlarging, the filter keeps the width of one source pixel on either side.
    let support = max(scale, 1)
    stride = Int(support.rounded(.up)) * 2 + 1
    starts.reserveCapacity(resultCount)
    counts.reserveCapacity(resultCount)
    values = [Int32](repeating: 0, count: resultCount * stride)
    var exact = [Double](repeating: 0, count: stride)
    for index in 0..<resultCount {
      let center = Double(first) + (Double(index) + 0.5) * scale
      let start = max(0, Int(center - support + 0.5))
      let count = min(sourceCount, Int(center + support + 0.5)) - start
      var total = 0.0
      for tap in 0..<count {
        let distance = abs((Double(tap + start) - center + 0.5) * (1 / support))
        exact[tap] = distance < 1 ? 1 - distance : 0
        total += exact[tap]
      }
      for tap in 0..<count {
        let weight = total != 0 ? exact[tap] / total : exact[tap]
        values[index * stride + tap] = Int32(0.5 + weight * Double(1 << ResizeWeights.precision))
      }
      starts.append(start)
      counts.append(count)
    }
  }

  @inline(__always)
  static func sample(_ sum: Int32) -> UInt8 {
    UInt8(truncatingIfNeeded: min(sum >> precision, 255))
  }
}
