import Foundation
import Manipulation
import Testing

/// How well a drop is known.
@Suite struct DropErrorTests {
  private func result(_ correct: [Bool]) -> EvaluationResult {
    var result = EvaluationResult()
    result.predictions = correct.enumerated().map {
      .init(
        position: $0, label: 0, rank: $1 ? 0 : 1, predicted: 0, confidence: 1, labelConfidence: 1)
    }
    return result
  }

  /// A loss of n images of N is n/N, whatever the shares' last digits.
  @Test func aLossOfTenImagesIsWithinOnePoint() {
    #expect(drop(from: 0.99, to: 0.98) == 1)
    #expect(0.99 - 0.98 > 0.01)
    for lost in 0...500 {
      for right in [500, 499, 463] where right >= lost {
        let points = drop(from: Double(right) / 500, to: Double(right - lost) / 500)
        #expect(points == Double(lost) / 5)
      }
    }
    #expect(drop(from: 0.5, to: 0.502) == -0.2)
  }

  @Test func errorIsOfDifferencesOnTheSameImages() {
    let before = result([true, true, true, false, true, false])
    // Positions 1, 2, 3 and 5 of the whole: lost, kept, gained, wrong in both.
    let after = result([false, true, true, false])
    // d = 0, c = 2, n = 4.
    let error = before.standardError(ofDropTo: after, at: [1, 2, 3, 5])
    #expect(abs(error - (0.5 / 4).squareRoot()) < 1e-12)
    // Position 0 twice, lost each time, and two that are as before: d = 1/2, c = 2.
    let lost = before.standardError(
      ofDropTo: result([false, false, true, true]), at: [0, 0, 1, 2])
    #expect(abs(lost - 0.25) < 1e-12)
    #expect(before.standardError(ofDropTo: result([]), at: []) == 0)
    #expect(before.standardError(ofDropTo: result([true, true]), at: [0, 1]) == 0)
  }
}
