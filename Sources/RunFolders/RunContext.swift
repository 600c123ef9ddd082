import Foundation
import RunSupport

/// What every run has, whatever it does: where it writes, who watches it, the wish to stop it, and when it
/// began.
package struct RunContext {
  /// `nil` for a run that writes nothing.
  package let output: RunFolder?
  /// Whether the run goes on from what is in its folder.
  package let resumes: Bool
  package let stop: StopRequest
  package let observe: (RunEvent) -> Void
  package let begin: ContinuousClock.Instant

  package init(
    _ output: RunFolder?, resumes: Bool = false, stop: StopRequest,
    begin: ContinuousClock.Instant = .now, observe: @escaping (RunEvent) -> Void
  ) {
    (self.output, self.resumes, self.stop) = (output, resumes, stop)
    (self.begin, self.observe) = (begin, observe)
  }

  /// - Precondition: the run writes.
  package var folder: RunFolder {
    guard let output else { preconditionFailure("a run without a folder") }
    return output
  }

  /// Of this process.
  package var seconds: Double {
    let time = (ContinuousClock.now - begin).components
    return Double(time.seconds) + Double(time.attoseconds) / 1e18
  }

  /// The same for a part of the run, in a folder of its own.
  package func part(_ folder: RunFolder) -> RunContext {
    RunContext(
      folder, resumes: folder.isResumable, stop: stop, begin: begin, observe: observe)
  }

  // MARK: Work

  /// Does the work of a run that cannot be resumed within itself, says what became of the folder, and
  /// lets go of it.
  package func perform<Result>(_ work: () throws -> Result) throws -> Result {
    guard let output else { return try work() }
    defer { output.release() }
    return try output.watched(observe, work)
  }

  /// Does the work of a training.
  /// - Parameter work: sets its argument when all is prepared: an error says from then on how to go on.
  package func train<Result>(
    _ work: (_ isUnderWay: inout Bool) throws -> Result
  ) throws -> Result {
    try folder.watched(observe, training: work)
  }

  /// Does an evaluation of a training's network.
  /// - Throws: as `work`; `RunStopped` says how to go on.
  package func evaluate<Result>(_ work: () throws -> Result) throws -> Result {
    do { return try work() } catch is RunStopped { throw folder.stoppedDuringEvaluation() }
  }

  // MARK: Telling

  package func note(_ text: String) { observe(.note(text)) }
  package func warn(_ text: String) { observe(.warning(text)) }
  package func saved(_ path: String) { observe(.saved(path: path)) }

  /// To be called with what is done and the whole.
  package func evaluating(_ purpose: String) -> (_ done: Int, _ total: Int) -> Void {
    { [observe] in observe(.evaluating(purpose: purpose, done: $0, total: $1)) }
  }

  /// To be called with what is done.
  package func working(on what: String, total: Int) -> (_ done: Int) -> Void {
    { [observe] in observe(.working(on: what, done: $0, total: total)) }
  }

  // MARK: Writing

  /// Writes a result whole or not at all, and says so.
  package func write(_ text: String, to path: String) throws {
    try folder.write(text, to: path)
    saved(path)
  }
}
