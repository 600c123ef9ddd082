import Foundation
import Manipulation

/// Where text goes, and what can be shown there.
struct Terminal: Sendable {
  enum Style: String {
    case plain = ""
    case bold = "1"
    case dim = "2"
    case warning = "33"
    case error = "1;31"
  }

  /// The reader of stdout has gone: nothing is left to be said to it.
  struct ClosedPipe: Error {}

  let descriptor: Int32
  /// Whether people watch: lines may be redrawn.
  let isInteractive: Bool
  let hasColor: Bool

  private init(_ descriptor: Int32) {
    self.descriptor = descriptor
    let environment = ProcessInfo.processInfo.environment
    isInteractive = isatty(descriptor) == 1 && environment["TERM"] != "dumb"
    // https://no-color.org
    hasColor = isInteractive && (environment["NO_COLOR"] ?? "").isEmpty
  }

  static let error = Terminal(STDERR_FILENO)
  static let output = Terminal(STDOUT_FILENO)

  func styled(_ text: String, _ style: Style) -> String {
    hasColor && style != .plain ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// Characters in a line.
  var width: Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Writes results to stdout.
  /// - Throws: `ClosedPipe`, or why it cannot be written: a result that is lost is a failure.
  static func write(_ text: String) throws {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    } catch {
      let reason = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError
      guard reason.domain == NSPOSIXErrorDomain else { throw error }
      if reason.code == Int(EPIPE) { throw ClosedPipe() }
      throw RunError(
        "the result cannot be written to stdout: \(String(cString: strerror(Int32(reason.code))))")
    }
  }

  /// Writes to stderr. What cannot be said there cannot be said anywhere.
  static func writeError(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
  }
}
