extension AuditStatistic {
  /// Do heatmaps stay when batch-norm statistics are estimated anew on clean images?
  ///
  /// By interpreter, the mean over images of Spearman's ρ of the heatmaps before and after, over images
  /// that are classified correctly both times.
  static let batchNormRefresh = AuditStatistic(
    "re-batch-norm", title: "Heatmaps after Re-BN",
    question: "Do heatmaps stay when the statistics of batch norms are estimated anew?", tail: .low,
    scale: .fisher
  ) { evidence in
    guard let refreshed = evidence.refreshed else { return [] }
    return agreement(evidence.suspect, refreshed, of: evidence.interpreters)
  }
}
