import Foundation

/// What tells one folder from all others, whatever names lead to it.
struct FolderIdentity: Hashable, Sendable {
  private let device: dev_t
  private let number: ino_t

  /// Of what a path leads to, through links; `nil` if that is nothing.
  init?(_ path: FilePath) {
    guard let status = path.status else { return nil }
    (device, number) = (status.st_dev, status.st_ino)
  }

  /// A folder and those around it up to the root of the file system, as they lie on the disk, whatever
  /// links have led to it.
  static func upwards(from path: FilePath) -> Set<FolderIdentity> {
    guard let resolved = path.withCString({ realpath($0, nil) }) else { return [] }
    defer { free(resolved) }
    var bytes = Array(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
    var found: Set<FolderIdentity> = []
    let slash = UInt8(ascii: "/")
    while true {
      if let identity = FolderIdentity(FilePath(bytes: bytes.isEmpty ? [slash] : bytes)) {
        found.insert(identity)
      }
      guard let end = bytes.lastIndex(of: slash) else { return found }
      bytes.removeSubrange(end...)
    }
  }
}
