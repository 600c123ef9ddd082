/// A program that cannot be compiled or run. The text names the operation, parameter or input, what
/// was found and what was expected.
public struct ExecutionError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
