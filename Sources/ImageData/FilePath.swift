import Foundation

/// A path by the bytes that the file system gave, which need not be UTF-8.
struct FilePath: Hashable, Sendable, CustomStringConvertible {
  /// Without a zero at the end.
  let bytes: [UInt8]

  init(_ text: String) { bytes = Array(text.utf8) }
  init(bytes: [UInt8]) { self.bytes = bytes }

  func appending(_ name: [UInt8]) -> FilePath {
    FilePath(bytes: bytes + [UInt8(ascii: "/")] + name)
  }

  /// For messages: bytes that are no UTF-8 as `\xE9`.
  var description: String { FilePath.text(bytes) }

  static func text(_ bytes: some Collection<UInt8>) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var (result, rest) = ("", Array(bytes)[...])
    while let first = rest.first {
      // The longest sequence is of four bytes.
      let whole = (1...4).first { length in
        length <= rest.count && String(validating: rest.prefix(length), as: UTF8.self) != nil
      }
      if let whole {
        result += String(decoding: rest.prefix(whole), as: UTF8.self)
        rest = rest.dropFirst(whole)
      } else {
        let digits = String(first, radix: 16, uppercase: true)
        result += "\\x" + (digits.count < 2 ? "0" : "") + digits
        rest = rest.dropFirst()
      }
    }
    return result
  }

  func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    let terminated = bytes.map { CChar(bitPattern: $0) } + [0]
    return terminated.withUnsafeBufferPointer { body($0.baseAddress!) }
  }

  /// A path with a zero inside would mean another file.
  func open(_ flags: Int32) -> Int32 {
    guard !bytes.contains(0) else {
      errno = EINVAL
      return -1
    }
    return withCString { Glibc.open($0, flags) }
  }

  /// Of what the path leads to, through links; `nil` if that is nothing.
  var status: stat? {
    var status = stat()
    return withCString { stat($0, &status) } == 0 ? status : nil
  }

  /// Whether the path's last name is a symbolic link's.
  var isLink: Bool {
    var status = Glibc.stat()
    return withCString { lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  /// The first bytes of a regular file; empty if there is none or it cannot be read.
  func firstBytes(_ count: Int) -> [UInt8] {
    let descriptor = open(O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var status = Glibc.stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return [] }
    var bytes = [UInt8](repeating: 0, count: count)
    let received = read(descriptor, &bytes, count)
    return Array(bytes.prefix(max(0, received)))
  }
}

/// A name in a folder, and what it is.
struct FolderEntry {
  enum Kind { case file, folder, other }
  let name: [UInt8]
  let kind: Kind
  /// Whether the name is a symbolic link's.
  let isLink: Bool

  /// Whether it is a name that listings omit.
  var isHidden: Bool { name.first == UInt8(ascii: ".") }

  /// What follows the last dot, in lower case.
  var fileExtension: String {
    guard let dot = name.lastIndex(of: UInt8(ascii: ".")) else { return "" }
    return String(decoding: name[(dot + 1)...], as: UTF8.self).lowercased()
  }

  /// Visible names in byte order, which does not depend on the locale.
  /// - Throws: `ImageError` when there is no such folder or it cannot be read.
  static func visible(in folder: FilePath) throws(ImageError) -> [FolderEntry] {
    guard let status = folder.status else {
      throw ImageError(
        path: folder.description,
        reason: errno == ENOENT || errno == ENOTDIR
          ? "no such folder" : "the folder cannot be read: \(String(cString: strerror(errno)))")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw ImageError(path: folder.description, reason: "not a folder")
    }
    func failure() -> ImageError {
      ImageError(
        path: folder.description,
        reason: "the folder cannot be read: \(String(cString: strerror(errno)))")
    }
    guard let directory = folder.withCString({ opendir($0) }) else { throw failure() }
    defer { closedir(directory) }
    var entries: [FolderEntry] = []
    while true {
      errno = 0
      guard let record = readdir(directory) else {
        if errno != 0 { throw failure() }
        break
      }
      let name = withUnsafePointer(to: &record.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: UInt8.self, capacity: 1) {
          Array(
            UnsafeBufferPointer(
              start: $0, count: strlen(UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))))
        }
      }
      guard name.first != UInt8(ascii: ".") else { continue }
      let type = Int(record.pointee.d_type)
      var kind = Kind.other
      // Some file systems do not say what an entry is.
      let isLink =
        type == Int(DT_LNK) || type == Int(DT_UNKNOWN) && folder.appending(name).isLink
      switch type {
      case Int(DT_REG): kind = .file
      case Int(DT_DIR): kind = .folder
      case Int(DT_LNK), Int(DT_UNKNOWN):
        // A link to nothing is a file that cannot be read.
        switch folder.appending(name).status.map({ $0.st_mode & S_IFMT }) {
        case S_IFDIR: kind = .folder
        case S_IFREG, nil: kind = .file
        default: kind = .other
        }
      default: kind = .other
      }
      entries.append(FolderEntry(name: name, kind: kind, isLink: isLink))
    }
    return entries.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }
}
