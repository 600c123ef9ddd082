/// 100·(before − after), percentage points; rounded to 1e-9, so that a loss of ten images of 1,000 is one
/// point and not 1.0000000000000009.
package func drop(from before: Double, to after: Double) -> Double {
  let steps = 1e9
  return (100 * (before - after) * steps).rounded() / steps
}

extension EvaluationResult {
  /// Standard error of a drop of top-1 accuracy, measured on n images by both networks:
  /// √((c/n − d²)/n), c the number of images that one of them alone classifies rightly, d the drop.
  ///
  /// The variance of the mean of n differences that are −1, 0 or 1.
  /// - Parameters:
  ///   - after: another network's result, on a part of the images.
  ///   - positions: where the images of that part stand in the whole.
  /// - Returns: a share, as accuracies are; 0 without images.
  package func standardError(ofDropTo after: EvaluationResult, at positions: [Int]) -> Double {
    let before = Dictionary(
      predictions.map { ($0.position, $0.isCorrect) }, uniquingKeysWith: { first, _ in first })
    let differences = after.predictions.compactMap { prediction in
      before[positions[prediction.position]].map {
        ($0 ? 1.0 : 0) - (prediction.isCorrect ? 1 : 0)
      }
    }
    guard !differences.isEmpty else { return 0 }
    let count = Double(differences.count)
    let drop = differences.reduce(0, +) / count
    let changed = Double(differences.count { $0 != 0 })
    return (max(0, changed / count - drop * drop) / count).squareRoot()
  }
}
