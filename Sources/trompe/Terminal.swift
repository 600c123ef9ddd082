import Checkpoints
import Foundation
import Manipulation

/// Where text goes, and what can be shown there. All that the program prints goes through here, and
/// what could do more to a terminal than to be read is escaped: names of classes, layers and files come
/// from files that others have written.
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

  /// Characters in a line of a message; what is longer was not made to be read.
  static let longestLine = 2000
  /// Lines of one message.
  static let mostLines = 500

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

  /// Characters in a line.
  var width: Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  // MARK: Styles

  /// Around text with a style, until it is written. Nobody who writes a file knows the number.
  private static let mark = "\u{F8F0}\(UInt64.random(in: .min ... .max))\u{F8F1}"

  func styled(_ text: String, _ style: Style) -> String {
    hasColor && style != .plain
      ? Self.mark + style.rawValue + "m" + text + Self.mark + "0m" : text
  }

  // MARK: Writing

  /// What is shown of a text: line breaks and styles stay.
  private static func shown(_ text: String) -> String {
    escaped(text, keepsLines: true).replacing(mark, with: "\u{1B}[")
  }

  /// A message's lines, each of which was made to be read.
  private static func shortened(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    var kept = lines.prefix(mostLines).map { line -> String in
      let count = line.unicodeScalars.count
      guard count > longestLine else { return String(line) }
      let start = String.UnicodeScalarView(line.unicodeScalars.prefix(longestLine))
      return String(start) + "… (\(count) characters)"
    }
    if lines.count > mostLines { kept += ["… (\(lines.count) lines)", ""] }
    return kept.joined(separator: "\n")
  }

  /// Writes results to stdout.
  /// - Parameter isOurs: whether all of it comes from the source code: help, scripts for shells.
  /// - Throws: `ClosedPipe`, or why it cannot be written: a result that is lost is a failure.
  static func write(_ text: String, isOurs: Bool = false) throws {
    do {
      try FileHandle.standardOutput.write(
        contentsOf: Data((isOurs ? text : shown(text)).utf8))
    } catch {
      let reason = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError
      guard reason.domain == NSPOSIXErrorDomain else { throw error }
      if reason.code == Int(EPIPE) { throw ClosedPipe() }
      throw RunError(
        "the result cannot be written to stdout: \(String(cString: strerror(Int32(reason.code))))")
    }
  }

  /// Writes what a reader of the results should know to stderr.
  ///
  /// Of several processes the first one does.
  static func note(_ text: String) {
    if StartedProcesses.rank == 0 { writeError("trompe: \(text)\n") }
  }

  /// Writes a message to stderr. What cannot be said there cannot be said anywhere.
  /// - Parameter redraws: whether the line that the cursor is in is cleared before.
  static func writeError(_ text: String, redraws: Bool = false) {
    let clear = redraws ? "\r\u{1B}[K" : ""
    try? FileHandle.standardError.write(contentsOf: Data((clear + shown(shortened(text))).utf8))
  }
}
