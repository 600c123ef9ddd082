import Explanations
import Foundation
import ImageData
import Manipulation
import RunTestSupport
import TensorCPU
import Testing

/// Images in memory: samples of 8 bits.
private struct Pictures: ImageSource {
  let pictures: [Image]
  let labels: [Int]
  var count: Int { pictures.count }
  let classNames: [String]
  func label(at index: Int) -> Int { labels[index] }
  func image(at index: Int) throws -> Image { pictures[index] }
  func name(at index: Int) -> String { "picture \(index)" }

  init(_ samples: [[UInt8]], labels: [Int], width: Int, height: Int) {
    pictures = samples.map { Image(width: width, height: height, pixels: $0) }
    self.labels = labels
    classNames = (0...(labels.max() ?? 0)).map { "class \($0)" }
  }
}

/// What numpy finds; see `tools/make_tangent_fixtures.py`.
private struct TangentFixture: Decodable {
  let height: Int
  let width: Int
  let neighbourCount: Int
  let dimensions: Int
  let mean: [Float]
  let standardDeviation: [Float]
  let training: [[UInt8]]
  let labels: [Int]
  let queries: [[UInt8]]
  let classes: [Int32]
  let gradients: [[Double]]
  let neighbours: [[Int]]
  let projected: [[Double]]

  static func load() throws -> TangentFixture {
    let url = try #require(
      Bundle.module.url(
        forResource: "tangent-spaces", withExtension: "json", subdirectory: "Fixtures"))
    return try JSONDecoder().decode(TangentFixture.self, from: Data(contentsOf: url))
  }

  var preprocessing: Preprocessing {
    Preprocessing(resize: .none, mean: mean, standardDeviation: standardDeviation)
  }
  var size: ImageSize { ImageSize(width: width, height: height) }

  func spaces() -> TangentSpaces {
    TangentSpaces(
      Pictures(training, labels: labels, width: width, height: height), preprocessing, size,
      on: CPUExecutor(), threads: 2)
  }

  var normalised: [Float] {
    let normalizer = Normalizer(preprocessing)
    return queries.flatMap { normalizer(Image(width: width, height: height, pixels: $0)) }
  }
}

@Suite struct TangentSpaceTests {
  private func samples(_ count: Int, of size: Int, seed: UInt64) -> [[UInt8]] {
    var random = RandomGenerator(seed: seed)
    return (0..<count).map { _ in (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
  }

  private func square(_ value: Int) -> Int { value * value }

  // MARK: Neighbours

  /// Two of the queries are training images themselves, which are not their own neighbours.
  @Test func neighboursAreThoseOfNumpy() throws {
    let fixture = try TangentFixture.load()
    let rows = try PixelRows(
      Pictures(fixture.training, labels: fixture.labels, width: 5, height: 6),
      fixture.preprocessing, fixture.size, threads: 2)
    #expect(rows.samples == fixture.training.flatMap(\.self))
    let search = NeighbourSearch(rows, on: CPUExecutor())
    for (place, query) in fixture.queries.enumerated() {
      let found = try search.nearest(
        [query], among: rows.members[Int(fixture.classes[place])] ?? [],
        count: fixture.neighbourCount)
      #expect(found[0] == fixture.neighbours[place])
    }
  }

  /// Queries in blocks with products in single precision, and every distance in whole numbers.
  @Test func blockedProductsFindTheSameNeighbours() throws {
    let size = 20 * 20 * 3
    // Close to each other, so that rounding matters.
    var training = samples(300, of: size, seed: 1).map { $0.map { 128 + ($0 & 7) } }
    training[200] = training[3]
    training[201] = training[3]
    let rows = try PixelRows(
      Pictures(training, labels: training.map { _ in 0 }, width: 20, height: 20),
      Preprocessing(), ImageSize(width: 20, height: 20), threads: 2)
    let queries = samples(70, of: size, seed: 2).map { $0.map { 128 + ($0 & 7) } } + [training[3]]
    #expect(queries.count > NeighbourSearch.queryBlock)
    let search = NeighbourSearch(rows, on: CPUExecutor())
    let together = try search.nearest(queries, among: Array(0..<300), count: 9)
    let brute = queries.map { query -> [Int] in
      let distances = training.indices.map { row -> (distance: Int, row: Int) in
        (zip(query, training[row]).reduce(0) { $0 + square(Int($1.0) - Int($1.1)) }, row)
      }
      return distances.filter { $0.distance > 0 }.sorted { $0 < $1 }.prefix(9).map(\.row)
    }
    #expect(together == brute)
    // All three that equal the last query are left out.
    #expect(Set(together[70]).isDisjoint(with: [3, 200, 201]))
    let alone = try queries.map { try search.nearest([$0], among: Array(0..<300), count: 9)[0] }
    #expect(alone == brute)
  }

  @Test func distancesOfLargeImagesDoNotOverflow() {
    let a = [UInt8](repeating: 0, count: 100_001)
    let b = [UInt8](repeating: 255, count: 100_001)
    #expect(squaredDistance(a, b, a.count) == 100_001 * 65_025)
  }

  // MARK: Bases

  @Test func projectionsAreThoseOfNumpysSVD() throws {
    let fixture = try TangentFixture.load()
    let size = fixture.training[0].count
    let bases = try fixture.spaces().bases(
      of: fixture.normalised, classes: fixture.classes, neighbours: fixture.neighbourCount,
      dimensions: fixture.dimensions)
    #expect(bases.count == fixture.queries.count * fixture.dimensions * size)
    for (image, gradient) in fixture.gradients.enumerated() {
      var projected = [Double](repeating: 0, count: size)
      for direction in 0..<fixture.dimensions {
        let begin = (image * fixture.dimensions + direction) * size
        let row = bases[begin..<begin + size].map(Double.init)
        let coordinate = zip(row, gradient).reduce(0) { $0 + $1.0 * $1.1 }
        for place in 0..<size { projected[place] += coordinate * row[place] }
      }
      let scale = fixture.projected[image].reduce(0) { max($0, abs($1)) }
      for (own, expected) in zip(projected, fixture.projected[image]) {
        // Bases are in single precision.
        #expect(abs(own - expected) < 1e-5 * scale)
      }
    }
  }

  @Test func tooFewImagesOfAClassAreAnError() throws {
    let fixture = try TangentFixture.load()
    let error = #expect(throws: (any Error).self) {
      try fixture.spaces().bases(
        of: fixture.normalised, classes: fixture.classes, neighbours: 30, dimensions: 4)
    }
    // 30 of each class, of which one is the image itself.
    #expect("\(try #require(error))".contains("has 29 training images beside the image itself"))
  }

  // MARK: Kept neighbours

  @Test func keptNeighboursAreTakenUp() throws {
    let fixture = try TangentFixture.load()
    let spaces = fixture.spaces()
    try spaces.find(
      in: Pictures(
        fixture.queries, labels: fixture.classes.map(Int.init), width: 5, height: 6),
      neighbours: 12)
    #expect(spaces.known.count == 5)
    let data = try spaces.encoded()
    let other = fixture.spaces()
    try other.restore(data)
    #expect(other.known == spaces.known)
    #expect(try other.encoded() == data)
  }

  /// Every byte counts, and so does the length; nothing is taken of a file that is not whole.
  @Test func damagedNeighboursAreFoundAnew() throws {
    let fixture = try TangentFixture.load()
    let spaces = fixture.spaces()
    _ = try spaces.bases(
      of: fixture.normalised, classes: fixture.classes, neighbours: 12, dimensions: 5)
    let data = try spaces.encoded()
    let empty = fixture.spaces()
    for place in stride(from: 0, to: data.count, by: 7) {
      var damaged = data
      damaged[place] ^= 1
      try empty.restore(damaged)
      try empty.restore(data.prefix(place))
    }
    try empty.restore(data + Data([0]))
    #expect(empty.known.isEmpty)
    var others = fixture.training
    others[0][0] ^= 1
    let changed = TangentSpaces(
      Pictures(others, labels: fixture.labels, width: 5, height: 6), fixture.preprocessing,
      fixture.size, on: CPUExecutor(), threads: 1)
    try changed.restore(data)
    #expect(changed.known.isEmpty)
  }
}
