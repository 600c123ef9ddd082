import Foundation

/// Writing a file whole or not at all.
public enum WholeFile {
  private static let leftoverSuffix = ".partial"

  /// Lets `fill` write a file of a temporary name in the same folder, which takes its own name when
  /// everything is on the disk. Until then a file that was there stays, and a failure removes the
  /// temporary one.
  ///
  /// - Throws: `CheckpointError` if the file cannot be written (the old one is then intact), or what
  ///   `fill` throws.
  public static func replace(_ path: String, _ fill: (_ temporary: String) throws -> Void) throws {
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
    let temporary = temporaryName(of: target)
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

  /// Writes bytes to a file whole or not at all.
  /// - Throws: as `replace`.
  public static func write(_ bytes: Data, to path: String) throws {
    try replace(path) { temporary in
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw systemError(path) }
      defer { close(descriptor) }
      try bytes.withUnsafeBytes { try write($0, to: descriptor, path) }
    }
  }

  /// All bytes, however few the system takes at a time.
  static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String
  ) throws {
    var done = 0
    while done < bytes.count {
      let written = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw systemError(path) }
      done += written
    }
  }

  /// Removes a folder and what is in it: to whoever looks it is there whole, or not at all.
  public static func removeFolder(_ path: String) {
    let temporary = temporaryName(of: path)
    guard rename(path, temporary) == 0 else { return }
    try? FileManager.default.removeItem(atPath: temporary)
  }

  /// A name in the same folder that `removeLeftovers` knows.
  private static func temporaryName(of path: String) -> String {
    let name = path as NSString
    return (name.deletingLastPathComponent as NSString).appendingPathComponent(
      ".\(name.lastPathComponent).\(UUID().uuidString)\(leftoverSuffix)")
  }

  /// Removes the temporary files and folders that a killed process has left in a folder. Only for
  /// folders in which nobody else writes.
  public static func removeLeftovers(in folder: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where name.hasPrefix(".") && name.hasSuffix(leftoverSuffix) {
      // `.<name>.<36 characters>.partial`
      let middle = name.dropLast(leftoverSuffix.count).suffix(36)
      if UUID(uuidString: String(middle)) != nil {
        try? FileManager.default.removeItem(atPath: folder + "/" + name)
      }
    }
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
