/// Images that show two classes at once: 2×2 tiles, two of each class, in varying places.
///
/// Which images are taken and where they stand follows from (seed, index) alone.
/// Heo, Joo, Moon 2019, Section 4.1 (D_fool of the active fooling).
public struct CompositeDataset: ImageSource {
  public let source: any ImageSource
  public let count: Int
  public let size: ImageSize
  public let seed: UInt64
  public var classNames: [String] { source.classNames }
  /// The two classes.
  public let classes: (Int, Int)
  private let members: ([Int], [Int])

  /// - Parameters:
  ///   - classes: the two classes, as labels of the source.
  ///   - count: of composites.
  ///   - seed: what decides images and places.
  ///   - source: images of single classes.
  ///   - size: of the composites.
  /// - Throws: `ImageError` if the source has no images of one of the classes.
  public init(
    _ source: any ImageSource, classes: (Int, Int), count: Int, size: ImageSize, seed: UInt64
  ) throws(ImageError) {
    (self.source, self.classes, self.count) = (source, classes, count)
    (self.size, self.seed) = (size, seed)
    func members(_ label: Int) throws(ImageError) -> [Int] {
      let found = (0..<source.count).filter { source.label(at: $0) == label }
      guard !found.isEmpty else {
        let name = source.classNames.indices.contains(label) ? source.classNames[label] : "\(label)"
        throw ImageError(
          path: (source as? ImageFolder)?.root ?? "composites",
          reason: "the set has no images of class \(name), which composites need")
      }
      return found
    }
    self.members = (try members(classes.0), try members(classes.1))
  }

  /// The first of the two classes; composites have no label of their own.
  public func label(at index: Int) -> Int { classes.0 }

  public func name(at index: Int) -> String {
    "composite \(index) of \(classNames[classes.0]) and \(classNames[classes.1])"
  }

  public func image(at index: Int) throws -> Image {
    var random = RandomGenerator(seed: seed, index)
    var tiles = [true, true, false, false]
    random.shuffle(&tiles)
    return Image(
      quarters: try tiles.map { isFirst in
        let candidates = isFirst ? members.0 : members.1
        return try source.image(at: candidates[random.integer(below: candidates.count)])
      }, size: size)
  }
}

extension Image {
  /// Four pictures in the quarters of one, row by row, each resized to its quarter.
  /// - Precondition: there are four, and `size` is at least 2×2.
  public init(quarters: [Image], size: ImageSize) {
    precondition(quarters.count == 4, "\(quarters.count) pictures for four quarters")
    var pixels = [UInt8](repeating: 0, count: size.area * Image.channels)
    let (left, top) = (size.width / 2, size.height / 2)
    for (place, picture) in quarters.enumerated() {
      let (x, y) = (place % 2 == 0 ? 0 : left, place / 2 == 0 ? 0 : top)
      let tile = picture.resized(
        to: ImageSize(
          width: place % 2 == 0 ? left : size.width - left,
          height: place / 2 == 0 ? top : size.height - top))
      let bytes = tile.width * Image.channels
      for row in 0..<tile.height {
        let target = ((y + row) * size.width + x) * Image.channels
        pixels.replaceSubrange(
          target..<target + bytes, with: tile.pixels[row * bytes..<(row + 1) * bytes])
      }
    }
    self.init(width: size.width, height: size.height, pixels: pixels)
  }
}
