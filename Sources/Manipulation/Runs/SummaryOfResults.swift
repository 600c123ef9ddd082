import Foundation

extension Summary {
  /// What follows from two evaluations; what only a run knows is left at zero.
  init(
    original: EvaluationResult, manipulated: EvaluationResult, fooling: any Fooling,
    interpreter: String, seconds: Double
  ) {
    func drop(_ value: KeyPath<EvaluationResult, Double>) -> Double {
      100 * (original[keyPath: value] - manipulated[keyPath: value])
    }
    self.init(
      accuracy: Accuracies(
        original: Accuracy(top1: original.top1, top5: original.top5),
        manipulated: Accuracy(top1: manipulated.top1, top5: manipulated.top5),
        drop: Accuracy(top1: drop(\.top1), top5: drop(\.top5))),
      fsr: manipulated.fsr(fooling.successRange), fsrOriginal: original.fsr(fooling.successRange),
      vanishedMaps: Dictionary(
        uniqueKeysWithValues: manipulated.vanishedMaps.map { name, share in
          (name, VanishedMaps(original: original.vanishedMaps[name] ?? 0, manipulated: share))
        }),
      fooling: fooling.name, interpreter: interpreter, validationImages: manipulated.images,
      skippedImages: manipulated.skipped.count, steps: 0, seconds: seconds, imagesPerSecond: 0,
      peakMemoryBytes: largestResidentBytes(), seed: 0, toolVersion: Trompe.version)
  }
}

/// Largest resident size of this process so far.
public func largestResidentBytes() -> Int {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return Int(usage.ru_maxrss) * 1024  // Linux counts in KiB
}

extension Duration {
  public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
