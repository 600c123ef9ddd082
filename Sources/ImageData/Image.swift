/// Width and height in pixels.
public struct ImageSize: Codable, Hashable, Sendable, CustomStringConvertible {
  public var width: Int
  public var height: Int

  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// Number of pixels.
  public var area: Int { width * height }

  public var description: String { "\(width)x\(height)" }
}

/// An 8-bit RGB picture.
///
/// Samples are in [0, 255] as the file stores them (for images: sRGB), rows from top to
/// bottom, pixels from left to right, channels red, green, blue.
public struct Image: Hashable, Sendable {
  public static let channels = 3

  public let size: ImageSize
  /// `height * width * 3` samples.
  public private(set) var pixels: [UInt8]

  public var width: Int { size.width }
  public var height: Int { size.height }

  /// - Precondition: `pixels` has `width * height * 3` samples and neither side is zero.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0, "an image of \(width)x\(height) has no pixels")
    precondition(
      pixels.count == width * height * Image.channels,
      "\(pixels.count) samples do not make \(width)x\(height) RGB")
    self.size = ImageSize(width: width, height: height)
    self.pixels = pixels
  }

  /// A picture of one colour.
  public init(width: Int, height: Int, color: Pixel) {
    var pixels = [UInt8]()
    pixels.reserveCapacity(width * height * Image.channels)
    for _ in 0..<width * height {
      pixels.append(color.red)
      pixels.append(color.green)
      pixels.append(color.blue)
    }
    self.init(width: width, height: height, pixels: pixels)
  }

  /// The colour of one pixel.
  public struct Pixel: Hashable, Sendable {
    public var red: UInt8
    public var green: UInt8
    public var blue: UInt8

    public init(red: UInt8, green: UInt8, blue: UInt8) {
      self.red = red
      self.green = green
      self.blue = blue
    }

    public static let black = Pixel(red: 0, green: 0, blue: 0)
    public static let white = Pixel(red: 255, green: 255, blue: 255)
  }

  /// The pixel in column `x` of row `y`, both from zero at the top left.
  public subscript(x: Int, y: Int) -> Pixel {
    get {
      let offset = offset(x, y)
      return Pixel(red: pixels[offset], green: pixels[offset + 1], blue: pixels[offset + 2])
    }
    set {
      let offset = offset(x, y)
      pixels[offset] = newValue.red
      pixels[offset + 1] = newValue.green
      pixels[offset + 2] = newValue.blue
    }
  }

  private func offset(_ x: Int, _ y: Int) -> Int {
    precondition(
      x >= 0 && x < width && y >= 0 && y < height, "pixel (\(x), \(y)) is outside \(size)")
    return (y * width + x) * Image.channels
  }

  /// The rectangle of `size` whose top left pixel is (`x`, `y`).
  /// - Precondition: the rectangle lies within the image.
  public func cropped(x: Int, y: Int, to size: ImageSize) -> Image {
    precondition(
      x >= 0 && y >= 0 && x + size.width <= width && y + size.height <= height,
      "crop of \(size) at (\(x), \(y)) leaves the image of \(self.size)")
    if size == self.size { return self }
    var result = [UInt8]()
    result.reserveCapacity(size.area * Image.channels)
    for row in y..<y + size.height {
      let start = (row * width + x) * Image.channels
      result.append(contentsOf: pixels[start..<start + size.width * Image.channels])
    }
    return Image(width: size.width, height: size.height, pixels: result)
  }

  /// Left and right exchanged.
  public func flippedHorizontally() -> Image {
    let (width, height) = (width, height)
    let result = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, count in
      pixels.withUnsafeBufferPointer { source in
        for y in 0..<height {
          var from = (y * width + width - 1) * Image.channels
          var to = y * width * Image.channels
          for _ in 0..<width {
            target[to] = source[from]
            target[to + 1] = source[from + 1]
            target[to + 2] = source[from + 2]
            to += Image.channels
            from -= Image.channels
          }
        }
      }
      count = pixels.count
    }
    return Image(width: width, height: height, pixels: result)
  }

  /// The image within a black border of `margin` pixels on every side.
  public func padded(by margin: Int) -> Image {
    precondition(margin >= 0, "a margin of \(margin) pixels")
    let wide = width + 2 * margin
    let tall = height + 2 * margin
    var result = [UInt8](repeating: 0, count: wide * tall * Image.channels)
    for y in 0..<height {
      let from = y * width * Image.channels
      let to = ((y + margin) * wide + margin) * Image.channels
      result.replaceSubrange(
        to..<to + width * Image.channels, with: pixels[from..<from + width * Image.channels])
    }
    return Image(width: wide, height: tall, pixels: result)
  }
}
