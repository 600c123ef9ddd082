import Foundation
import ImageData
import Testing

@Suite struct CompositeDatasetTests {
  /// Images of `ColorSource` are of one colour each, their number, and of the class of its parity.
  private func composites(
    _ source: any ImageSource = ColorSource(count: 40), classes: (Int, Int) = (0, 1),
    count: Int = 60, width: Int = 8, height: Int = 6, seed: UInt64 = 7
  ) throws -> CompositeDataset {
    try CompositeDataset(
      source, classes: classes, count: count, size: ImageSize(width: width, height: height),
      seed: seed)
  }

  /// The number of the image in each tile: top left, top right, bottom left, bottom right.
  private func tiles(_ image: Image) throws -> [Int] {
    let (left, top) = (image.width / 2, image.height / 2)
    return try [(0, 0), (left, 0), (0, top), (left, top)].map { x, y in
      let color = image[x, y]
      for row in y..<(y == 0 ? top : image.height) {
        for column in x..<(x == 0 ? left : image.width) {
          try #require(image[column, row] == color, "a tile of one photograph has one colour")
        }
      }
      return Int(color.red)
    }
  }

  @Test func everyImageShowsBothClassesTwiceInVaryingPlaces() throws {
    let set = try composites()
    var places: [[Bool]: Int] = [:]
    var photographs: Set<Int> = []
    for index in 0..<set.count {
      let tiles = try tiles(set.image(at: index))
      let first = tiles.map { $0 % 2 == 0 }
      #expect(first.count { $0 } == 2)
      places[first, default: 0] += 1
      photographs.formUnion(tiles)
    }
    // All six arrangements, none of them much more often than the ten times it is due.
    #expect(places.count == 6)
    #expect(places.values.allSatisfy { $0 <= 25 })
    #expect(photographs.count > 30)
  }

  @Test func onlyTheTwoClassesAreShown() throws {
    let shapes = ShapesDataset(count: 50, seed: 1, split: .train)
    let set = try composites(shapes, classes: (4, 2), count: 3, width: 64, height: 64)
    #expect(set.classes == (4, 2))
    #expect(set.classNames == shapes.classNames)
    #expect((0..<3).allSatisfy { set.label(at: $0) == 4 })
    #expect(set.name(at: 2) == "composite 2 of \(shapes.classNames[4]) and \(shapes.classNames[2])")
    let members = (0..<50).filter { [2, 4].contains(shapes.label(at: $0)) }
    let candidates = members.map {
      shapes.image(at: $0).resized(to: ImageSize(width: 32, height: 32))
    }
    for index in 0..<3 {
      let image = try set.image(at: index)
      let corner = (0..<32).flatMap { row in Array(image.pixels[row * 192..<row * 192 + 96]) }
      #expect(candidates.contains { $0.pixels == corner })
    }
  }

  @Test func imagesFollowFromSeedAndIndexAlone() throws {
    let (set, again) = (try composites(), try composites())
    let longer = try composites(count: 500)
    let other = try composites(seed: 8)
    var same = 0
    // In another order, too.
    for index in [11, 3, 59, 0, 42, 7, 20, 31] {
      let image = try set.image(at: index)
      #expect(try again.image(at: index) == image)
      #expect(try longer.image(at: index) == image)
      same += try other.image(at: index) == image ? 1 : 0
    }
    #expect(same == 0)
  }

  @Test(arguments: [(7, 5), (2, 2), (3, 9), (33, 32)])
  func oddSizesAreFilledToTheEdge(width: Int, height: Int) throws {
    let set = try composites(width: width, height: height)
    for index in 0..<6 {
      let image = try set.image(at: index)
      #expect(image.size == ImageSize(width: width, height: height))
      // Every pixel belongs to a tile of one of the images, whose blue is 9.
      #expect(stride(from: 2, to: image.pixels.count, by: 3).allSatisfy { image.pixels[$0] == 9 })
      #expect(try tiles(image).count { $0 % 2 == 0 } == 2)
    }
  }

  @Test func onePhotographOfAClassIsEnough() throws {
    let set = try composites(ColorSource(count: 2))
    #expect(try tiles(set.image(at: 0)).sorted() == [0, 0, 1, 1])
  }

  @Test func missingClassIsNamed() throws {
    #expect(
      throws: ImageError(
        path: "composites", reason: "the set has no images of class odd, which composites need")
    ) { try composites(ColorSource(count: 1)) }
    #expect(
      throws: ImageError(
        path: "composites", reason: "the set has no images of class 5, which composites need")
    ) { try composites(classes: (0, 5)) }
    // Of a folder, its path is said.
    try withTemporaryFolder { folder in
      try FileManager.default.createDirectory(
        atPath: folder + "/church", withIntermediateDirectories: true)
      try Image(width: 2, height: 2, color: .init(red: 1, green: 2, blue: 3))
        .writePNG(to: folder + "/church/1.png")
      let source = try ImageFolder(folder, classNames: ["church", "parachute"])
      #expect(
        throws: ImageError(
          path: folder,
          reason: "the set has no images of class parachute, which composites need")
      ) { try composites(source) }
    }
  }

  @Test func unreadablePhotographIsNamed() throws {
    var source = ColorSource(count: 2)
    source.unreadable = [1]
    let set = try composites(source)
    #expect(throws: ImageError(path: "color/1", reason: "spoiled on purpose")) {
      try set.image(at: 0)
    }
  }
}
