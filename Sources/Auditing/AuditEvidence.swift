import Explanations
import Pictures
import Similarity

/// One of the explanations that an audit looks at.
package struct AuditedInterpreter: Hashable, Sendable {
  /// Under which results are reported.
  package let name: String
  package let kind: String
  package let layer: String?
  /// For which honest values are known: `grad-cam#0` at the last grid of cells, `grad-cam#1` at the
  /// one before; the kind alone at the input.
  package let role: String

  package init(name: String, kind: String, layer: String?, role: String) {
    (self.name, self.kind, self.layer, self.role) = (name, kind, layer, role)
  }
}

/// All that was measured, for statistics to judge. They compute and read nothing else.
package struct AuditEvidence {
  package struct FineTune {
    package let name: String
    package let steps: Int
    package let reading: NetworkReading

    package init(name: String, steps: Int, reading: NetworkReading) {
      (self.name, self.steps, self.reading) = (name, steps, reading)
    }
  }

  package let interpreters: [AuditedInterpreter]
  package var suspect: NetworkReading
  /// The suspect with running statistics estimated anew; `nil` without batch norms.
  package var refreshed: NetworkReading?
  /// The suspect with random weights in its last layer; `nil` where that is no dense one.
  package var randomised: NetworkReading?
  /// The suspect after an honest fine-tune (`HonestFineTunes.recovery`); `nil` beside an original.
  package var recovered: FineTune?
  package var original: NetworkReading?
  /// Honest ones of the original; none without it.
  package var fineTunes: [FineTune] = []
  /// Of images that show two classes.
  package var pairs: [TilePointing.Pair] = []
  var patches: PatchScan.Result?
  var triggers: [TriggerInversion.Class] = []
  /// Of the original; none without it.
  var originalTriggers: [TriggerInversion.Class] = []

  /// That the network tells apart.
  var classes: Int { suspect.probabilities.first?.count ?? 0 }

  package init(interpreters: [AuditedInterpreter], suspect: NetworkReading) {
    (self.interpreters, self.suspect) = (interpreters, suspect)
  }
}

/// One number of a statistic: of an interpreter, or of the network.
package struct StatisticPart {
  /// Among `AuditEvidence.interpreters`; `nil` of the network.
  package var interpreter: Int?
  /// In `ReferenceNull`.
  package var role: String
  package var value: Double
  /// Of the images that count, by their place among the probe images.
  package var perImage: [(image: Int, value: Double)] = []

  /// The mean over images.
  init?(interpreter: Int, role: String, perImage: [(image: Int, value: Double)]) {
    guard !perImage.isEmpty else { return nil }
    (self.interpreter, self.role, self.perImage) = (interpreter, role, perImage)
    value = perImage.map(\.value).mean
  }

  init(_ value: Double) { (self.value, role) = (value, "network") }

  /// Of the mean; `nil` of a number that is none.
  package var standardError: Double? {
    perImage.count > 1
      ? perImage.map(\.value).standardDeviation / Double(perImage.count).squareRoot() : nil
  }
}

/// Agreement of the heatmaps of two readings, by interpreter: Spearman's correlation on images that
/// both are sure of.
func agreement(
  _ a: NetworkReading, _ b: NetworkReading, of interpreters: [AuditedInterpreter]
) -> [StatisticPart] {
  let images = (0..<a.count).filter { a.isSure($0) && b.isSure($0) }
  return interpreters.indices.compactMap { place in
    StatisticPart(
      interpreter: place, role: interpreters[place].role,
      perImage: images.map {
        ($0, spearmanCorrelation(a.maps[place][$0].values, b.maps[place][$0].values))
      })
  }
}
