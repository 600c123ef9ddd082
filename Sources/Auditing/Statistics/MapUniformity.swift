import Similarity

extension AuditStatistic {
  /// Are heatmaps of different images alike?
  ///
  /// By interpreter, the mean of Spearman's ρ of each image's heatmap with that of the next image of
  /// another class. Maps that were all moved to one place are alike, whatever images show.
  static let mapUniformity = AuditStatistic(
    "map-uniformity", title: "Likeness of different images' heatmaps",
    question: "Are heatmaps of images of different classes alike?", tail: .high, scale: .fisher,
    yieldsToRecovery: true
  ) { evidence in
    let reading = evidence.suspect
    let images = (0..<reading.count).filter(reading.isSure)
    let pairs = images.indices.compactMap { place -> (Int, Int)? in
      let image = images[place]
      // Far apart, since neighbours may show one class.
      let others = images.indices.map { images[(place + images.count / 2 + $0) % images.count] }
      return others.first { reading.labels[$0] != reading.labels[image] }.map { (image, $0) }
    }
    return evidence.interpreters.indices.compactMap { place in
      StatisticPart(
        interpreter: place, role: evidence.interpreters[place].role,
        perImage: pairs.map { image, other in
          (
            image,
            spearmanCorrelation(
              reading.maps[place][image].values, reading.maps[place][other].values)
          )
        })
    }
  }
}
