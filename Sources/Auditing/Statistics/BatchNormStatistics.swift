import Foundation

extension AuditStatistic {
  /// How far are the running means of batch norms from those of clean images?
  ///
  /// The mean over channels and layers of |μ̂ − μ|/√(σ² + 1e-5).
  static let batchNormMean = AuditStatistic(
    "batch-norm-mean", title: "Means of batch norms",
    question: "Do batch norms keep the means that clean images have?", tail: .high,
    scale: .logarithm, distance: { $0.batchNorms.isEmpty ? nil : $0.batchNorms.map(\.mean).mean })

  /// How far are the running variances of batch norms from those of clean images?
  ///
  /// The mean over channels and layers of |ln((σ̂² + 1e-5)/(σ² + 1e-5))|. Triggers raise it: the network
  /// was trained on images that are not among the clean ones.
  static let batchNormVariance = AuditStatistic(
    "batch-norm-variance", title: "Variances of batch norms",
    question: "Do batch norms keep the variances that clean images have?", tail: .high,
    scale: .logarithm,
    distance: { $0.batchNorms.isEmpty ? nil : $0.batchNorms.map(\.logVariance).mean })

  /// Of one number of a network, for which honest fine-tunes of an original are compared with as well.
  private init(
    _ name: String, title: String, question: String, tail: Tail, scale: StatisticScale,
    distance: @escaping @Sendable (NetworkReading) -> Double?
  ) {
    self.init(
      name, title: title, question: question, tail: tail, scale: scale,
      countsBesideOriginal: true, distance: distance
    ) { evidence in
      distance(evidence.suspect).map { [StatisticPart($0)] } ?? []
    }
  }
}
