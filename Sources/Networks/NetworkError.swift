/// A network that cannot be built as asked: the text names the layer or key, what was found, what
/// was expected, and the way out.
public struct NetworkError: Error, Hashable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
