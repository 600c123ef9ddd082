/// A run that could not be done or go on: one sentence that says what happened and what to do.
public struct RunError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  /// - Parameter description: one sentence; line breaks in names that it quotes are escaped.
  public init(_ description: String) {
    self.description = description.replacing("\n", with: "\\u{a}")
  }
}
