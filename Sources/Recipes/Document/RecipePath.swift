import Checkpoints
import Foundation

/// Paths in recipes: relative to the recipe's own folder, absolute once read.
enum RecipePath {
  static var currentFolder: String { FileManager.default.currentDirectoryPath }

  /// The absolute folder of a file, free of symbolic links, so that `..` means its true parent.
  package static func folder(of path: String) -> String {
    let absolute = absolute(path, in: currentFolder)
    let folder = absolute.parentPath
    return URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
  }

  /// `path` itself if it is absolute, else counted from `folder`. Only leading `.` and `..` are
  /// resolved: what a later one means depends on symbolic links.
  package static func absolute(_ path: String, in folder: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    var base = folder.split(separator: "/")
    var rest = path.split(separator: "/")[...]
    while let first = rest.first, first == "." || first == ".." {
      if first == ".." { _ = base.popLast() }
      rest.removeFirst()
    }
    return "/" + (base + rest).joined(separator: "/")
  }
}
