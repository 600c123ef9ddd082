/// A run that ended because it was asked to; the text says how to go on.
public struct RunStopped: Error, CustomStringConvertible {
  public let description: String
  package init(_ description: String) { self.description = description }
}
