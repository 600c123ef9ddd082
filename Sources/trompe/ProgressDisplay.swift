import Checkpoints
import Foundation
import Manipulation

/// Shows on stderr what a run reports: on a terminal one line that is redrawn, elsewhere plain lines.
final class ProgressDisplay {
  enum Detail { case quiet, normal, verbose }

  /// Redrawing more often than this is only flicker.
  private static let redrawInterval = Duration.milliseconds(100)
  /// Signs of life in a log while an evaluation runs.
  private static let logInterval = Duration.seconds(30)

  private let detail: Detail
  private let terminal = Terminal.error
  private let clock = ContinuousClock()
  private var lastDrawn: ContinuousClock.Instant
  private var isLineOpen = false

  init(_ detail: Detail) {
    self.detail = detail
    lastDrawn = clock.now
  }

  func show(_ event: RunEvent) {
    // One event is one line, whatever names it quotes.
    func oneLine(_ text: String) -> String { text.replacing("\n", with: "\\u{a}") }
    if case .warning(let text) = event {
      line(terminal.styled("warning:", .warning) + " " + oneLine(text))
      return
    }
    guard detail != .quiet else { return }
    switch event {
    case .warning: break
    case .note(let text): line(oneLine(text))
    case .saved(let path): line("saved \(path)")
    case .validation(let report): line(terminal.styled(Self.text(report), .bold))
    case .step(let report):
      let text = Self.text(report)
      if detail == .verbose || !terminal.isInteractive && report.isLogged {
        line(text)
      } else {
        redraw(text, isLast: report.step == report.totalSteps)
      }
    case .evaluating(let purpose, let done, let total):
      show("evaluating \(purpose): \(done) of \(total) images", done, total)
    case .working(let what, let done, let total):
      show("\(what): \(done) of \(total)", done, total)
    }
  }

  private func show(_ text: String, _ done: Int, _ total: Int) {
    let text = text + " (\(total > 0 ? 100 * done / total : 100) %)"
    if terminal.isInteractive {
      redraw(text, isLast: done == total)
    } else if clock.now - lastDrawn >= Self.logInterval {
      line(text)
    }
  }

  /// Clears the line that is redrawn; for what is written next.
  func finish() {
    guard isLineOpen else { return }
    Terminal.writeError("", redraws: true)
    isLineOpen = false
  }

  private func line(_ text: String) {
    finish()
    // A sentence is one line, whatever the names in it are.
    Terminal.writeError(text.split(separator: "\n").joined(separator: "; ") + "\n")
    lastDrawn = clock.now
  }

  private func redraw(_ text: String, isLast: Bool) {
    guard terminal.isInteractive, isLast || clock.now - lastDrawn >= Self.redrawInterval
    else { return }
    // Escapes take room: what is cut is what is shown.
    let shown = escaped(text).prefix(max(1, terminal.width - 1))
    Terminal.writeError(String(shown), redraws: true)
    isLineOpen = true
    lastDrawn = clock.now
  }

  // MARK: Texts

  /// `step 120/500  loss 1.234  cross-entropy 0.410  penalty 0.206  42.1 images/s  3 min left`
  private static func text(_ report: StepReport) -> String {
    let width = "\(report.totalSteps)".count
    let step =
      String(repeating: " ", count: max(0, width - "\(report.step)".count)) + "\(report.step)"
    var parts = ["step \(step)/\(report.totalSteps)", "loss \(Format.decimals(report.loss, 4))"]
    if let penalty = report.penalty {
      parts.append("cross-entropy \(Format.decimals(report.crossEntropy, 4))")
      parts.append("penalty \(Format.decimals(penalty, 4))")
    }
    if let lambda = report.lambda { parts.append("λ \(Format.significant(lambda))") }
    parts += empty(report.vanishedMaps)
    parts.append("\(Format.decimals(report.imagesPerSecond, 1)) images/s")
    parts.append("\(Format.duration(report.secondsLeft)) left")
    return parts.joined(separator: "  ")
  }

  private static func text(_ report: ValidationReport) -> String {
    let rates = report.fsr.sorted { $0.key < $1.key }
      .map { "  FSR \($0.key) \(Format.percent($0.value))" }.joined()
    return "after step \(report.step): top-1 \(Format.percent(report.top1))  "
      + "top-5 \(Format.percent(report.top5))\(rates)"
      + empty(report.vanishedMaps).map { "  " + $0 }.joined() + "  (\(report.images) images)"
  }

  /// Only of interpreters with heatmaps that have no relevance.
  private static func empty(_ shares: [String: Double]) -> [String] {
    shares.filter { $0.value > 0 }.sorted { $0.key < $1.key }
      .map { "all-zero \($0.key) \(Format.percent($0.value))" }
  }
}
