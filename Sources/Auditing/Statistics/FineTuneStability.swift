extension AuditStatistic {
  /// Do heatmaps stay when the network is trained a little further, honestly?
  ///
  /// By interpreter, the mean over honest fine-tunes of the suspect of the mean agreement with it.
  /// Explanations that were made to lie begin to heal, and those that nobody touched stay.
  static let fineTuneStability = AuditStatistic(
    "fine-tune-stability", title: "Heatmaps after honest fine-tuning",
    question: "Do heatmaps stay when the network is trained a little further?", tail: .low,
    scale: .fisher
  ) { evidence in
    guard evidence.original == nil, !evidence.fineTunes.isEmpty else { return [] }
    let all = evidence.fineTunes.map {
      agreement(evidence.suspect, $0.reading, of: evidence.interpreters)
    }
    return evidence.interpreters.indices.compactMap { place in
      let own = all.compactMap { $0.first { $0.interpreter == place } }
      var byImage: [Int: [Double]] = [:]
      for part in own {
        for (image, value) in part.perImage { byImage[image, default: []].append(value) }
      }
      return StatisticPart(
        interpreter: place, role: evidence.interpreters[place].role,
        perImage: byImage.sorted { $0.key < $1.key }.map { ($0.key, $0.value.mean) })
    }
  }
}
