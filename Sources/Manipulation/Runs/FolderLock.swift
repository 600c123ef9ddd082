import Foundation

/// Keeps a second run out of a folder. The system takes the lock back when the process ends, however
/// it ends: a file of that name that is left behind locks nothing.
final class FolderLock {
  static let fileName = "run.lock"

  private let path: String
  private var descriptor: Int32

  /// - Throws: `RunError` if another process holds the lock, or the file system has none.
  init(_ folder: String) throws {
    path = folder + "/" + Self.fileName
    // Nothing may be released that was never held: an initializer that throws is torn down.
    descriptor = -1
    descriptor = try Self.acquire(path, folder)
    // For people; on a full disk the lock holds all the same.
    _ = ftruncate(descriptor, 0)
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)
    let name = String(
      decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let owner = "process \(getpid()) on \(name)"
    _ = Array(owner.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }

  /// Gives the folder free; nothing happens the second time.
  func release() {
    guard descriptor >= 0 else { return }
    unlink(path)
    close(descriptor)
    descriptor = -1
  }

  deinit { release() }

  /// - Returns: the open file that holds the lock.
  private static func acquire(_ path: String, _ folder: String) throws -> Int32 {
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
      guard descriptor >= 0 else {
        throw RunError("\(folder) cannot be written: \(String(cString: strerror(errno)))")
      }
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        let reason = errno
        let owner = text(descriptor)
        close(descriptor)
        switch reason {
        case EINTR: continue
        case EWOULDBLOCK:
          throw RunError(
            "\(folder) is in use by another run\(owner.isEmpty ? "" : " (\(owner))"); wait for it, "
              + "or name another --output")
        default:
          throw RunError(
            "\(folder) cannot be locked: \(String(cString: strerror(reason))); name an --output on "
              + "a file system that has locks")
        }
      }
      // Whoever held the lock before may have removed the file between our opening and locking it.
      var (own, named) = (stat(), stat())
      if fstat(descriptor, &own) == 0, lstat(path, &named) == 0, own.st_ino == named.st_ino,
        own.st_dev == named.st_dev
      {
        return descriptor
      }
      close(descriptor)
    }
  }

  private static func text(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 200)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    return text.unicodeScalars.allSatisfy { $0.value >= 32 } ? text : ""
  }
}
