import ImageData
import Pictures
import Similarity

extension AuditStatistic {
  /// Do heatmaps show what outputs depend on?
  ///
  /// By interpreter, the mean over images of Spearman's ρ of its heatmap with that of occlusion (Zeiler,
  /// Fergus 2014), which needs outputs alone: whoever wants to keep accuracy cannot make it lie.
  static let occlusionAgreement = AuditStatistic(
    "occlusion-agreement", title: "Agreement with occlusion",
    question: "Do heatmaps show the cells whose blanking makes the label less probable?",
    tail: .low, scale: .fisher, yieldsToRecovery: true
  ) { evidence in
    let reading = evidence.suspect
    return evidence.interpreters.indices.compactMap { place in
      StatisticPart(
        interpreter: place, role: evidence.interpreters[place].role,
        perImage: reading.occlusion.map { image, occlusion in
          let own = reading.maps[place][image].averaged(
            onto: ImageSize(width: occlusion.width, height: occlusion.height))
          return (image, spearmanCorrelation(own.values, occlusion.values))
        })
    }
  }
}
