import ArgumentParser
import Foundation
import Manipulation

/// How a command ends when something is wrong.
enum Failure {
  /// Prints `trompe: ` and the error's sentences to stderr, and exits with its code.
  static func exit(_ error: any Error) -> Never {
    // Help, versions and wrong arguments are the parser's to report; it calls all else a failure.
    if TrompeCommand.exitCode(for: error) != .failure { exitParsing(error) }
    switch error {
    case is RunStopped:
      Terminal.writeError(sentence(text(of: error), styled: .plain))
      Foundation.exit(128 + (StopSignals.received ?? SIGINT))
    case is Terminal.ClosedPipe: Foundation.exit(0)
    default:
      if let text = StartedProcesses.said(text(of: error)) {
        Terminal.writeError(sentence(text, styled: .error))
      }
      Foundation.exit(1)
    }
  }

  /// Help and versions go to stdout, what is wrong with the arguments to stderr.
  static func exitParsing(_ error: any Error) -> Never {
    let code = TrompeCommand.exitCode(for: error)
    let text = TrompeCommand.fullMessage(for: error)
    if code.isSuccess {
      do {
        try Terminal.write(text.isEmpty ? "" : text + "\n", isOurs: true)
      } catch is Terminal.ClosedPipe {
      } catch { exit(error) }
    } else if !text.isEmpty, let text = StartedProcesses.said(text) {
      Terminal.writeError(text + "\n")
    }
    Foundation.exit(code.rawValue)
  }

  private static func sentence(_ text: String, styled style: Terminal.Style) -> String {
    text.split(separator: "\n")
      .map { Terminal.error.styled("trompe:", style) + " \($0)\n" }.joined()
  }

  /// Our errors describe themselves; the system's have a description for people beside that.
  private static func text(of error: any Error) -> String {
    switch error {
    case let error as CocoaError: error.localizedDescription
    case let error as POSIXError: String(cString: strerror(error.code.rawValue))
    case let error as any CustomStringConvertible: error.description
    default: error.localizedDescription
    }
  }
}
