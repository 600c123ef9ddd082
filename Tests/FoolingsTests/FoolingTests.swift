import Foundation
import ImageData
import Manipulation
import RunTestSupport
import Similarity
import TensorGraph
import Testing

/// Scores, digests and references against values by hand.
@Suite struct FoolingTests {
  private func map(_ height: Int, _ width: Int, _ values: [Float]) -> Heatmap {
    Heatmap(height: height, width: width, values: values)
  }

  private func constant(_ value: Float, _ height: Int, _ width: Int) -> Heatmap {
    map(height, width, [Float](repeating: value, count: height * width))
  }

  private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "no error"
  }

  // MARK: Location

  @Test func locationIsTheMeanSquareDistanceFromTheFrame() {
    let location = Location()
    func loss(_ h: Heatmap) -> Double { location.testLoss(of: [h], digest: []) }
    #expect(loss(map(3, 3, [1, 1, 1, 1, 0, 1, 1, 1, 1])) == 0)
    #expect(abs(loss(constant(0, 3, 3)) - 8.0 / 9) < 1e-12)
    #expect(abs(loss(constant(1, 3, 3)) - 1.0 / 9) < 1e-12)
    // Half of one border pixel is missing.
    #expect(abs(loss(map(3, 3, [0.5, 1, 1, 1, 0, 1, 1, 1, 1])) - 0.25 / 9) < 1e-12)
    // Two of seven rows and columns on either side: 14² − 10² pixels.
    #expect(abs(loss(constant(0, 14, 14)) - 96.0 / 196) < 1e-12)
    #expect(location.digest([constant(0, 3, 3)]).isEmpty)
    #expect(location.referenceShape(height: 3, width: 3) == nil)
    #expect(location.successRange == 0...0.2)
    #expect(Location(threshold: 0.05).successRange == 0...0.05)
  }

  @Test func frameFollowsTheShorterSideAndMayCoverEverything() {
    let wide = Location().mask(height: 5, width: 21)
    #expect(wide.shape == [5, 21])
    #expect(wide.values.count { $0 == 1 } == 5 * 21 - 3 * 19)
    #expect(
      Location(target: .frame(width: 9)).mask(height: 5, width: 4).values
        == [Float](repeating: 1, count: 20))
  }

  @Test func maskImageIsWhereRelevanceIsWanted() throws {
    let folder = try TemporaryFolder()
    let black = Image.Pixel(red: 0, green: 0, blue: 0)
    let pixels: [UInt8] = [255, 255, 255, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0]
    try Image(width: 3, height: 2, pixels: pixels).writePNG(to: folder("mask.png"))
    let specification = FoolingSpecification(
      name: "location", lambda: 1, mask: folder("mask.png"))
    let location = try #require(try specification.fooling(classNames: []) as? Location)
    // A colour counts by the mean of its channels.
    #expect(location.mask(height: 2, width: 3).values == [1, 0, 0, 1.0 / 3, 0, 0])
    #expect(location.note(height: 2, width: 3) == nil)
    #expect(Location().note(height: 2, width: 3) == nil)
    let h = map(2, 3, [1, 0, 0, 1.0 / 3, 0, 0.6])
    // The mean of m is 2/9, that of m² 5/27, so that 4·var m is 44/81.
    let expected = 0.36 / 6 / (4 * (5.0 / 27 - 4.0 / 81))
    #expect(abs(location.testLoss(of: [h], digest: []) - expected) < 1e-6)

    // Of another size: resized, and said.
    #expect(
      location.note(height: 4, width: 5) == "the mask of 3x2 is resized to the heatmap's 5x4")
    let white = Image(width: 9, height: 7, color: .init(red: 255, green: 255, blue: 255))
    #expect(
      Location(target: .image(white)).mask(height: 2, width: 2).values == [1, 1, 1, 1])
    var half = [UInt8](repeating: 0, count: 4 * 4 * 3)
    for row in 0..<4 { for column in 0..<6 { half[row * 12 + column] = 255 } }
    let resized = Location(target: .image(Image(width: 4, height: 4, pixels: half)))
      .mask(height: 2, width: 2).values
    // Bilinear with antialiasing: taps at ½, ½ and 1½ pixels weigh ¾, ¾ and ¼; bytes in between.
    for (value, expected) in zip(resized, [6.0 / 7, 1.0 / 7, 6.0 / 7, 1.0 / 7]) {
      #expect(abs(Double(value) - expected) < 1.0 / 255)
    }
    #expect(
      Location(target: .image(Image(width: 1, height: 1, color: black)))
        .mask(height: 1, width: 2).values == [0, 0])
  }

  @Test func maskThatCannotBeReadIsNamed() {
    let specification = FoolingSpecification(name: "location", lambda: 1, mask: "none/mask.png")
    #expect(
      message { _ = try specification.fooling(classNames: []) }.hasPrefix("none/mask.png: "))
  }

  // MARK: Top-k

  @Test func topKKeepsTheLargestPixelsAndTheFirstOfEqualOnes() {
    let h = map(2, 5, [0.1, 0.9, 0.3, 0.9, 0, 0.2, 0.5, 0.4, 0.6, 0.7])
    #expect(TopK(percent: 10).digest([h]) == [1])
    #expect(TopK(percent: 20).digest([h]) == [1, 3])
    #expect(TopK(percent: 30).digest([h]) == [1, 3, 9])
    #expect(TopK(percent: 39).digest([h]) == [1, 3, 9])
    #expect(TopK(percent: 100).digest([h]) == (0..<10).map(Float.init))
    // At least one pixel.
    #expect(TopK(percent: 5).digest([h]) == [1])
    // A map that is constant or 0 everywhere is all ties.
    #expect(TopK(percent: 30).digest([constant(0.4, 2, 5)]) == [0, 1, 2])
    #expect(TopK(percent: 30).digest([constant(0, 2, 5)]) == [0, 1, 2])
    // ⌊49·10/100⌋ and the paper's 196·10/100.
    #expect(TopK().digest([constant(1, 7, 7)]).count == 4)
    #expect(TopK().digest([constant(1, 14, 14)]).count == 19)
    #expect(TopK(percent: 18.4).digest([constant(1, 15, 25)]).count == 69)
    #expect(TopK().referenceShape(height: 2, width: 5) == [2, 5])
    #expect(
      TopK().reference([1, 3, 9], height: 2, width: 5) == [0, 1, 0, 1, 0, 0, 0, 0, 0, 1])
  }

  @Test(arguments: [FoolingSpecification.Variant.paper, .released])
  func topKMeasuresTheShareThatIsLeft(variant: FoolingSpecification.Variant) {
    let topK = TopK(percent: 20, variant: variant)
    func loss(_ values: [Float]) -> Double {
      topK.testLoss(of: [map(2, 5, values)], digest: [1, 3])
    }
    // Negative relevance counts by its size.
    #expect(abs(loss([1, 2, 0, -1, 0, 0, 0, 0, 0, 4]) - 3.0 / 8) < 1e-12)
    #expect(loss([1, 0, 0, 0, 1, 1, 1, 1, 1, 1]) == 0)
    #expect(loss([0, 1, 0, 1, 0, 0, 0, 0, 0, 0]) == 1)
    #expect(abs(loss([Float](repeating: 0.7, count: 10)) - 0.2) < 1e-12)
    // No relevance at all is no success.
    #expect(loss([Float](repeating: 0, count: 10)) == 1)
    #expect(topK.successRange == 0...0.3)
    #expect(TopK(threshold: 0.5).successRange == 0...0.5)
  }

  // MARK: Center-mass

  @Test func centerIsTheMeanPlaceOfRelevance() {
    let fooling = CenterMass()
    func center(_ h: Heatmap) -> [Float] { fooling.digest([h]) }
    #expect(center(map(3, 3, [1, 0, 0, 0, 0, 0, 0, 0, 0])) == [-1, -1])
    #expect(center(map(2, 4, [0, 0, 0, 0, 0, 0, 0, 2])) == [0.5, 1.5])
    #expect(center(map(1, 2, [1, 3])) == [0, 0.25])
    #expect(center(constant(0.3, 4, 6)).allSatisfy { abs($0) < 1e-6 })
    // A map without relevance has none; the penalty counts from the middle.
    #expect(center(constant(0, 3, 3)).isEmpty)
    #expect(fooling.reference([], height: 3, width: 3) == [0, 0])
    #expect(fooling.reference([-1, 0.5], height: 3, width: 3) == [-1, 0.5])
    #expect(fooling.referenceShape(height: 3, width: 4) == [2])
  }

  @Test func centerMassMeasuresTheWayInDiagonals() {
    let fooling = CenterMass()
    let corner = map(3, 3, [1, 0, 0, 0, 0, 0, 0, 0, 0])
    let opposite = map(3, 3, [0, 0, 0, 0, 0, 0, 0, 0, 1])
    func loss(_ now: Heatmap, _ before: Heatmap) -> Double {
      fooling.testLoss(of: [now], digest: fooling.digest([before]))
    }
    // Two rows and two columns, over √18.
    #expect(abs(loss(opposite, corner) - 2.0 / 3) < 1e-6)
    #expect(abs(loss(corner, opposite) - 2.0 / 3) < 1e-6)
    #expect(abs(loss(constant(0.2, 3, 3), corner) - 1.0 / 3) < 1e-6)
    #expect(loss(corner, corner) < 1e-6)
    // Three columns, over √(1 + 25).
    #expect(
      abs(
        loss(map(1, 5, [0, 0, 0, 1, 0]), map(1, 5, [1, 0, 0, 0, 0]))
          - 3 / 26.0.squareRoot()) < 1e-6)
    #expect(fooling.successRange == 0.1...1)
    #expect(CenterMass(threshold: 0.3).successRange == 0.3...1)
    #expect(CenterMass(threshold: 3).successRange == 3...3)
  }

  /// Otherwise a network whose heatmaps are 0 everywhere would meet the criterion wherever the
  /// original's relevance was far from the middle.
  @Test func heatmapWithoutRelevanceHasNoCenterThatCouldHaveMoved() {
    let fooling = CenterMass()
    let corner = map(3, 3, [1, 0, 0, 0, 0, 0, 0, 0, 0])
    let nothing = constant(0, 3, 3)
    #expect(fooling.testLoss(of: [nothing], digest: fooling.digest([corner])) == 0)
    #expect(fooling.testLoss(of: [corner], digest: fooling.digest([nothing])) == 0)
  }

  // MARK: Active

  @Test(arguments: [FoolingSpecification.Variant.paper, .released])
  func activeComparesWithBothOriginals(variant: FoolingSpecification.Variant) {
    let fooling = ActiveSwap(first: 0, second: 1, variant: variant)
    let (up, down) = (map(2, 2, [1, 2, 3, 4]), map(2, 2, [4, 3, 2, 1]))
    let digest = fooling.digest([up, down])
    #expect(digest == [1, 2, 3, 4, 4, 3, 2, 1])
    #expect(fooling.referenceShape(height: 2, width: 2) == [2, 2, 2])
    #expect(fooling.reference(digest, height: 2, width: 2) == digest)
    func loss(_ first: Heatmap) -> Double {
      // The second class's map plays no part.
      fooling.testLoss(of: [first, constant(7, 2, 2)], digest: digest)
    }
    #expect(loss(down) == 2)
    #expect(loss(up) == -2)
    // ρ = 0.8 with 1 2 3 4, −0.8 with 4 3 2 1.
    #expect(abs(loss(map(2, 2, [2, 1, 3, 4])) + 1.6) < 1e-12)
    #expect(loss(constant(1, 2, 2)) == 0)
    #expect(loss(constant(0, 2, 2)) == 0)
    #expect(fooling.successRange == 0.5...2)
    #expect(ActiveSwap(first: 0, second: 1, threshold: 0.7).successRange == 0.7...2)
    #expect(fooling.explained == .pair(0, 1))
  }

  @Test func classesAreFoundByNameOrNumber() throws {
    let names = ["church", "7", "parachute"]
    func pair(_ classes: [String]) throws -> ExplainedClasses {
      try FoolingSpecification(name: "active", lambda: 1, classes: classes)
        .fooling(classNames: names).explained
    }
    #expect(try pair(["parachute", "church"]) == .pair(2, 0))
    #expect(try pair(["0", "2"]) == .pair(0, 2))
    // A name comes before a number.
    #expect(try pair(["7", "church"]) == .pair(1, 0))
  }

  @Test func wrongClassesAreNamed() {
    func attempt(_ classes: [String]?) -> String {
      message {
        _ = try FoolingSpecification(name: "active", lambda: 1, classes: classes)
          .fooling(classNames: ["church", "parachute"])
      }
    }
    #expect(
      attempt(["church", "parachut"])
        == "the network has no class \"parachut\": did you mean \"parachute\"? Valid names, closest "
        + "first: parachute, church")
    #expect(
      attempt(["2", "church"])
        == "the network has no class 2: its 2 outputs are numbered from 0 to 1")
    #expect(
      attempt(["01", "church"])
        == "the network has no class \"01\"; output 1 is written 1, its name is \"parachute\"")
    #expect(
      attempt(["church", "church"])
        == "active fooling needs two different classes, \"church\" is given twice")
    #expect(
      attempt(["church", "0"])
        == "active fooling needs two different classes, \"church\" is given twice")
    let needed = "active fooling needs two classes, e.g. classes: [church, parachute]"
    #expect(attempt(nil) == needed)
    #expect(attempt(["church"]) == needed)
  }

  // MARK: Options

  static let foreign: [(FoolingSpecification, String)] = [
    (
      FoolingSpecification(name: "location", lambda: 1, k: 10),
      "location takes no \"k\"; that is for top-k"
    ),
    (
      FoolingSpecification(name: "location", lambda: 1, variant: .released),
      "location takes no \"variant\"; that is for top-k, center-mass, active"
    ),
    (
      FoolingSpecification(name: "top-k", lambda: 1, classes: ["a", "b"]),
      "top-k takes no \"classes\"; that is for active"
    ),
    (
      FoolingSpecification(name: "center-mass", lambda: 1, variant: .released),
      "center-mass has no variant \"released\"; it has paper, bounded, directed"
    ),
    (
      FoolingSpecification(name: "center-mass", lambda: 1, frameWidth: 1),
      "center-mass takes no \"frameWidth\"; that is for location, trigger, target-map"
    ),
    (
      FoolingSpecification(name: "active", lambda: 1, mask: "m.png", classes: ["a", "b"]),
      "active takes no \"mask\"; that is for location, trigger, target-map"
    ),
    (
      FoolingSpecification(name: "location", lambda: 1, frameWidth: 1, mask: "m.png"),
      "location takes either \"mask\" or \"frameWidth\", not both"
    ),
    (
      FoolingSpecification(name: "topk", lambda: 1),
      "unknown fooling \"topk\": did you mean \"top-k\"? Valid names, closest first: top-k, "
        + "active, trigger, location, target-map, center-mass"
    ),
  ]

  @Test(arguments: foreign)
  func wrongOptionsAreNamed(specification: FoolingSpecification, expected: String) {
    #expect(message { _ = try specification.fooling(classNames: ["a", "b"]) } == expected)
  }

  @Test func everyFoolingTakesAThreshold() throws {
    // Those of target maps and triggers need pictures: their own tests have them.
    for kind in FoolingKind.all where !["trigger", "target-map"].contains(kind.name) {
      let fooling = try FoolingSpecification(
        name: kind.name, lambda: 1, classes: kind.name == "active" ? ["a", "b"] : nil,
        threshold: 0.25
      ).fooling(classNames: ["a", "b"])
      #expect([fooling.successRange.lowerBound, fooling.successRange.upperBound].contains(0.25))
      #expect(fooling.name == kind.name)
    }
  }
}

@Suite struct RankCorrelationTests {
  @Test func matchesHandComputation() {
    #expect(spearmanCorrelation([1, 2, 3, 4], [10, 20, 30, 40]) == 1)
    #expect(spearmanCorrelation([1, 2, 3, 4], [9, 7, 5, -3]) == -1)
    // 1 − 6·Σd²/(n(n²−1)) with d = 1, −1, 0, 0.
    #expect(abs(spearmanCorrelation([1, 2, 3, 4], [2, 1, 3, 4]) - 0.8) < 1e-12)
    #expect(abs(spearmanCorrelation([1, 2, 3, 4, 5], [5, 1, 2, 3, 4])) < 1e-12)
  }

  @Test func equalValuesShareTheMeanOfTheirRanks() {
    // Ranks 1, 2½, 2½, 4 and 1, 2, 3, 4: Σxy = 4.5, Σxx = 4.5, Σyy = 5.
    #expect(
      abs(spearmanCorrelation([1, 2, 2, 3], [1, 2, 3, 4]) - 4.5 / (4.5 * 5.0).squareRoot()) < 1e-12)
    // Ranks 1½, 1½, 3½, 3½ and 1½, 3½, 1½, 3½.
    #expect(abs(spearmanCorrelation([0, 0, 1, 1], [0, 1, 0, 1])) < 1e-12)
    #expect(spearmanCorrelation([0, 0, 0, 9], [5, 5, 5, 6]) == 1)
  }

  @Test func constantsAreUncorrelated() {
    #expect(spearmanCorrelation([3, 3, 3], [1, 2, 3]) == 0)
    #expect(spearmanCorrelation([1, 2, 3], [0, 0, 0]) == 0)
    #expect(spearmanCorrelation([4], [5]) == 0)
  }

  @Test func onlyTheOrderCounts() {
    let values: [Float] = [0.3, -1, 7, 0.1, 0.2, 5]
    let others: [Float] = [2, 9, 4, 4, 1, 0]
    #expect(
      abs(
        spearmanCorrelation(values, others)
          - spearmanCorrelation(values.map { $0 * $0 * $0 }, others)) < 1e-12)
    #expect(spearmanCorrelation(values, others) == spearmanCorrelation(others, values))
  }
}
