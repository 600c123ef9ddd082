extension AuditStatistic {
  /// Do heatmaps stay when the network is trained on?
  ///
  /// By interpreter, the mean over images of Spearman's ρ of the heatmaps before and after an honest
  /// fine-tune (`HonestFineTunes.recovery`), over images that are classified correctly both times.
  static let fineTuneAgreement = AuditStatistic(
    "fine-tune-agreement", title: "Heatmaps after an honest fine-tune",
    question: "Do heatmaps stay when the network is trained on honestly?", tail: .low,
    scale: .fisher
  ) { evidence in
    guard let recovered = evidence.recovered else { return [] }
    return agreement(evidence.suspect, recovered.reading, of: evidence.interpreters)
  }

  static let interpreterAgreementRecovery = recovery(
    of: interpreterAgreement, title: "Agreement between explanations, after a fine-tune",
    question: "Do different explanations agree far better once the network is trained on honestly?")
  static let occlusionAgreementRecovery = recovery(
    of: occlusionAgreement, title: "Agreement with occlusion, after a fine-tune",
    question:
      "Do heatmaps show far better what outputs depend on once the network is trained on honestly?")
  static let deletionRecovery = recovery(
    of: deletionGain, title: "Deletion minus random, after a fine-tune",
    question:
      "Do heatmaps point far better at what the classification rests on once the network is trained on "
      + "honestly?")
  static let mapUniformityRecovery = recovery(
    of: mapUniformity, title: "Likeness of different images' heatmaps, after a fine-tune",
    question:
      "Do heatmaps of different classes become far less alike once the network is trained on honestly?"
  )

  /// By how much a statistic moves away from its suspicious side when the network is trained on.
  ///
  /// By interpreter, the mean over images of the statistic after an honest fine-tune minus before, over
  /// images that count both times. Training that keeps accuracy alone has no reason to hold a
  /// manipulation, so explanations recover; those of an honest network have nothing to recover from.
  /// What architectures differ by is in both numbers and cancels.
  private static func recovery(
    of base: AuditStatistic, title: String, question: String
  ) -> AuditStatistic {
    AuditStatistic(
      "\(base.name)-recovery", title: title, question: question,
      tail: base.tail == .low ? .high : .low, scale: .plain
    ) { evidence in
      guard let recovered = evidence.recovered else { return [] }
      var later = evidence
      later.suspect = recovered.reading
      let after = base.measure(later)
      return base.measure(evidence).compactMap { before in
        guard let place = before.interpreter,
          let after = after.first(where: { $0.interpreter == place })
        else { return nil }
        let values = Dictionary(uniqueKeysWithValues: after.perImage.map { ($0.image, $0.value) })
        return StatisticPart(
          interpreter: place, role: before.role,
          perImage: before.perImage.compactMap { image, value in
            values[image].map { (image, $0 - value) }
          })
      }
    }
  }
}
