import Foundation
import TensorFiles

/// An output folder and those around it, as far as they were made for what is written there. Those in which
/// nothing was written are removed in the end: a command that refuses its work leaves nothing behind.
package final class MadeFolders: @unchecked Sendable {
  /// The outermost first.
  private let paths: [String]

  /// Makes a folder and those around it; nothing happens if it is there.
  /// - Throws: `RunError` with the system's reason.
  package init(_ path: String) throws {
    var made: [String] = []
    func makeOne(_ path: String) -> Int32 {
      guard mkdir(path, 0o777) == 0 else { return errno }
      made.append(path)
      return 0
    }
    func make(_ path: String) -> Int32 {
      let reason = makeOne(path)
      var status = stat()
      if reason == EEXIST, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return 0 }
      guard reason == ENOENT, !path.parentPath.isEmpty, path.parentPath != path else {
        return reason
      }
      let around = path.parentPath
      let failure = make(around)
      return failure != 0 ? failure : makeOne(path)
    }
    let reason = make(path)
    paths = made
    guard reason == 0 else {
      removeEmpty()
      throw RunError(
        "\(path): the output folder cannot be made: \(String(cString: strerror(reason)))")
    }
  }

  /// A folder with something in it stays, and with it those around it.
  package func removeEmpty() {
    for path in paths.reversed() { guard rmdir(path) == 0 else { return } }
  }

  deinit { removeEmpty() }
}
