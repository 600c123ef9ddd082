import Explanations
import Foundation
import ImageData
import Manipulation
import TensorGraph
import TensorReference
import Testing

@Suite struct HeatmapComparisonTests {
  private func comparison(
    _ range: HeatmapRange, _ size: (Int, Int), _ grid: (Int, Int), readsValues: Bool = true
  ) -> HeatmapComparison {
    HeatmapComparison(
      range: range, size: ImageSize(width: size.1, height: size.0),
      grid: ImageSize(width: grid.1, height: grid.0), readsValues: readsValues)
  }

  // MARK: Literals

  @Test func mapsInTheUnitRangeOnTheGridStayAsTheyAre() {
    let map = Heatmap(height: 2, width: 2, values: [0.25, 0.5, 0.75, 0.5])
    #expect(comparison(.unit, (2, 2), (2, 2))(map) == map)
  }

  @Test func signedMapsLoseWhatIsNegativeAndAreAveragedAndScaled() {
    // Positive parts: 4 0 | 0 0 / 0 0 | 8 0; means of 2×2 blocks: 1 and 2 above, 3 and 0 below.
    let map = Heatmap(
      height: 4, width: 4,
      values: [4, -9, 0, 0, 0, 0, 8, 0, 12, -1, -5, -5, 0, 0, -5, -5])
    let compared = comparison(.signed, (4, 4), (2, 2))(map)
    #expect(compared == Heatmap(height: 2, width: 2, values: [1.0 / 3, 2.0 / 3, 1, 0]))
  }

  @Test func sharesOfTheImageBecomeValuesFromZeroToOne() {
    let map = Heatmap(height: 1, width: 4, values: [0.1, 0.2, 0.3, 0.4])
    let compared = comparison(.nonNegative, (1, 4), (1, 4))(map)
    for (a, b) in zip(compared.values, [0, 1.0 / 3, 2.0 / 3, 1] as [Float]) {
      #expect(abs(a - b) < 1e-6)
    }
  }

  @Test func aPixelCountsInEachCellByItsPartThere() {
    // Three pixels on two cells: the middle one belongs half to each.
    let map = Heatmap(height: 1, width: 3, values: [3, 6, 0])
    let compared = comparison(.signed, (1, 3), (1, 2), readsValues: false)(map)
    #expect(compared.values == [4, 2])
  }

  @Test func aFinerGridRepeatsValues() {
    let map = Heatmap(height: 1, width: 2, values: [0, 1])
    #expect(comparison(.unit, (1, 2), (2, 4))(map).values == [0, 0, 1, 1, 0, 0, 1, 1])
  }

  /// Where whole maps are compared, a finer grid has values between pixels, on the host and in graphs.
  @Test func aFinerGridForWholeMapsIsBilinear() throws {
    let size = ImageSize(width: 3, height: 2)
    let finer = HeatmapComparison(
      range: .unit, size: size, grid: ImageSize(width: 6, height: 4), readsValues: false,
      interpolates: true)
    let map = Heatmap(height: 2, width: 3, values: [0, 1, 0.5, 0.25, 0, 1])
    let expected = map.resizedBilinearly(to: ImageSize(width: 6, height: 4))
    #expect(finer(map) == expected && Array(expected.values[..<3]) == [0, 0.25, 0.75])
    var graph = GraphBuilder()
    let value = try finer(graph.placeholder("h", shape: [1, 2, 3]), in: &graph)
    #expect(value.shape == [1, 4, 6])
    let result = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [value]),
      placeholders: [
        "h": ReferenceArray(shape: [1, 2, 3], values: map.values.map(Double.init))
      ])[0]
    for (a, b) in zip(result.values, expected.values) { #expect(abs(a - Double(b)) < 1e-6) }
    // A coarser one still takes means.
    let coarser = HeatmapComparison(
      range: .unit, size: size, grid: ImageSize(width: 1, height: 1), readsValues: false,
      interpolates: true)
    #expect(coarser(map) == map.averaged(onto: ImageSize(width: 1, height: 1)))
  }

  @Test func testsOfSharesAndRanksKeepSignAndUnit() {
    let map = Heatmap(height: 1, width: 4, values: [-2, 4, 1, 3])
    let compared = comparison(.signed, (1, 4), (1, 2), readsValues: false)(map)
    #expect(compared.values == [1, 2])
  }

  @Test(arguments: [HeatmapRange.signed, .nonNegative])
  func aMapWithoutDifferencesIsWithoutRelevance(range: HeatmapRange) {
    let map = Heatmap(height: 2, width: 2, values: [3, 3, 3, 3])
    #expect(comparison(range, (2, 2), (2, 2))(map).values == [0, 0, 0, 0])
    let negative = Heatmap(height: 2, width: 2, values: [-3, -1, -2, -3])
    #expect(comparison(.signed, (2, 2), (2, 2))(negative).values == [0, 0, 0, 0])
  }

  /// SimpleGrad at the input sums to 1 over the image: by the plain test no map can pass, whatever it
  /// shows; made comparable, one that lies on the frame does and one in the middle does not.
  @Test func locationTellsMapsAtTheInputApart() {
    let side = 32
    func share(_ isInside: (Int, Int) -> Bool) -> Heatmap {
      let marks: [Float] = (0..<side * side).map { isInside($0 / side, $0 % side) ? 1 : 0 }
      let sum = marks.reduce(0, +)
      return Heatmap(height: side, width: side, values: marks.map { $0 / sum })
    }
    let border = share { min($0, $1, side - 1 - $0, side - 1 - $1) < 4 }
    let middle = share { min($0, $1, side - 1 - $0, side - 1 - $1) >= 12 }
    let location = Location()
    for map in [border, middle] {
      #expect(abs(location.testLoss(of: [map], digest: []) - 0.4375) < 0.01)
    }
    let compare = comparison(.nonNegative, (side, side), (8, 8))
    #expect(location.testLoss(of: [compare(border)], digest: []) < 1e-6)
    #expect(location.testLoss(of: [compare(middle)], digest: []) > 0.4375)
  }

  // MARK: In a graph

  fileprivate struct Case: CustomTestStringConvertible, Sendable {
    let range: HeatmapRange
    let size: [Int]
    let grid: [Int]
    let readsValues: Bool
    var testDescription: String { "\(range) \(size) to \(grid), \(readsValues)" }

    static let all: [Case] = [HeatmapRange.unit, .nonNegative, .signed].flatMap { range in
      [([6, 8], [3, 4]), ([7, 5], [3, 2]), ([4, 6], [4, 6]), ([2, 3], [5, 4])].flatMap {
        size, grid in
        [true, false].map { Case(range: range, size: size, grid: grid, readsValues: $0) }
      }
    }

    var comparison: HeatmapComparison {
      HeatmapComparison(
        range: range, size: ImageSize(width: size[1], height: size[0]),
        grid: ImageSize(width: grid[1], height: grid[0]), readsValues: readsValues)
    }

    /// Of three images: values without equals, so that minimum and maximum have derivatives.
    var values: [Double] {
      let count = 3 * size[0] * size[1]
      return (0..<count).map { place in
        let turn = Double((place * 7919) % count) / Double(count)
        return range == .signed ? 2 * turn - 0.9 : 0.05 + 0.9 * turn
      }
    }
  }

  @Test(arguments: Case.all)
  fileprivate func graphAndHostAgree(kind: Case) throws {
    var graph = GraphBuilder()
    let shape: Shape = [3, kind.size[0], kind.size[1]]
    let maps = try graph.placeholder("maps", shape: shape)
    let compared = try kind.comparison(maps, in: &graph)
    #expect(compared.shape == [3, kind.grid[0], kind.grid[1]])
    let result = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [compared]),
      placeholders: ["maps": ReferenceArray(shape: shape, values: kind.values)])[0]
    let pixels = kind.size[0] * kind.size[1]
    let expected = (0..<3).flatMap { image in
      kind.comparison(
        Heatmap(
          height: kind.size[0], width: kind.size[1],
          values: kind.values[image * pixels..<(image + 1) * pixels].map { Float($0) })
      ).values
    }
    for (a, b) in zip(result.values, expected) { #expect(abs(a - Double(b)) < 1e-5) }
  }

  /// A loss of the compared map, differentiated twice: against differences of the graph's gradient, and
  /// that against differences of the loss.
  @Test(arguments: Case.all)
  fileprivate func derivativesMatchFiniteDifferencesToSecondOrder(kind: Case) throws {
    var graph = GraphBuilder()
    let shape: Shape = [3, kind.size[0], kind.size[1]]
    let maps = try graph.placeholder("maps", shape: shape)
    let compared = try kind.comparison(maps, in: &graph)
    let penalty = try Location().penalty(of: [compared], reference: nil, in: &graph)
    let values = ReferenceArray(shape: shape, values: kind.values)
    let direction = ReferenceArray(
      shape: shape,
      values: kind.values.indices.map { Double(($0 * 31) % 17) / 17 - 0.5 })
    let inputs = ["maps": values]
    let gradient = try graph.gradient(of: penalty, with: [maps])[0]
    let vector = try graph.placeholder("vector", shape: shape)
    let slope = try graph.sum(graph.multiply(gradient, vector))
    let second = try graph.gradient(of: slope, with: [maps])[0]
    let results = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [gradient, second]),
      placeholders: ["maps": values, "vector": direction])
    let numeric = try FiniteDifferences.directional(
      graph.graph(outputs: [penalty]), along: [.placeholder("maps"): direction],
      placeholders: inputs, step: 1e-6)[0].values[0]
    let analytic = zip(results[0].values, direction.values).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(analytic - numeric) < 1e-6 * max(1, abs(numeric)))
    let product = try FiniteDifferences.hessianVectorProduct(
      of: penalty, with: maps, named: .placeholder("maps"), times: direction, in: graph,
      placeholders: inputs, step: 1e-6)
    for (a, b) in zip(results[1].values, product.values) { #expect(abs(a - b) < 1e-5) }
  }

  @Test func theGridIsThatOfTheFooledInterpreterUnlessSetOtherwise() {
    let sizes = [
      (HeatmapRange.unit, ImageSize(width: 5, height: 4)),
      (.signed, ImageSize(width: 32, height: 32)),
    ]
    func grids(_ grid: EvaluationGrid) -> [Heatmap] {
      FoolingTest(Location(), interpreters: sizes, grid: grid).comparisons.enumerated().map {
        let size = sizes[$0].1
        return $1(
          Heatmap(
            height: size.height, width: size.width,
            values: (0..<size.area).map { Float($0) / Float(size.area) }))
      }
    }
    #expect(grids(.fooled).map { [$0.height, $0.width] } == [[4, 5], [4, 5]])
    #expect(grids(.own).map { [$0.height, $0.width] } == [[4, 5], [32, 32]])
    #expect(grids(.side(6)).map { [$0.height, $0.width] } == [[6, 6], [6, 6]])
  }
}
