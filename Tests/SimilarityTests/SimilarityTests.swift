import Pictures
import Similarity
import Testing

/// Measures against SciPy 1.16 and scikit-image 0.25 (`tools/make_similarity_literals.py`), and against
/// values by hand.
@Suite struct SimilarityTests {
  private static let maps: [String: Heatmap] = {
    func map(_ value: (Int) -> Int) -> Heatmap {
      Heatmap(height: 12, width: 9, values: (0..<108).map { Float(value($0)) })
    }
    return [
      "a": map { ($0 * 37 + 11) % 109 }, "b": map { ($0 * $0 * 7 + $0 * 3) % 13 },
      "c": map { ($0 * 37 + 11) % 109 + ($0 * 5) % 17 },
    ]
  }()

  /// Top 20, Spearman, Kendall, center shift, cosine distance, SSIM.
  @Test(
    arguments: [
      (
        "a", "b",
        [
          0.2, -0.034702106169049445, -0.024642332024081778, 0.03990933305624255,
          0.26637086793792275, 0.004521303982676736,
        ]
      ),
      (
        "a", "c",
        [
          0.8, 0.9876922203784689, 0.9216657625516935, 0.011658784177063918, 0.004245905802530037,
          0.9787289179653909,
        ]
      ),
      (
        "b", "c",
        [
          0.15, -0.029430667802126664, -0.018292806745025463, 0.03060887320466324,
          0.24279283705142396, 0.004200527637939454,
        ]
      ),
      ("b", "b", [1, 1, 1, 0, 0, 1]),
    ] as [(String, String, [Double])])
  func measuresAgreeWithOtherLibraries(a: String, b: String, expected: [Double]) throws {
    let (a, b) = (try #require(Self.maps[a]), try #require(Self.maps[b]))
    let measures = SimilarityMeasures.all(topK: 20)
    #expect(measures.count == expected.count)
    for (measure, expected) in zip(measures, expected) {
      // Sums of a hundred doubles in another order.
      #expect(abs(measure(a, b) - expected) < 1e-12, "\(measure.name): \(measure(a, b))")
      #expect(abs(measure(a, b) - measure(b, a)) < 1e-12, "\(measure.name) is not symmetric")
    }
  }

  /// DSSIM with scikit-image's Gaussian windows on maps of 16×13 scaled to [0, 1], and the squared error of
  /// standardised maps.
  @Test(
    arguments: [
      ("a", "b", 0.5321786408432865, 2.0058185720150283),
      ("a", "c", 0.00863870084980689, 0.023875830548001218),
      ("b", "c", 0.5307292075182292, 2.016360430035452), ("b", "b", 0, 0),
    ] as [(String, String, Double, Double)])
  func dissimilaritiesAgreeWithOtherLibraries(
    a: String, b: String, structural: Double, standardized: Double
  ) throws {
    func map(_ value: (Int) -> Int) -> Heatmap {
      Heatmap(height: 16, width: 13, values: (0..<208).map { Float(value($0)) })
    }
    let maps = [
      "a": map { ($0 * 37 + 11) % 109 }, "b": map { ($0 * $0 * 7 + $0 * 3) % 13 },
      "c": map { ($0 * 37 + 11) % 109 + ($0 * 5) % 17 },
    ]
    let (a, b) = (try #require(maps[a]), try #require(maps[b]))
    // Sums of some hundred doubles in another order.
    #expect(abs(StructuralDissimilarity()(a, b) - structural) < 1e-12)
    #expect(abs(StandardizedError()(a, b) - standardized) < 1e-12)
  }

  @Test func dissimilaritiesOfMapsWithoutDifferences() {
    let (flat, other) = (map(2, 2, [3, 3, 3, 3]), map(2, 2, [0, 1, 0, 1]))
    #expect(StandardizedError()(flat, flat) == 0 && StructuralDissimilarity()(flat, flat) == 0)
    // (±½)² / (¼ + 1e-5)
    #expect(abs(StandardizedError()(flat, other) - 0.25 / 0.25001) < 1e-12)
    // Windows of one pixel: c₁ / (x² + c₁) is 1 where both are 0.
    #expect(abs(StructuralDissimilarity()(flat, other) - (1 - (1 + 1e-4 / 1.0001) / 2) / 2) < 1e-12)
  }

  private func map(_ height: Int, _ width: Int, _ values: [Float]) -> Heatmap {
    Heatmap(height: height, width: width, values: values)
  }

  /// How near a map is to its target: by hand.
  @Test func measuresToATarget() {
    let (a, b) = (map(2, 2, [1, 2, 3, 4]), map(2, 2, [2, 1, 4, 7]))
    let measures = SimilarityMeasures.toTarget
    #expect(measures.map(\.name) == ["mse", "ssim", "pearson"])
    #expect(measures[0](a, b) == 3)
    // Σ(a − 2.5)(b − 3.5) = 9, Σ(a − 2.5)² = 5, Σ(b − 3.5)² = 21.
    #expect(abs(measures[2](a, b) - 9 / (5 * 21.0).squareRoot()) < 1e-12)
    #expect(measures[2](a, map(2, 2, [1, 1, 1, 1])) == 0)
    #expect(measures[0](a, a) == 0 && abs(measures[2](a, a) - 1) < 1e-12)
  }

  @Test func topPixelsTakeTheFirstOfEquals() {
    let tied = map(2, 3, [1, 5, 1, 5, 0, 1])
    #expect(tied.top(3) == [true, true, false, true, false, false])
    #expect(tied.top(6) == [Bool](repeating: true, count: 6))
    #expect(map(1, 4, [2, 2, 2, 2]).top(2) == [true, true, false, false])
    #expect(map(1, 3, [.nan, 0, -1]).top(2) == [false, true, true])
    // Of two maps of 4 pixels the top 9 are all 4.
    #expect(TopKIntersection(count: 9)(map(2, 2, [1, 2, 3, 4]), map(2, 2, [4, 3, 2, 1])) == 1)
    #expect(TopKIntersection(count: 2)(map(2, 2, [1, 2, 3, 4]), map(2, 2, [4, 3, 2, 1])) == 0)
  }

  @Test func kendallCountsPairs() {
    // One of six pairs is exchanged: (5 − 1) / 6.
    #expect(abs(kendallCorrelation([1, 2, 3, 4], [2, 1, 3, 4]) - 4.0 / 6) < 1e-12)
    #expect(kendallCorrelation([1, 2, 3], [9, 5, 1]) == -1)
    #expect(kendallCorrelation([3, 3, 3], [1, 2, 3]) == 0)
    #expect(kendallCorrelation([1], [1]) == 0)
  }

  @Test func centerOfMassIsAWeightedMean() {
    let corner = map(2, 4, [0, 0, 0, 0, 0, 0, 0, 2])
    #expect(corner.centerOfMass == (1, 3))
    #expect(map(3, 3, [Float](repeating: 0, count: 9)).centerOfMass == (1, 1))
    // From (1, 3) to (0, 0).
    let shift = CenterShift()(corner, map(2, 4, [7, 0, 0, 0, 0, 0, 0, 0]))
    #expect(abs(shift - 10.0.squareRoot()) < 1e-12)
  }

  @Test func mapsWithoutRelevanceAreDefined() {
    let (none, some) = (map(2, 2, [0, 0, 0, 0]), map(2, 2, [1, 0, 0, 0]))
    #expect(CosineDistance()(none, some) == 1)
    #expect(CosineDistance()(map(2, 2, [2, 0, 0, 0]), some) == 0)
    #expect(StructuralSimilarity()(none, none) == 1)
    // Windows of one pixel have no variance: (2·0·1 + c₁)/(0 + 1 + c₁) once and 1 three times.
    let c1 = 1e-4
    let expected = (3 + c1 / (1 + c1)) / 4
    #expect(abs(StructuralSimilarity()(none, some) - expected) < 1e-12)
  }
}
