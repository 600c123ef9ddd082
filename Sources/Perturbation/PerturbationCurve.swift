/// How a class score f changes while more and more regions of an image are perturbed.
public struct PerturbationCurve: Codable, Hashable, Sendable {
  /// f(x⁽⁰⁾), f(x⁽¹⁾), …, f(x⁽ᴸ⁾): of the image as it is and after each of L perturbed regions.
  public let scores: [Double]

  /// - Precondition: there is a score of the image as it is.
  public init(scores: [Double]) {
    precondition(!scores.isEmpty, "a curve without the image as it is")
    self.scores = scores
  }

  /// AOPC after each number of steps: the l-th is (1/(l+1))·Σ_{k=0…l} (f(x⁽⁰⁾) − f(x⁽ᵏ⁾)), so the
  /// first is 0. Samek et al. 2017, Eq. 12, before the mean over images.
  public var areas: [Double] {
    var sum = 0.0
    return scores.enumerated().map { step, score in
      sum += scores[0] - score
      return sum / Double(step + 1)
    }
  }

  /// The area over the perturbation curve after all L steps.
  public var area: Double { areas[areas.count - 1] }

  /// The mean of several curves.
  /// - Precondition: there is one, and all have the same number of steps.
  public static func mean(_ curves: [PerturbationCurve]) -> PerturbationCurve {
    precondition(!curves.isEmpty, "the mean of no curve")
    precondition(
      curves.allSatisfy { $0.scores.count == curves[0].scores.count }, "curves of several lengths")
    return PerturbationCurve(
      scores: curves[0].scores.indices.map { step in
        curves.reduce(0) { $0 + $1.scores[step] } / Double(curves.count)
      })
  }
}
