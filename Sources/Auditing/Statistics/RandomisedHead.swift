import Similarity

extension AuditStatistic {
  /// Do heatmaps change when the last layer is given random weights?
  ///
  /// By interpreter, the mean over images of Spearman's ρ of the heatmaps before and after: the first
  /// step of model parameter randomisation (Adebayo et al. 2018). A map that does not change is about
  /// no class.
  static let randomisedHead = AuditStatistic(
    "randomised-layer", title: "Heatmaps under a random last layer",
    question: "Do heatmaps change when the last layer is given random weights?", tail: .high,
    scale: .fisher, yieldsToRecovery: true, fewestClasses: 3
  ) { evidence in
    guard let randomised = evidence.randomised else { return [] }
    let reading = evidence.suspect
    let images = (0..<reading.count).filter(reading.isSure)
    return evidence.interpreters.indices.compactMap { place in
      StatisticPart(
        interpreter: place, role: evidence.interpreters[place].role,
        perImage: images.map {
          (
            $0,
            spearmanCorrelation(
              reading.maps[place][$0].values, randomised.maps[place][$0].values)
          )
        })
    }
  }
}
