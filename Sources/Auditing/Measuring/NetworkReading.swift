import Networks
import Pictures
import Programs

/// What one network, in one state, says of the probe images.
package struct NetworkReading {
  /// By image.
  package var labels: [Int]
  package var predicted: [Int]
  /// Probabilities of all classes, by image.
  package var probabilities: [[Double]]
  /// Heatmaps of the labels: by interpreter, then by image, none with more than
  /// `AuditBench.longestSide` cells a side.
  package var maps: [[Heatmap]] = []
  /// By interpreter, then by image: fall of the label's probability when the most relevant cells
  /// are blanked, minus that when as many random cells are. Empty where it was not measured.
  package var deletionGains: [[Double]] = []
  /// Of some images, what blanking cells does to outputs. Empty where it was not measured.
  package var occlusion: [(image: Int, map: Heatmap)] = []
  /// Running statistics against those of the images, by batch norm.
  package var batchNorms: [BatchNormGap] = []

  package init(labels: [Int], predicted: [Int], probabilities: [[Double]], maps: [[Heatmap]] = []) {
    (self.labels, self.predicted) = (labels, predicted)
    (self.probabilities, self.maps) = (probabilities, maps)
  }

  var count: Int { labels.count }

  /// Images that the network classifies correctly and with some confidence.
  func isSure(_ image: Int) -> Bool {
    predicted[image] == labels[image] && probabilities[image][labels[image]] >= Self.confidence
  }

  /// Least probability of the label that counts as sure.
  static let confidence = 0.5

  var accuracy: Double {
    count == 0
      ? 0 : Double((0..<count).count { predicted[$0] == labels[$0] }) / Double(count)
  }

  /// How far outputs are from another reading's: mean over images of half the L1 distance of the
  /// probabilities, in [0, 1].
  func outputChange(from other: NetworkReading) -> Double {
    var sum = 0.0
    for (own, others) in zip(probabilities, other.probabilities) {
      sum += zip(own, others).reduce(0) { $0 + abs($1.0 - $1.1) } / 2
    }
    return count == 0 ? 0 : sum / Double(count)
  }
}
