import Foundation

/// Writing a file whole or not at all.
public enum WholeFile {
  private static let leftoverSuffix = ".partial"

  /// A file that grows under a temporary name.
  struct Temporary {
    let folder: OpenFolder
    let name: String
    /// Of the file that it becomes, for messages.
    let path: String

    /// Makes the file.
    /// - Returns: its descriptor, for writing.
    func create() throws -> Int32 {
      let descriptor = openat(
        folder.descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
      guard descriptor >= 0 else { throw folder.failure(name, errno, shown: path) }
      return descriptor
    }

    /// For libraries that open files by paths: one that leads into the folder wherever that was
    /// moved. Without /proc it is that of the folder, and a folder that was moved is noticed when the
    /// file is not found in it.
    var pathForLibraries: String {
      let around = "/proc/self/fd/\(folder.descriptor)"
      return (OpenFolder.Identity(ofPath: around) == folder.identity ? around : folder.path)
        + "/" + name
    }
  }

  /// Lets `fill` write a file of a temporary name in the same folder, which takes its own name when
  /// everything is on the disk. Until then a file that was there stays, and a failure removes the
  /// temporary one.
  ///
  /// - Throws: `CheckpointError` if the file cannot be written (the old one is then intact), or what
  ///   `fill` throws.
  static func replace(_ target: FileTarget, _ fill: (Temporary) throws -> Void) throws {
    let (folder, name, path) = (target.folder, target.name, target.path)
    switch folder.kind(of: name) {
    case nil, .file: break
    case .link: throw CheckpointError(path: path, OpenFolder.linkProblem)
    case .folder, .other:
      throw CheckpointError(path: path, "cannot be written: there is something else of that name")
    }
    let temporary = Temporary(folder: folder, name: temporaryName(of: name), path: path)
    var isComplete = false
    defer { if !isComplete { unlinkat(folder.descriptor, temporary.name, 0) } }
    do {
      try fill(temporary)
      let descriptor = openat(
        folder.descriptor, temporary.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
      guard descriptor >= 0 else {
        let reason = errno
        unlink(temporary.pathForLibraries)
        throw folder.isRemoved || folder.isWhereItWas
          ? folder.failure(name, reason, shown: path)
          : CheckpointError(
            path: path,
            "cannot be written: its folder was moved, and there is no /proc to follow it")
      }
      defer { close(descriptor) }
      try synchronize(descriptor, path: path)
      guard renameat(folder.descriptor, temporary.name, folder.descriptor, name) == 0 else {
        throw folder.failure(name, errno, shown: path)
      }
      isComplete = true
    } catch let error as CheckpointError where error.path == path {
      throw CheckpointError(
        path: path,
        problems: error.problems + [.init("was not written; what was there before is unchanged")])
    }
    try synchronize(folder.descriptor, path: path)
  }

  /// Writes bytes to a file whole or not at all.
  /// - Throws: as `replace`.
  public static func write(_ bytes: Data, to target: FileTarget) throws {
    try replace(target) { temporary in
      let descriptor = try temporary.create()
      defer { close(descriptor) }
      try bytes.withUnsafeBytes { try write($0, to: descriptor, target.path) }
    }
  }

  /// Writes bytes to a file of any path.
  public static func write(_ bytes: Data, to path: String) throws {
    try write(bytes, to: FileTarget(path))
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

  /// A name that `isTemporary` knows.
  static func temporaryName(of name: String) -> String {
    ".\(name).\(UUID().uuidString)\(leftoverSuffix)"
  }

  /// `.<name>.<36 characters>.partial`
  static func isTemporary(_ name: String) -> Bool {
    name.hasPrefix(".") && name.hasSuffix(leftoverSuffix)
      && UUID(uuidString: String(name.dropLast(leftoverSuffix.count).suffix(36))) != nil
  }

  /// What the system said about the last call.
  static func systemError(_ path: String) -> CheckpointError {
    CheckpointError(path: path, "cannot be written: \(String(cString: strerror(errno)))")
  }

  private static func synchronize(_ descriptor: Int32, path: String) throws {
    // A file system without synchronization of folders answers EINVAL.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw systemError(path) }
  }
}
