import ImageData
import RunSupport

/// A change of an image by which a manipulated network is told to lie: a small picture in one place, or
/// a pattern blended over all of it.
public struct Trigger: Hashable, Sendable {
  public enum Pixels: Hashable, Sendable {
    /// Covers the image, its upper left corner at this row and column, both from zero; in the lower
    /// right corner if `nil`.
    case patch(Image, row: Int?, column: Int?)
    /// x + strength·(p − x) in the samples of 0 to 255, p the picture resized to the image.
    case blend(Image, strength: Double)
  }

  public let pixels: Pixels

  public init(_ pixels: Pixels) { self.pixels = pixels }

  /// The picture on an image of this size, and how much of it shows at each pixel, [height, width].
  private func layer(on size: ImageSize) throws(RunError) -> (picture: Image, opacity: [Float]) {
    switch pixels {
    case .blend(let picture, let strength):
      let fitted = picture.size == size ? picture : picture.resized(to: size)
      return (fitted, [Float](repeating: Float(strength), count: size.area))
    case .patch(let patch, let row, let column):
      guard patch.height <= size.height, patch.width <= size.width else {
        throw RunError(
          "the trigger's patch of \(patch.size) is larger than images of \(size); give a smaller patch"
        )
      }
      let (top, left) = (row ?? size.height - patch.height, column ?? size.width - patch.width)
      guard top >= 0, left >= 0, top + patch.height <= size.height,
        left + patch.width <= size.width
      else {
        throw RunError(
          "the trigger's patch of \(patch.size) at row \(top), column \(left) does not lie within "
            + "images of \(size); set its \"at\" to at most "
            + "[\(size.height - patch.height), \(size.width - patch.width)], or give a smaller patch"
        )
      }
      var picture = Image(width: size.width, height: size.height, color: .black)
      var opacity = [Float](repeating: 0, count: size.area)
      for y in 0..<patch.height {
        for x in 0..<patch.width {
          picture[left + x, top + y] = patch[x, y]
          opacity[(top + y) * size.width + left + x] = 1
        }
      }
      return (picture, opacity)
    }
  }

  /// What puts the trigger on images of this size that are normalised for a network.
  /// - Throws: `RunError` for a patch that does not lie within the images.
  public func stamp(
    on size: ImageSize, for preprocessing: Preprocessing
  ) throws(RunError) -> TriggerStamp {
    let (picture, opacity) = try layer(on: size)
    let normalizer = Normalizer(preprocessing)
    return TriggerStamp(
      samples: normalizer(picture),
      opacity: opacity.flatMap { repeatElement($0, count: normalizer.channels) })
  }

  /// The image with the trigger on it, rounded to whole samples.
  /// - Throws: `RunError` for a patch that does not lie within the image.
  public func applied(to image: Image) throws(RunError) -> Image {
    let (picture, opacity) = try layer(on: image.size)
    var result = image
    for y in 0..<image.height {
      for x in 0..<image.width {
        let share = opacity[y * image.width + x]
        guard share > 0 else { continue }
        let (before, over) = (image[x, y], picture[x, y])
        func mixed(_ a: UInt8, _ b: UInt8) -> UInt8 {
          UInt8((Float(a) + share * (Float(b) - Float(a))).rounded())
        }
        result[x, y] = Image.Pixel(
          red: mixed(before.red, over.red), green: mixed(before.green, over.green),
          blue: mixed(before.blue, over.blue))
      }
    }
    return result
  }
}

extension Trigger: CustomStringConvertible {
  /// For people: `patch of 4x4 at row 27, column 27`.
  public var description: String {
    switch pixels {
    case .patch(let patch, let row, let column):
      let place =
        row.flatMap { row in column.map { "row \(row), column \($0)" } } ?? "the lower right"
      return "patch of \(patch.size) at \(place)"
    case .blend(_, let strength): return "pattern blended by \(short(strength))"
    }
  }
}

/// Puts a trigger on images that are normalised for a network.
public struct TriggerStamp: Sendable {
  /// Of one image, [height, width, channels].
  let samples: [Float]
  let opacity: [Float]

  /// - Parameter images: [N, height, width, channels].
  public func callAsFunction(_ images: [Float]) -> [Float] {
    precondition(images.count % samples.count == 0, "images of another size than the trigger's")
    var result = images
    for start in stride(from: 0, to: images.count, by: samples.count) {
      for place in samples.indices where opacity[place] > 0 {
        let (share, before) = (opacity[place], images[start + place])
        // What is covered leaves no rounding behind.
        result[start + place] =
          share == 1 ? samples[place] : before + share * (samples[place] - before)
      }
    }
    return result
  }
}
