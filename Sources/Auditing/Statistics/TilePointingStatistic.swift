extension AuditStatistic {
  /// Do explanations of two classes lie on their own classes in images that show both?
  ///
  /// By interpreter, the least of all pairs of classes' means over images of tiles (`TilePointing`). Its
  /// p-value needs no other network: Student's, of a mean of at least −0.15, times the number of pairs.
  /// Explanations that tell classes apart badly have means around 0; the least of 26 honest networks was −0.07.
  static let tilePointing = AuditStatistic(
    "tile-pointing", title: "Explanations of two classes in one image",
    question: "In images that show two classes, does the explanation of each lie on its own?",
    tail: .low, scale: .plain, countsBesideOriginal: true,
    ownPValue: { part, evidence in
      pValue(ofReversal: part, among: evidence.pairs.count)
    },
    measure: measurePointing)

  private static func measurePointing(_ evidence: AuditEvidence) -> [StatisticPart] {
    evidence.interpreters.indices.compactMap { place in
      guard let worst = TilePointing.worst(of: evidence.pairs, place) else { return nil }
      // Under an image of each class by turns, so that they are found as the affected ones.
      return StatisticPart(
        interpreter: place, role: evidence.interpreters[place].role,
        perImage: worst.values[place].enumerated().map {
          ($0 % 2 == 0 ? worst.images.0 : worst.images.1, $1)
        })
    }
  }

  private static let leastHonestPointing = -0.15
  /// Means over few images are not surer than that.
  private static let leastPointingError = 0.01

  private static func pValue(ofReversal part: StatisticPart, among pairs: Int) -> Double {
    guard let error = part.standardError else { return 1 }
    let t = (part.value - leastHonestPointing) / max(error, leastPointingError)
    return min(
      1, Double(pairs) * Significance.student(t, degrees: Double(part.perImage.count - 1)))
  }
}
