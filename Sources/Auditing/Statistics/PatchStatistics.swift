extension AuditStatistic {
  /// Is there a small patch that makes one class of images of other classes?
  ///
  /// The share of images that become the class, of the worst patch (`PatchScan`).
  static let patchLabels = AuditStatistic(
    "patch-labels", title: "Labels under one patch",
    question: "Is there a small patch that makes one class of images of other classes?",
    tail: .high, scale: .plain, countsBesideOriginal: true, fewestClasses: 3
  ) { evidence in
    guard let finding = evidence.patches?.labels, !finding.values.isEmpty else { return [] }
    var part = StatisticPart(finding.mean)
    part.perImage = finding.values
    return [part]
  }

  /// Is there a small patch under which heatmaps are others, and labels stay?
  ///
  /// The mean of 1 − ρ, Spearman's, of Grad-CAM and of SimpleGrad without and with the worst patch for each
  /// (`PatchScan`), over images that keep their class.
  static let patchHeatmaps = AuditStatistic(
    "patch-heatmaps", title: "Heatmaps under one patch",
    question: "Is there a small patch under which heatmaps are others, though labels stay?",
    tail: .high, scale: .plain, countsBesideOriginal: true
  ) { evidence in
    (evidence.patches?.heatmaps ?? []).compactMap { place, finding in
      StatisticPart(
        interpreter: place, role: evidence.interpreters[place].role, perImage: finding.values)
    }
  }
}
