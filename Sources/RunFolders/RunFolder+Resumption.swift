import Checkpoints
import Foundation
import Recipes
import RunSupport

/// Going on after an end: what is said then, and what a run that goes on must have in common with
/// the one that began.
extension RunFolder {
  /// Whether there is a state to go on from.
  package var isResumable: Bool { !states.all.isEmpty }

  /// Lets others write in the folder.
  package func release() { lock?.release() }

  /// Does the work of a run that cannot be resumed, and says what became of the folder.
  package func watched<Result>(_ observe: (RunEvent) -> Void, _ work: () throws -> Result) throws
    -> Result
  {
    do {
      let result = try work()
      tellWhetherMoved(observe)
      return result
    } catch {
      guard held?.isRemoved != true else { throw ended(by: error) }
      tellWhetherMoved(observe)
      throw error
    }
  }

  /// Does the work of a run that can be resumed, says what became of the folder, and lets go of it.
  /// - Parameter work: sets its argument when all is prepared: an error says from then on how to go on.
  package func watched<Result>(
    _ observe: (RunEvent) -> Void, training work: (_ isUnderWay: inout Bool) throws -> Result
  ) throws -> Result {
    defer { release() }
    var isUnderWay = false
    do {
      let result = try work(&isUnderWay)
      tellWhetherMoved(observe)
      return result
    } catch {
      tellWhetherMoved(observe)
      throw isUnderWay ? ended(by: error) : error
    }
  }

  /// Says where the folder is, if it is not where it was named.
  package func tellWhetherMoved(_ observe: (RunEvent) -> Void) {
    guard let held, !held.isRemoved, !held.isWhereItWas else { return }
    observe(.warning("\(path) was moved while it was in use: its files are in \(held.presentPath)"))
  }

  package var howToResume: String {
    "go on with the same command and --resume --output \((whole ?? held)?.presentPath ?? path)"
  }

  /// What a run that was stopped during an evaluation says.
  package func stoppedDuringEvaluation() -> RunStopped {
    isResumable
      ? RunStopped("stopped during evaluation; \(howToResume)")
      : RunStopped("stopped before the first step; there is nothing to resume")
  }

  /// An error that ended the run, with what can be done about it.
  package func ended(by error: any Error) -> any Error {
    if error is RunStopped { return error }
    if held?.isRemoved == true {
      return RunError(
        "\(path) was deleted while the run was writing to it, so what it had written is lost; start "
          + "again")
    }
    let text =
      switch error {
      case let error as CheckpointError: "\(error.path): \(error.problems[0].text)"
      case let error as CocoaError: describe(error)
      default: "\(error)"
      }
    guard let state = states.all.first else { return RunError(text) }
    return RunError(
      error is DivergenceError
        ? "\(text); the state after step \(state.step) is kept in \(state.path)"
        : "\(text); the state after step \(state.step) is kept, \(howToResume)")
  }

  /// - Throws: `RunError` if the run that began here had another recipe, or a network that lies here
  ///   is not of it.
  package func checkRecipe(_ text: String) throws {
    try checkExport(of: text)
    guard let data = try contents(of: recipe) else { return }
    let begun = RecipeRenaming.present(String(decoding: data, as: UTF8.self))
    guard begun != text else { return }
    throw RunError(
      "\(path) was begun with another recipe: \(recipe) says \(Self.difference(begun, text)); resume "
        + "with the recipe and settings it was started with")
  }

  /// What a state is saved with that another recipe has begun.
  package func isOfAnotherRecipe(_ state: String, begun: String, present: String) -> RunError {
    RunError(
      "\(state) was saved by another recipe, which says \(Self.difference(begun, present)); put that "
        + "back\((try? contents(of: recipe)) == Data(present.utf8) ? " into \(recipe)" : ""), or start "
        + "again in another --output")
  }

  /// The first lines in which two recipes differ: `"steps: 100", this one "steps: 200"`.
  private static func difference(_ begun: String, _ present: String) -> String {
    func lines(_ text: String) -> [Substring] {
      text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    }
    func shown(_ line: Substring?) -> String {
      guard let line else { return "nothing" }
      let text = line.drop { $0 == " " }
      return "\"\(printable(text.count > 60 ? text.prefix(60) + "…" : String(text)))\""
    }
    let (a, b) = (lines(begun), lines(present))
    let place = zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count)
    return shown(a.indices.contains(place) ? a[place] : nil) + " where this one says "
      + shown(b.indices.contains(place) ? b[place] : nil)
  }

  /// Compares what is read with what a run that goes on was begun with.
  /// - Parameters:
  ///   - file: which says what that was.
  ///   - list: the images of it.
  ///   - what: is resumed, with its verb.
  /// - Returns: whether `file` is there.
  /// - Throws: `RunError` for the first difference.
  package func hasBegun(
    with record: InputRecord, as file: String, listed list: String, what: String
  ) throws -> Bool {
    guard let data = try contents(of: file) else { return false }
    guard let begun = try? JSONDecoder().decode(InputRecord.self, from: data) else {
      throw RunError(
        "\(file) does not say what \(what) begun with; start again in another --output")
    }
    let listing = try? contents(of: list, atMost: Self.largestLog)
    if let difference = record.difference(from: begun, listing: listing) {
      throw RunError("\(difference); put it back, or start again in another --output")
    }
    return true
  }

  /// Writes the recipe, unless it is there.
  package func writeRecipe(_ text: String) throws {
    guard try contents(of: recipe) != Data(text.utf8) else { return }
    try write(text, to: recipe)
  }
}

/// A run whose numbers stopped being finite: to go on from what was saved would end the same way.
package struct DivergenceError: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
