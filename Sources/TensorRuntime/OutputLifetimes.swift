/// Which outputs of a program can be read: those of the last run that ended, less those that a step
/// has taken. For executors to keep beside a program.
public struct OutputLifetimes: Sendable {
  private enum State { case nothingHasRun, running, there }
  private let computation: Computation
  private var state = State.nothingHasRun
  private var taken: Set<String> = []

  public init(_ computation: Computation) { self.computation = computation }

  /// Before a run changes any output.
  public mutating func begin() { state = .running }

  /// After it.
  public mutating func end() { (state, taken) = (.there, []) }

  /// After parameters were changed by the program's own gradients.
  public mutating func take() {
    if let update = computation.update { taken = Set(update.gradients.values) }
  }

  /// - Returns: the output's place among those of the graph.
  /// - Throws: `ExecutionError` if it cannot be read, saying why.
  @discardableResult
  public func check(_ output: String) throws(ExecutionError) -> Int {
    guard let index = computation.index(of: output) else {
      throw ExecutionError(
        "the program has no output \(output); it has \(computation.outputs.joined(separator: ", "))"
      )
    }
    switch state {
    case .nothingHasRun:
      throw ExecutionError("output \(output) is read before the program has run")
    case .running:
      throw ExecutionError("output \(output) is read after a run that failed")
    case .there: break
    }
    guard !taken.contains(output) else {
      throw ExecutionError("output \(output) is read after a step that took its memory")
    }
    return index
  }
}
