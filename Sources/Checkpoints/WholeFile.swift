import Foundation

/// Writing a file whole or not at all.
enum WholeFile {
  /// Lets `fill` write a file of a temporary name in the same folder, which takes its own name when
  /// everything is on the disk. Until then a file that was there stays, and a failure removes the
  /// temporary one.
  ///
  /// - Throws: `CheckpointError` if the file cannot be written (the old one is then intact), or what
  ///   `fill` throws.
  static func replace(_ path: String, _ fill: (_ temporary: String) throws -> Void) throws {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw CheckpointError(path: path, "is no file name")
    }
    let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    var status = stat()
    if stat(target, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      throw CheckpointError(path: path, "cannot be written: there is something else of that name")
    }
    let folder = (target as NSString).deletingLastPathComponent
    guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw CheckpointError(path: path, "cannot be written: there is no folder \(folder)")
    }
    let temporary =
      folder + "/." + (target as NSString).lastPathComponent + "." + UUID().uuidString + ".partial"
    var isComplete = false
    defer { if !isComplete { unlink(temporary) } }
    do {
      try fill(temporary)
      try synchronize(temporary, path: path)
      guard rename(temporary, target) == 0 else { throw systemError(path) }
      isComplete = true
    } catch let error as CheckpointError where error.path == path {
      throw CheckpointError(
        path: path,
        problems: error.problems + [.init("was not written; what was there before is unchanged")])
    }
    try synchronize(folder, path: path)
  }

  /// What the system said about the last call.
  static func systemError(_ path: String) -> CheckpointError {
    CheckpointError(path: path, "cannot be written: \(String(cString: strerror(errno)))")
  }

  private static func synchronize(_ file: String, path: String) throws {
    let descriptor = Glibc.open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw systemError(path) }
    defer { close(descriptor) }
    // A file system without synchronization of folders answers EINVAL.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw systemError(path) }
  }
}
