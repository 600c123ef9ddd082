import Foundation

/// A folder that is held open. Files go into it wherever it is moved meanwhile, and never through a
/// symbolic link that lies in it.
///
/// Names may have parts between slashes; each folder on the way is opened in the one before.
public final class OpenFolder: Sendable {
  /// As it was named, for messages.
  public let path: String
  let descriptor: Int32

  /// Opens a folder that is there. The path itself may lead through links: who named it chose them.
  /// - Throws: `CheckpointError` with the system's reason.
  public init(_ path: String) throws {
    let descriptor =
      path.utf8.contains(0)
      ? -1 : Glibc.open(path.isEmpty ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CheckpointError(path: path, "cannot be opened: \(String(cString: strerror(errno)))")
    }
    (self.path, self.descriptor) = (path, descriptor)
  }

  private init(path: String, descriptor: Int32) {
    (self.path, self.descriptor) = (path, descriptor)
  }

  deinit { close(descriptor) }

  // MARK: What is there

  /// What tells one file from all others, whatever names lead to it.
  public struct Identity: Hashable, Sendable {
    private let device: UInt64
    private let number: UInt64

    init(_ status: stat) {
      (device, number) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }

    /// Of whatever a path leads to, through links; nil if nothing is there.
    public init?(ofPath path: String) {
      var status = stat()
      guard !path.utf8.contains(0), stat(path, &status) == 0 else { return nil }
      self.init(status)
    }
  }

  public enum Kind: Hashable, Sendable { case file, folder, link, other }

  /// What an entry is, without following links; nil if there is none of this name.
  public func kind(of name: String) -> Kind? {
    guard let status = try? status(name) else { return nil }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .folder
    case S_IFLNK: .link
    default: .other
    }
  }

  /// Of what a name leads to, through a link as well.
  public func identity(of name: String) -> Identity? {
    var status = stat()
    guard !name.utf8.contains(0), fstatat(descriptor, name, &status, 0) == 0 else { return nil }
    return Identity(status)
  }

  public var identity: Identity {
    var status = stat()
    precondition(fstat(descriptor, &status) == 0, "\(path) is open no more")
    return Identity(status)
  }

  /// The folder and those around it, up to the root.
  public var identitiesUpwards: [Identity] {
    var (found, here) = ([identity], dup(descriptor))
    defer { close(here) }
    // Deeper than any path can be.
    while found.count < 4096 {
      let above = openat(here, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard above >= 0 else { break }
      close(here)
      here = above
      var status = stat()
      guard fstat(here, &status) == 0, Identity(status) != found[found.count - 1] else { break }
      found.append(Identity(status))
    }
    return found
  }

  /// Whether nobody can find it any more: it was deleted.
  public var isRemoved: Bool {
    var status = stat()
    return fstat(descriptor, &status) != 0 || status.st_nlink == 0
  }

  /// Where it lies; as it was named where the system does not say.
  public var presentPath: String {
    guard !isRemoved, Identity(ofPath: path.isEmpty ? "." : path) != identity else { return path }
    var bytes = [CChar](repeating: 0, count: 4097)
    let count = readlink("/proc/self/fd/\(descriptor)", &bytes, bytes.count - 1)
    guard count > 0 else { return path }
    let found = String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return Identity(ofPath: found) == identity ? found : path
  }

  /// Whether its path still leads to it.
  public var isWhereItWas: Bool { Identity(ofPath: path.isEmpty ? "." : path) == identity }

  /// Names of what lies in it, sorted; without those that are no UTF-8.
  public var names: [String] {
    let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0, let stream = fdopendir(copy) else {
      if copy >= 0 { close(copy) }
      return []
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
          String(validatingCString: $0)
        }
      }
      if let name, name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The folder of a name in it.
  /// - Parameters:
  ///   - name: may have slashes.
  ///   - making: whether it is made if it is not there, and those on the way.
  /// - Throws: `CheckpointError` if there is none, or a link in its place.
  public func folder(_ name: String, making: Bool = false) throws -> OpenFolder {
    var here = self
    for part in name.split(separator: "/").map(String.init) {
      guard part != ".", part != "..", !part.utf8.contains(0) else {
        throw CheckpointError(path: path + "/" + name, "is no name of a folder in it")
      }
      if making, mkdirat(here.descriptor, part, 0o777) != 0, errno != EEXIST {
        throw here.failure(part, errno)
      }
      let next = openat(
        here.descriptor, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
      guard next >= 0 else { throw here.failure(part, errno) }
      here = OpenFolder(path: here.path + "/" + part, descriptor: next)
    }
    return here
  }

  /// The folder in which an entry lies, and the entry's own name.
  func place(of name: String, making: Bool = false) throws -> (folder: OpenFolder, name: String) {
    guard let slash = name.lastIndex(of: "/") else { return (self, name) }
    return (
      try folder(String(name[..<slash]), making: making),
      String(name[name.index(after: slash)...])
    )
  }

  // MARK: Reading

  /// A file's bytes; nil if there is none of this name.
  ///
  /// - Parameters:
  ///   - name: of the file in this folder.
  ///   - limit: a larger file is refused before it is read.
  /// - Throws: `CheckpointError` if it is no regular file, too large, or cannot be read.
  public func contents(of name: String, atMost limit: Int) throws -> Data? {
    guard kind(of: name) != nil else { return nil }
    let place = try place(of: name)
    return try readWhole(
      openRegularFile(place.name, in: place.folder), atMost: limit, path: path + "/" + name)
  }

  // MARK: Removing

  /// Removes a file, if it is there.
  public func removeFile(_ name: String) {
    guard let place = try? place(of: name) else { return }
    unlinkat(place.folder.descriptor, place.name, 0)
  }

  /// Removes a folder and what is in it: to whoever looks it is there whole, or not at all.
  public func removeFolder(_ name: String) {
    guard let place = try? place(of: name) else { return }
    let temporary = WholeFile.temporaryName(of: place.name)
    let descriptor = place.folder.descriptor
    guard renameat(descriptor, place.name, descriptor, temporary) == 0 else { return }
    place.folder.removeTree(temporary)
  }

  /// Removes an entry and all below it; a link, not what it leads to.
  func removeTree(_ name: String) {
    if let inside = try? folder(name) {
      for entry in inside.names { inside.removeTree(entry) }
      unlinkat(descriptor, name, AT_REMOVEDIR)
    } else {
      unlinkat(descriptor, name, 0)
    }
  }

  /// Removes the temporary files and folders that a killed process has left in it. Only for folders
  /// in which nobody else writes.
  public func removeLeftovers() {
    for name in names where WholeFile.isTemporary(name) { removeTree(name) }
  }

  // MARK: Locks

  /// Opens a file for a lock, and makes it if it is not there.
  /// - Returns: its descriptor; negative with the reason in `errno`.
  public func openLock(_ name: String) -> Int32 {
    openat(descriptor, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
  }

  /// Whether an entry is the file of a descriptor.
  public func isEntry(_ name: String, _ file: Int32) -> Bool {
    var (own, named) = (stat(), stat())
    return fstat(file, &own) == 0
      && fstatat(descriptor, name, &named, AT_SYMLINK_NOFOLLOW) == 0
      && Identity(own) == Identity(named)
  }

  // MARK: The system

  /// Without following a link.
  func status(_ name: String) throws -> stat {
    guard !name.utf8.contains(0) else { throw CheckpointError(path: path, "is no file name") }
    let place = try place(of: name)
    var status = stat()
    guard fstatat(place.folder.descriptor, place.name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      throw failure(name, errno)
    }
    return status
  }

  /// What the system's reason means for an entry, in one sentence.
  /// - Parameter shown: how the entry is called in it.
  func failure(_ name: String, _ reason: Int32, shown: String? = nil) -> CheckpointError {
    if isRemoved {
      return CheckpointError(path: path, "cannot be written: it was removed while it was in use")
    }
    var status = stat()
    if reason == ELOOP || reason == ENOTDIR,
      fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
      status.st_mode & S_IFMT == S_IFLNK
    {
      return CheckpointError(path: shown ?? path + "/" + name, OpenFolder.linkProblem)
    }
    return CheckpointError(
      path: shown ?? path + "/" + name, "cannot be written: \(String(cString: strerror(reason)))")
  }

  static let linkProblem = "is a symbolic link, which is not followed here; remove it"
}

/// A file that is to be written or read: a name in a folder that is held open.
public struct FileTarget: Sendable {
  public let folder: OpenFolder
  /// Without slashes.
  let name: String
  /// As it was named, for messages.
  public let path: String

  /// - Parameters:
  ///   - name: may have slashes; folders on the way must be there.
  ///   - folder: from which the name counts.
  /// - Throws: `CheckpointError` if there is a link or nothing on the way.
  public init(_ name: String, in folder: OpenFolder) throws {
    path = folder.path + "/" + name
    (self.folder, self.name) = try folder.place(of: name)
  }

  /// Any path, as somebody has named it.
  /// - Parameters:
  ///   - path: relative ones count from the current folder.
  ///   - followsLink: whether a link of that name means what it leads to. A path inside a folder
  ///     that came from elsewhere may be one that nobody has chosen.
  /// - Throws: `CheckpointError` if it is no name, or there is no such folder.
  public init(_ path: String, followsLink: Bool = true) throws {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw CheckpointError(path: path, "is no file name")
    }
    let target = followsLink ? URL(fileURLWithPath: path).resolvingSymlinksInPath().path : path
    name = (target as NSString).lastPathComponent
    var around = target.parentPath
    if around.isEmpty { around = "." }
    self.path = path
    do { folder = try OpenFolder(around) } catch {
      throw CheckpointError(path: path, "cannot be written: there is no folder \(around)")
    }
    guard !name.isEmpty, name != ".", name != "..", name != "/" else {
      throw CheckpointError(path: path, "is no file name")
    }
  }

  /// What is there of this name now, through no link.
  public var kind: OpenFolder.Kind? { folder.kind(of: name) }
  public var identity: OpenFolder.Identity? { folder.identity(of: name) }

  /// The file's bytes; nil if it is not there. See `OpenFolder.contents`.
  public func contents(atMost limit: Int) throws -> Data? {
    try folder.contents(of: name, atMost: limit)
  }

  /// Its first bytes.
  /// - Throws: `CheckpointError` if it is not there, or no regular file.
  public func start(atMost count: Int) throws -> Data {
    let file = try openRegularFile(name, in: folder)
    return try readWhole(
      (file.descriptor, min(file.size, count)), atMost: count, path: path)
  }
}

/// A file that grows while a run goes on. It is held open, and that it was removed is noticed.
public final class GrowingFile {
  private let target: FileTarget
  private let descriptor: Int32

  /// Begins the file with `start`, whole or not at all, in place of an old one.
  /// - Throws: `CheckpointError` if it cannot be written.
  public init(_ target: FileTarget, start: Data = Data()) throws {
    try WholeFile.write(start, to: target)
    let descriptor = openat(
      target.folder.descriptor, target.name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else {
      throw target.folder.failure(target.name, errno, shown: target.path)
    }
    (self.target, self.descriptor) = (target, descriptor)
  }

  deinit { close(descriptor) }

  /// - Throws: `CheckpointError` if it cannot be written, or was removed meanwhile.
  public func append(_ data: Data) throws {
    try data.withUnsafeBytes { try WholeFile.write($0, to: descriptor, target.path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_nlink > 0 else {
      throw target.folder.isRemoved
        ? target.folder.failure(target.name, ENOENT)
        : CheckpointError(
          path: target.path, "cannot be written: it was removed while it was in use")
    }
  }

  /// Waits until all of it is on the disk.
  public func synchronize() throws {
    guard fsync(descriptor) == 0 || errno == EINVAL else {
      throw WholeFile.systemError(target.path)
    }
  }
}
