import RunFolders

/// Tells how far an audit is, and about how long it still takes.
final class AuditProgress {
  private let context: RunContext
  private var what = ""
  private var done = 0.0
  private var parts = 0.0
  private let total: Double
  private let begin = ContinuousClock.now

  /// Parts are about as long as a reading of all heatmaps.
  init(_ context: RunContext, bench: AuditBench, hasOriginal: Bool) {
    self.context = context
    total =
      11 + (bench.batchNorms == nil ? 0 : 2) + 1
      + (hasOriginal ? 1 + Double(2 * HonestFineTunes.settings.count) + 4 : 8) + 4
  }

  func begin(_ what: String, parts: Double) {
    (done, self.what, self.parts) = (done + self.parts, what, parts)
    reach(0)
  }

  /// - Parameter share: of the present work.
  func reach(_ share: Double) {
    let share = min(1, (done + share * parts) / total)
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    let left =
      share > 0.02 ? ", about \(Int((seconds / share * (1 - share)).rounded())) s left" : ""
    context.observe(.working(on: "audit, \(what)\(left)", done: Int(share * 100), total: 100))
  }

  func finish() {
    context.observe(.working(on: "audit", done: 100, total: 100))
  }
}
