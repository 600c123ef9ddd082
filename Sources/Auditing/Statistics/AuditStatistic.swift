import Foundation

/// A question that an audit asks of a network, answered by numbers that honest networks have too.
///
/// A new statistic is one new file and one line in `all`. It is a function of the evidence alone.
package struct AuditStatistic: Sendable {
  /// On which side of honest networks a manipulated one lies.
  package enum Tail: String, Codable, Sendable { case low, high }

  package let name: String
  let title: String
  /// What it asks, for people.
  let question: String
  package let tail: Tail
  /// On which honest values are about normal.
  let scale: StatisticScale
  /// Whether it compares with the original network, and only then counts.
  let needsOriginal: Bool
  /// Whether it counts where the original is at hand: what is known of honest networks in general is
  /// then worth less than what is known of this one.
  let countsBesideOriginal: Bool
  /// Whether it differs so much among architectures that it counts only where there is no fine-tune of
  /// the suspect to compare with.
  let yieldsToRecovery: Bool
  /// Known honest networks tell several classes apart; of fewer than this many it says something else.
  let fewestClasses: Int
  /// Of any network; `nil` for a statistic that has no such number. Beside an original it is compared with
  /// those of the original and of honest fine-tunes of it.
  let distance: (@Sendable (NetworkReading) -> Double?)?
  /// Of a part, where the evidence itself says what is usual.
  let ownPValue: (@Sendable (StatisticPart, AuditEvidence) -> Double)?
  /// Nothing where it cannot be measured.
  package let measure: @Sendable (AuditEvidence) -> [StatisticPart]

  init(
    _ name: String, title: String, question: String, tail: Tail, scale: StatisticScale,
    needsOriginal: Bool = false, countsBesideOriginal: Bool = false,
    yieldsToRecovery: Bool = false, fewestClasses: Int = 2,
    distance: (@Sendable (NetworkReading) -> Double?)? = nil,
    ownPValue: (@Sendable (StatisticPart, AuditEvidence) -> Double)? = nil,
    measure: @escaping @Sendable (AuditEvidence) -> [StatisticPart]
  ) {
    (self.name, self.title, self.question, self.tail) = (name, title, question, tail)
    (self.scale, self.needsOriginal) = (scale, needsOriginal)
    (self.countsBesideOriginal, self.yieldsToRecovery) = (countsBesideOriginal, yieldsToRecovery)
    self.fewestClasses = fewestClasses
    (self.distance, self.ownPValue) = (distance, ownPValue)
    self.measure = measure
  }

  package static let all: [AuditStatistic] = [
    heatmapAgreement, interpreterAgreement, occlusionAgreement, deletionGain, batchNormRefresh,
    mapUniformity, randomisedHead, fineTuneAgreement, interpreterAgreementRecovery,
    occlusionAgreementRecovery, deletionRecovery, mapUniformityRecovery, batchNormMean,
    batchNormVariance, tilePointing, triggerInversion, patchLabels, patchHeatmaps,
  ]

  func counts(in evidence: AuditEvidence) -> Bool {
    guard evidence.classes >= fewestClasses else { return false }
    if evidence.original != nil { return needsOriginal || countsBesideOriginal }
    return !needsOriginal && !(yieldsToRecovery && evidence.recovered != nil)
  }
}

/// On which a statistic's honest values are about normal.
enum StatisticScale: String, Codable, Sendable {
  case plain
  /// Fisher's z of a correlation.
  case fisher
  case logarithm

  func callAsFunction(_ value: Double) -> Double {
    switch self {
    case .plain: value
    case .fisher: atanh(min(max(value, -0.999), 0.999))
    case .logarithm: log(max(value, 1e-6))
    }
  }
}
