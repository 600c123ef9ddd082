import Foundation
import ImageData
import Manipulation
import Testing

/// Location's score by masks other than Heo's frame.
@Suite struct MaskedLocationTests {
  /// A mask that is white on the first `share` of its rows.
  private func location(rows: Int, of height: Int) -> Location {
    let pixels = (0..<height * height).flatMap { place -> [UInt8] in
      let value: UInt8 = place / height < rows ? 255 : 0
      return [value, value, value]
    }
    return Location(target: .image(Image(width: height, height: height, pixels: pixels)))
  }

  private func constant(_ value: Float, _ side: Int) -> Heatmap {
    Heatmap(height: side, width: side, values: [Float](repeating: value, count: side * side))
  }

  /// The best map that knows nothing of the mask is the mask's share everywhere: 0.25 by every mask.
  @Test(arguments: [1, 2, 4, 8, 12, 15])
  func theBestFlatMapScoresAQuarterByEveryMask(rows: Int) {
    let mask = location(rows: rows, of: 16)
    let share = Float(rows) / 16
    #expect(abs(mask.testLoss(of: [constant(share, 16)], digest: []) - 0.25) < 1e-6)
    #expect(mask.testLoss(of: [constant(0, 16)], digest: []) >= 0.25)
    #expect(mask.testLoss(of: [constant(1, 16)], digest: []) >= 0.25)
  }

  @Test func aSmallMaskIsNotMetByAMapWithoutRelevance() {
    // 1 of 14 rows: 7 % of the map, which by the plain distance is what an empty map scores.
    let mask = location(rows: 1, of: 14)
    #expect(mask.testLoss(of: [constant(0, 14)], digest: []) > mask.successRange.upperBound)
    var inside = [Float](repeating: 0, count: 14 * 14)
    for column in 0..<14 { inside[column] = 1 }
    #expect(mask.testLoss(of: [Heatmap(height: 14, width: 14, values: inside)], digest: []) == 0)
  }

  /// (1/4)(0.5² + 0 + 0 + 0) over 4·(1/4 − 1/16).
  @Test func scoreIsTheDistanceOverFourVariancesOfTheMask() {
    let pixels: [UInt8] = [255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    let location = Location(target: .image(Image(width: 2, height: 2, pixels: pixels)))
    let map = Heatmap(height: 2, width: 2, values: [0.5, 0, 0, 0])
    #expect(abs(location.testLoss(of: [map], digest: []) - 0.0625 / 0.75) < 1e-12)
  }

  @Test func heosFrameKeepsItsPlainDistance() {
    let plain = Location().testLoss(of: [constant(0, 14)], digest: [])
    #expect(abs(plain - 96.0 / 196) < 1e-12)
    // The same width, set by hand, is the same frame.
    #expect(Location(target: .frame(width: 2)).testLoss(of: [constant(0, 14)], digest: []) == plain)
    // Another is another mask: 52 of 196 pixels.
    let share = 52.0 / 196
    let other = Location(target: .frame(width: 1)).testLoss(of: [constant(0, 14)], digest: [])
    #expect(abs(other - share / (4 * share * (1 - share))) < 1e-6)
  }

  @Test func masksThatTellNoPlaceFromAnotherAreRefused() {
    #expect(
      location(rows: 16, of: 16).obstacle(height: 8, width: 8)?.hasPrefix(
        "the mask is the same everywhere on the heatmap of 8x8") == true)
    #expect(location(rows: 8, of: 16).obstacle(height: 8, width: 8) == nil)
    #expect(
      Location().obstacle(height: 2, width: 2)?.hasPrefix(
        "every frame covers the whole heatmap of 2x2") == true)
    #expect(Location().obstacle(height: 3, width: 3) == nil)
    #expect(
      Location(target: .frame(width: 4)).obstacle(height: 7, width: 9)?.contains(
        "set fooling.frameWidth to at most 3") == true)
  }

  @Test func relevanceInsideIsItsShareOnTheMask() {
    let mask = location(rows: 1, of: 2)
    let map = Heatmap(height: 2, width: 2, values: [1, -2, 0, 3])
    #expect(mask.relevanceInside(map) == 0.5)
    #expect(mask.relevanceInside(constant(0, 2)) == nil)
    #expect(TopK().relevanceInside(map) == nil)
  }
}
