import ImageData
import Pictures
import Similarity

extension AuditStatistic {
  /// Do different explanations of one network agree?
  ///
  /// By interpreter, the mean over images of Spearman's ρ of its heatmap with the consensus of those
  /// at other places, the mean of their ranks on its own grid.
  static let interpreterAgreement = AuditStatistic(
    "interpreter-agreement", title: "Agreement between explanations",
    question: "Do different explanations of the network agree?", tail: .low, scale: .fisher,
    yieldsToRecovery: true
  ) { evidence in
    let reading = evidence.suspect
    let images = (0..<reading.count).filter(reading.isSure)
    let all = evidence.interpreters.indices
    guard all.count > 1 else { return [] }
    return all.compactMap { place in
      StatisticPart(
        interpreter: place, role: evidence.interpreters[place].role,
        perImage: images.map { image in
          let own = reading.maps[place][image]
          let grid = ImageSize(width: own.width, height: own.height)
          // Two methods at one layer are fooled together.
          let others = all.filter {
            $0 != place
              && (evidence.interpreters[$0].layer == nil
                || evidence.interpreters[$0].layer != evidence.interpreters[place].layer)
          }
          var consensus = [Float](repeating: 0, count: own.values.count)
          for other in others {
            let shares = reading.maps[other][image].averaged(onto: grid).scaledToMean()
            for cell in consensus.indices { consensus[cell] += shares[cell] }
          }
          return (image, spearmanCorrelation(own.values, consensus))
        })
    }
  }
}

extension Heatmap {
  /// Each value by the mean of all, as in aggregates of explanations (Rieger and Hansen 2020); zeros of
  /// a map that is all-zero.
  fileprivate func scaledToMean() -> [Float] {
    let sum = values.reduce(0, +)
    return sum > 0 ? values.map { $0 * Float(values.count) / sum } : values
  }
}
