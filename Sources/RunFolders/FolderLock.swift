import Checkpoints
import Foundation
import RunSupport

/// Keeps a second run out of a folder. The system takes the lock back when the process ends, however
/// it ends: a file of that name that is left behind locks nothing.
final class FolderLock {
  package static let fileName = "run.lock"

  private let folder: OpenFolder
  private let made: MadeFolders?
  private var descriptor: Int32

  /// - Parameters:
  ///   - folder: to be locked.
  ///   - made: what was made for it; goes when it is released, if nothing was written.
  /// - Throws: `RunError` if another process holds the lock, or the file system has none.
  package init(_ folder: OpenFolder, made: MadeFolders? = nil) throws {
    (self.folder, self.made) = (folder, made)
    // Nothing may be released that was never held: an initializer that throws is torn down.
    descriptor = -1
    descriptor = try Self.acquire(folder)
    // For people; on a full disk the lock holds all the same.
    _ = ftruncate(descriptor, 0)
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)
    let name = String(
      decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let owner = "\(Self.start)\(getpid()) on \(name)"
    _ = Array(owner.utf8).withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }

  /// How the text in it begins.
  private static let start = "process "

  /// Gives the folder free; nothing happens the second time.
  package func release() {
    guard descriptor >= 0 else { return }
    folder.removeFile(Self.fileName)
    close(descriptor)
    descriptor = -1
    made?.removeEmpty()
  }

  deinit { release() }

  /// - Returns: the open file that holds the lock.
  private static func acquire(_ folder: OpenFolder) throws -> Int32 {
    while true {
      let descriptor = folder.openLock(fileName)
      guard descriptor >= 0 else {
        let reason = errno
        throw RunError(
          reason == ELOOP
            ? "\(folder.path)/\(fileName) is a symbolic link, which is not followed here; remove it"
            : "\(folder.path) cannot be written: \(String(cString: strerror(reason)))")
      }
      let owner = text(descriptor)
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        let reason = errno
        close(descriptor)
        switch reason {
        case EINTR: continue
        case EWOULDBLOCK:
          throw RunError(
            "\(folder.path) is in use by another run\(owner.isEmpty ? "" : " (\(owner))"); wait for "
              + "it, or name another --output")
        default:
          throw RunError(
            "\(folder.path) cannot be locked: \(String(cString: strerror(reason))); name an --output "
              + "on a file system that has locks")
        }
      }
      guard owner.isEmpty || owner.hasPrefix(start) else {
        close(descriptor)
        throw RunError(
          "\(folder.path)/\(fileName) is there already and is no lock of Trompe's; name another "
            + "--output, or move it away")
      }
      // Whoever held the lock before may have removed the file between our opening and locking it.
      if folder.isEntry(fileName, descriptor) { return descriptor }
      close(descriptor)
    }
  }

  private static func text(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 200)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
