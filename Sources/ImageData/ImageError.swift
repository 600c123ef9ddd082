/// What is wrong with one image file, or with one image on its way into a batch.
public struct ImageError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file's path, or the sample's name where there is no file.
  public let path: String
  /// One clause: what is wrong and, where there is one, the remedy.
  public let reason: String

  public init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  /// One line, whatever a file is called.
  public var description: String { "\(path): \(reason)".replacing("\n", with: "\\u{a}") }
}
