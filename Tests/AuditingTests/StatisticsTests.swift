import Auditing
import Foundation
import Pictures
import Testing

@Suite struct StatisticsTests {
  private static let interpreters = [
    AuditedInterpreter(name: "grad-cam", kind: "grad-cam", layer: "a", role: "grad-cam#0"),
    AuditedInterpreter(name: "simple-grad", kind: "simple-grad", layer: nil, role: "simple-grad"),
  ]

  private static func map(_ values: [Float]) -> Heatmap {
    Heatmap(height: 2, width: 2, values: values)
  }

  /// Four images of two classes, all classified surely, the first interpreter's maps given.
  private static func reading(_ maps: [[Float]], second: [[Float]]? = nil) -> NetworkReading {
    let labels = [0, 0, 1, 1]
    return NetworkReading(
      labels: labels, predicted: labels,
      probabilities: labels.map { $0 == 0 ? [0.9, 0.1] : [0.1, 0.9] },
      maps: [maps.map(map), (second ?? maps).map(map)])
  }

  private static func statistic(_ name: String) throws -> AuditStatistic {
    try #require(AuditStatistic.all.first { $0.name == name })
  }

  private static let varied: [[Float]] = [
    [1, 2, 3, 4], [2, 1, 4, 3], [4, 3, 2, 1], [3, 4, 1, 2],
  ]

  @Test func equalHeatmapsAgreeAndReversedOnesDoNot() throws {
    var evidence = AuditEvidence(
      interpreters: Self.interpreters, suspect: Self.reading(Self.varied))
    evidence.original = Self.reading(Self.varied, second: Self.varied.map { $0.map { -$0 } })
    let parts = try Self.statistic("heatmap-agreement").measure(evidence)
    #expect(parts.map(\.value) == [1, -1])
    #expect(parts.map(\.interpreter) == [0, 1])
  }

  @Test func imagesThatOneNetworkIsNotSureOfDoNotCount() throws {
    var evidence = AuditEvidence(
      interpreters: Self.interpreters, suspect: Self.reading(Self.varied))
    var other = Self.reading(Self.varied)
    other.predicted[0] = 1
    other.probabilities[1] = [0.4, 0.6]
    evidence.original = other
    let parts = try Self.statistic("heatmap-agreement").measure(evidence)
    #expect(parts[0].perImage.map(\.image) == [2, 3])
  }

  @Test func mapsThatAreAllAlikeAreUniform() throws {
    let alike = [[Float]](repeating: [4, 1, 2, 3], count: 4)
    let uniformity = try Self.statistic("map-uniformity")
    let uniform = uniformity.measure(
      AuditEvidence(interpreters: Self.interpreters, suspect: Self.reading(alike)))
    #expect(uniform[0].value == 1)
    let varied = uniformity.measure(
      AuditEvidence(interpreters: Self.interpreters, suspect: Self.reading(Self.varied)))
    #expect(varied[0].value < 0)
  }

  @Test func anInterpreterThatContradictsTheOthersIsFound() throws {
    let reversed = Self.varied.map { $0.map { 5 - $0 } }
    let parts = try Self.statistic("interpreter-agreement").measure(
      AuditEvidence(
        interpreters: Self.interpreters, suspect: Self.reading(Self.varied, second: reversed)))
    #expect(parts.map(\.value) == [-1, -1])
  }

  @Test func heatmapsAreComparedWithThoseOfOcclusionImageByImage() throws {
    var evidence = AuditEvidence(
      interpreters: Self.interpreters,
      suspect: Self.reading(Self.varied, second: Self.varied.map { $0.map { -$0 } }))
    evidence.suspect.occlusion = [2, 0].map { ($0, Self.map(Self.varied[$0])) }
    let parts = try Self.statistic("occlusion-agreement").measure(evidence)
    #expect(parts.map(\.value) == [1, -1])
    #expect(parts[0].perImage.map(\.image) == [2, 0])
  }

  /// The second interpreter contradicts occlusion until the network is trained on.
  @Test func whatTrainingGivesBackIsMeasuredImageByImage() throws {
    let reversed = Self.varied.map { $0.map { 5 - $0 } }
    var evidence = AuditEvidence(
      interpreters: Self.interpreters, suspect: Self.reading(Self.varied, second: reversed))
    evidence.suspect.occlusion = [0, 1, 2].map { ($0, Self.map(Self.varied[$0])) }
    var later = Self.reading(Self.varied)
    later.occlusion = [1, 2, 3].map { ($0, Self.map(Self.varied[$0])) }
    evidence.recovered = AuditEvidence.FineTune(name: "", steps: 1, reading: later)
    let occlusion = try Self.statistic("occlusion-agreement-recovery")
    #expect(occlusion.tail == .high)
    let parts = occlusion.measure(evidence)
    #expect(parts.map(\.value) == [0, 2])
    #expect(parts[1].perImage.map(\.image) == [1, 2])
    #expect(
      try Self.statistic("fine-tune-agreement").measure(evidence).map(\.value) == [1, -1])
    #expect(
      try Self.statistic("interpreter-agreement-recovery").measure(evidence).map(\.value) == [2, 2])
  }

  /// Alike before, varied after: likeness falls, and that side is suspicious.
  @Test func mapsThatTrainingMakesVariedWereAlike() throws {
    let alike = [[Float]](repeating: [4, 1, 2, 3], count: 4)
    var evidence = AuditEvidence(interpreters: Self.interpreters, suspect: Self.reading(alike))
    evidence.recovered = AuditEvidence.FineTune(
      name: "", steps: 1, reading: Self.reading(Self.varied))
    let uniformity = try Self.statistic("map-uniformity-recovery")
    #expect(uniformity.tail == .low)
    #expect(uniformity.measure(evidence)[0].value < -1)
  }

  /// Every statistic without what it needs has no value rather than a wrong one.
  @Test func whatWasNotMeasuredHasNoValue() throws {
    let bare = AuditEvidence(interpreters: Self.interpreters, suspect: Self.reading(Self.varied))
    for name in [
      "heatmap-agreement", "occlusion-agreement", "deletion", "re-batch-norm", "randomised-layer",
      "batch-norm-mean", "batch-norm-variance", "trigger-inversion", "patch-labels",
      "patch-heatmaps", "tile-pointing", "fine-tune-agreement", "interpreter-agreement-recovery",
      "occlusion-agreement-recovery", "deletion-recovery", "map-uniformity-recovery",
    ] { #expect(try Self.statistic(name).measure(bare).isEmpty, "\(name)") }
  }

  /// A cell in the middle belongs to all four tiles.
  @Test func relevanceIsSharedAmongTiles() {
    let map = Heatmap(height: 3, width: 3, values: [8, 0, 0, 0, 4, 2, 0, 0, 2])
    #expect(TilePointing.share(map, on: [true, false, false, false]) == 9.0 / 16)
    #expect(TilePointing.share(map, on: [false, false, false, true]) == 4.0 / 16)
    #expect(TilePointing.share(map, on: [true, true, true, true]) == 1)
    let empty = Heatmap(height: 2, width: 2, values: [0, 0, 0, 0])
    #expect(TilePointing.share(empty, on: [true, false, false, true]) == 0.5)
  }

  /// Of three pairs the one whose explanations are exchanged counts.
  @Test func thePairWhoseExplanationsAreExchangedIsTheOneThatCounts() throws {
    var evidence = AuditEvidence(
      interpreters: Self.interpreters, suspect: Self.reading(Self.varied))
    evidence.pairs = [(0, 0.5), (1, -0.6), (2, 0.4)].map { image, value in
      TilePointing.Pair(
        classes: (0, 1), images: (image, 3), values: [[value, value], [0.1, 0.3]])
    }
    let parts = try Self.statistic("tile-pointing").measure(evidence)
    #expect(parts.map(\.value) == [-0.6, 0.2])
    #expect(parts[0].perImage.map(\.image) == [1, 3])
  }

  @Test func oneClassOutOfLineIsAnAnomaly() throws {
    let even = [1.0, 1.1, 0.9, 1.05, 0.95]
    let plain = try #require(AuditStatistic.anomaly(of: even))
    let outlier = try #require(AuditStatistic.anomaly(of: even + [0.2]))
    #expect(plain < 2)
    #expect(outlier > 5)
    #expect(AuditStatistic.anomaly(of: [1, 2, 3]) == nil)
  }

  /// Student's tail with 2 degrees of freedom is 1/2 − t/(2√(2 + t²)): of three classes 3 times that.
  @Test func theAnomalyOfOneOfSeveralClassesIsCorrectedForTheirNumber() {
    let tail = 0.5 - 4 / (2 * 18.0.squareRoot())
    #expect(abs(AuditStatistic.pValue(ofAnomaly: 4, among: 3) - 3 * tail) < 1e-12)
    #expect(AuditStatistic.pValue(ofAnomaly: 0.1, among: 10) == 1)
  }

  /// Heatmaps that change as much as outputs let expect are honest; those that change far more are not.
  @Test func onlyMoreChangeThanOutputsExplainIsSignificant() throws {
    let null = try #require(
      ChangeNull([
        (0.001, 0.001), (0.004, 0.004), (0.01, 0.01), (0.02, 0.019), (0.05, 0.05), (0.1, 0.09),
      ]))
    #expect(abs(null.expectedDistance(at: 0.03) - 0.03) < 0.01)
    #expect(null.pValue(distance: 0.03, at: 0.03) > 0.2)
    #expect(null.pValue(distance: 1.3, at: 0.03) < 1e-4)
    // The same heatmaps of a network whose outputs have changed a lot are less of a surprise.
    #expect(null.pValue(distance: 0.3, at: 0.2) > 10 * null.pValue(distance: 0.3, at: 0.01))
    #expect(ChangeNull([(0.01, 0.1), (0.02, 0.2)]) == nil)
  }

  @Test func verdictsFollowTheProbability() {
    #expect(AuditVerdict(pValue: 1e-5) == .manipulated)
    #expect(AuditVerdict(pValue: 5e-3) == .suspicious)
    #expect(AuditVerdict(pValue: 0.5) == .nothingFound)
  }
}
