extension AuditStatistic {
  /// Do heatmaps point at what the classification rests on?
  ///
  /// By interpreter, the mean over images of the fall of the label's probability when the most relevant
  /// quarter of the cells is blanked, minus the fall when as many random cells are. Petsiuk et al. 2018.
  static let deletionGain = AuditStatistic(
    "deletion", title: "Deletion minus random",
    question:
      "Does the probability fall faster when relevant cells are blanked than when random ones are?",
    tail: .low, scale: .plain, yieldsToRecovery: true
  ) { evidence in
    let reading = evidence.suspect
    guard !reading.deletionGains.isEmpty else { return [] }
    let images = (0..<reading.count).filter(reading.isSure)
    return evidence.interpreters.indices.compactMap { place in
      StatisticPart(
        interpreter: place, role: evidence.interpreters[place].role,
        perImage: images.map { ($0, reading.deletionGains[place][$0]) })
    }
  }
}
