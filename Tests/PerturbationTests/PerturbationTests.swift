import ImageData
import Perturbation
import Pictures
import Testing

@Suite struct PerturbationTests {
  /// 5×3 pixels in regions of 2: three columns, two rows, those at the end cut off.
  @Test func regionsCoverTheImageOnce() {
    let grid = RegionGrid(imageSize: ImageSize(width: 5, height: 3), regionSize: 2)
    #expect(grid.columns == 3 && grid.rows == 2 && grid.count == 6)
    #expect(grid.pixels(of: 0) == (0..<2, 0..<2))
    #expect(grid.pixels(of: 2) == (0..<2, 4..<5))
    #expect(grid.pixels(of: 5) == (2..<3, 4..<5))
    var seen = [Int](repeating: 0, count: 15)
    for region in 0..<grid.count {
      let (rows, columns) = grid.pixels(of: region)
      for row in rows { for column in columns { seen[5 * row + column] += 1 } }
    }
    #expect(seen.allSatisfy { $0 == 1 })
  }

  /// Means by hand; a region that is cut off has no less for that.
  @Test func relevanceOfARegionIsItsMean() {
    let grid = RegionGrid(imageSize: ImageSize(width: 3, height: 2), regionSize: 2)
    let map = Heatmap(height: 2, width: 3, values: [1, 3, 5, -2, 2, .nan])
    #expect(grid.relevance(of: map) == [1, 2.5])
  }

  /// A map of 2×2 over 4×4 pixels: bilinear, with the middles of the map's pixels at 0.5 and 2.5.
  @Test func smallMapsAreResizedBilinearly() {
    let map = Heatmap(height: 2, width: 2, values: [0, 4, 8, 12])
    let quarters = RegionGrid(imageSize: ImageSize(width: 4, height: 4), regionSize: 2)
    // Along a row of the map 0, 1, 3, 4; between its rows + 0, 2, 6, 8.
    #expect(quarters.relevance(of: map) == [1.5, 4.5, 7.5, 10.5])
    let pixels = RegionGrid(imageSize: ImageSize(width: 4, height: 4), regionSize: 1)
    #expect(pixels.relevance(of: map)[..<8] == [0, 1, 3, 4, 2, 3, 5, 6])
  }

  @Test func orders() {
    let relevance = [0.2, 0.9, 0.0, 0.9, 0.0]
    let permutation = [4, 3, 0, 2, 1]
    func regions(_ order: PerturbationOrder) -> [Int] {
      order.regions(relevance: relevance, permutation: permutation)
    }
    // Of equal ones the first of the permutation.
    #expect(regions(.mostRelevantFirst) == [3, 1, 0, 4, 2])
    #expect(regions(.leastRelevantFirst) == [4, 2, 0, 3, 1])
    #expect(regions(.random) == permutation)
  }

  /// f(x⁽⁰⁾) = 1, then 0.5, 0.25, 0.25: drops 0, 0.5, 0.75, 0.75.
  @Test func areaOverTheCurve() {
    let curve = PerturbationCurve(scores: [1, 0.5, 0.25, 0.25])
    #expect(curve.areas == [0, 0.25, 1.25 / 3, 0.5])
    #expect(curve.area == 0.5)
    #expect(PerturbationCurve(scores: [0.3]).area == 0)
    let mean = PerturbationCurve.mean([curve, PerturbationCurve(scores: [0, 0.5, 0.75, 0.75])])
    #expect(mean.scores == [0.5, 0.5, 0.5, 0.5] && mean.area == 0)
  }

  /// A score that is known: the mean of the red samples. Regions of one pixel with red 10, 40, 20, 30 and
  /// a map that ranks them rightly or not at all, each replaced by the mean colour, 25.
  @Test func aToyNetworksCurve() {
    let image = Image(
      width: 2, height: 2, pixels: [10, 0, 0, 40, 0, 0, 20, 0, 0, 30, 0, 0])
    var random = RandomGenerator(seed: 1)
    let fill = RegionFill.mean.replacement(for: image, regionSize: 1, random: &random)
    #expect(fill.pixels == [25, 0, 0, 25, 0, 0, 25, 0, 0, 25, 0, 0])
    let grid = RegionGrid(imageSize: image.size, regionSize: 1)
    let relevance = grid.relevance(of: Heatmap(height: 2, width: 2, values: [10, 40, 20, 30]))
    func curve(_ order: PerturbationOrder) -> PerturbationCurve {
      var pixels = image.pixels
      var scores = [25.0]
      for region in order.regions(relevance: relevance, permutation: [0, 1, 2, 3]) {
        grid.copy(region, from: fill.pixels, to: &pixels)
        scores.append(Double(stride(from: 0, to: 12, by: 3).reduce(0) { $0 + Int(pixels[$1]) }) / 4)
      }
      return PerturbationCurve(scores: scores)
    }
    // 40 becomes 25: the mean falls by 15/4; then 30, 20, 10.
    #expect(curve(.mostRelevantFirst).scores == [25, 21.25, 20, 21.25, 25])
    #expect(curve(.mostRelevantFirst).area == 12.5 / 5)
    #expect(curve(.leastRelevantFirst).scores == [25, 28.75, 30, 28.75, 25])
    #expect(curve(.leastRelevantFirst).area == -12.5 / 5)
    #expect(curve(.random).scores == [25, 28.75, 25, 26.25, 25])
  }

  @Test func fillsAreFunctionsOfTheSeed() {
    let image = Image(width: 40, height: 30, pixels: (0..<3600).map { UInt8($0 % 251) })
    func noise(_ seed: UInt64) -> [UInt8] {
      var random = RandomGenerator(seed: seed)
      return RegionFill.uniform.replacement(for: image, regionSize: 9, random: &random).pixels
    }
    #expect(noise(1) == noise(1) && noise(1) != noise(2))
    let mean = Double(noise(1).reduce(0) { $0 + Int($1) }) / 3600
    // 3600 draws of deviation 73.9: the mean's is 1.2.
    #expect(abs(mean - 127.5) < 6 && noise(1).min()! < 3 && noise(1).max()! > 252)
  }

  /// A Gaussian keeps a constant, and keeps the sum of a point that is far from the border.
  @Test func blurIsAGaussian() {
    var random = RandomGenerator(seed: 1)
    let flat = Image(width: 7, height: 5, pixels: [UInt8](repeating: 90, count: 105))
    #expect(RegionFill.blur.replacement(for: flat, regionSize: 2, random: &random) == flat)
    var pixels = [UInt8](repeating: 0, count: 9 * 9 * 3)
    pixels[(4 * 9 + 4) * 3] = 255
    let point = Image(width: 9, height: 9, pixels: pixels)
    let blurred = RegionFill.blur.replacement(for: point, regionSize: 1, random: &random)
    // Weights of σ = 1 up to 3: 0.3991, 0.2420, 0.0540, 0.0044; 255·0.3991² = 40.6.
    #expect(blurred[4, 4].red == 41 && blurred[5, 4].red == 25 && blurred[4, 6].red == 5)
    #expect(blurred[5, 5].red == 15 && blurred[4, 4].green == 0 && blurred[0, 0].red == 0)
    #expect(random == RandomGenerator(seed: 1))
  }

  @Test func regionsOfABatchAreReplacedInPlace() {
    let grid = RegionGrid(imageSize: ImageSize(width: 2, height: 1), regionSize: 1)
    var batch = [Float](repeating: 0, count: 12)
    grid.copy(1, from: [1, 2, 3, 4, 5, 6], to: &batch, at: 6)
    #expect(batch == [0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 5, 6])
  }
}
