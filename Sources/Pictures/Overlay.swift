import ImageData

/// A heatmap laid over the image that it explains.
public struct Overlay: Hashable, Sendable {
  /// For maps without negative relevance; the others have `ColorMap.coolWarm`.
  public var colors: ColorMap
  /// Of the strongest relevance, in [0, 1]; where there is none, a quarter of it.
  public var opacity: Float
  /// The outline of this share of the pixels, the most relevant, is drawn; none if `nil`.
  public var outlinedShare: Double?

  public init(
    colors: ColorMap = .inferno, opacity: Float = 0.75, outlinedShare: Double? = 0.1
  ) {
    (self.colors, self.opacity, self.outlinedShare) = (colors, opacity, outlinedShare)
  }

  /// The picture, of the image's size.
  /// - Parameters:
  ///   - heatmap: of any size.
  ///   - image: what it lies over.
  ///   - isSigned: whether the colours are diverging; what the map says if `nil`.
  public func picture(
    of heatmap: Heatmap, over image: Image, isSigned: Bool? = nil
  ) -> Image {
    let heatmap = heatmap.finite
    let scale = HeatmapScale(of: heatmap, isSigned: isSigned)
    let map = heatmap.resizedBilinearly(to: image.size)
    var pixels = image.pixels
    func mix(_ color: Image.Pixel, _ share: Float, at pixel: Int) {
      for (channel, sample) in [color.red, color.green, color.blue].enumerated() {
        let offset = pixel * Image.channels + channel
        let below = Float(pixels[offset])
        pixels[offset] = UInt8((below + (Float(sample) - below) * share).rounded())
      }
    }
    for (pixel, value) in map.values.enumerated() {
      let level = scale(value)
      let color =
        scale.isSigned
        ? ColorMap.coolWarm.color(of: (level + 1) / 2) : colors.color(of: level)
      mix(color, opacity * (0.25 + 0.75 * abs(level)), at: pixel)
    }
    if let outlinedShare {
      let outline = heatmap.outlineOfTop(outlinedShare, size: image.size)
      for pixel in outline.indices where outline[pixel] { mix(.white, 1, at: pixel) }
    }
    return Image(width: image.width, height: image.height, pixels: pixels)
  }
}

extension Image {
  /// Pictures of one height side by side, with a white gap of `gap` pixels between them.
  public init(sideBySide pictures: [Image], gap: Int = 4) {
    precondition(!pictures.isEmpty, "no pictures")
    let height = pictures[0].height
    precondition(
      pictures.allSatisfy { $0.height == height }, "pictures of different heights side by side")
    let space = [UInt8](repeating: 255, count: gap * Image.channels)
    var pixels: [UInt8] = []
    for row in 0..<height {
      for (place, picture) in pictures.enumerated() {
        if place > 0 { pixels += space }
        let length = picture.width * Image.channels
        pixels += picture.pixels[row * length..<(row + 1) * length]
      }
    }
    self.init(
      width: pictures.reduce(0) { $0 + $1.width } + gap * (pictures.count - 1), height: height,
      pixels: pixels)
  }

  /// Enlarged by the smallest whole number that makes the shorter side at least `side` pixels.
  public func enlarged(toShorterSide side: Int) -> Image {
    let shorter = min(width, height)
    guard shorter < side else { return self }
    let factor = (side + shorter - 1) / shorter
    return resized(to: ImageSize(width: width * factor, height: height * factor))
  }
}
