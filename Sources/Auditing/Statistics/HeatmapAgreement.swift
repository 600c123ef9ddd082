extension AuditStatistic {
  /// Do the suspect and the original explain the same classifications alike?
  ///
  /// By interpreter, the mean over images of Spearman's ρ(h_i, h₀_i), over images that both networks
  /// classify correctly with a probability of at least 0.5. Its honest values come from fine-tunes of
  /// the original made on the spot: the more outputs change, the more heatmaps may (`ChangeNull`).
  static let heatmapAgreement = AuditStatistic(
    "heatmap-agreement", title: "Heatmaps against the original's",
    question: "Do both networks explain the same classifications alike?", tail: .low,
    scale: .plain, needsOriginal: true
  ) { evidence in
    guard let original = evidence.original else { return [] }
    return agreement(evidence.suspect, original, of: evidence.interpreters)
  }
}
