import Pictures

/// 1 − ⟨a, b⟩ / (‖a‖·‖b‖): 0 for maps that are multiples of each other, 1 for maps that share no
/// pixel. 1 if either is 0 everywhere, where it is not defined.
public struct CosineDistance: SimilarityMeasure {
  public var name: String { "cosineDistance" }
  public var title: String { "cosine d." }
  public var growsWithLikeness: Bool { false }
  public init() {}

  public func callAsFunction(_ a: Heatmap, _ b: Heatmap) -> Double {
    checkSizes(a, b)
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a.values, b.values) {
      ab += Double(x) * Double(y)
      aa += Double(x) * Double(x)
      bb += Double(y) * Double(y)
    }
    return aa > 0 && bb > 0 ? 1 - ab / (aa.squareRoot() * bb.squareRoot()) : 1
  }
}
