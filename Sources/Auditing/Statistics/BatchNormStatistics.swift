extension AuditStatistic {
  /// How far are the running means of batch norms from those of clean images?
  static let batchNormMean = AuditStatistic(
    "batch-norm-mean", title: "Means of batch norms",
    question: "Do batch norms keep the means that clean images have?", tail: .high,
    scale: .logarithm
  ) { evidence in
    let gaps = evidence.suspect.batchNorms
    return gaps.isEmpty ? [] : [StatisticPart(gaps.map(\.mean).mean)]
  }

  /// How far are the running variances of batch norms from those of clean images?
  ///
  /// The mean over channels and layers of |ln((σ̂² + 1e-5)/(σ² + 1e-5))|. Triggers raise it: the network
  /// was trained on images that are not among the clean ones.
  static let batchNormVariance = AuditStatistic(
    "batch-norm-variance", title: "Variances of batch norms",
    question: "Do batch norms keep the variances that clean images have?", tail: .high,
    scale: .logarithm, countsBesideOriginal: true
  ) { evidence in
    let gaps = evidence.suspect.batchNorms
    return gaps.isEmpty ? [] : [StatisticPart(gaps.map(\.logVariance).mean)]
  }
}
