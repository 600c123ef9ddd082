import Foundation

/// A descriptor for reading and the size in bytes.
///
/// - Throws: `CheckpointError` if there is no such file or it is a folder, a pipe or the like.
package func openRegularFile(_ path: String) throws -> (descriptor: Int32, size: Int) {
  guard !path.utf8.contains(0) else {
    throw CheckpointError(path: path, "is no file name")
  }
  return try regularFile(Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), path)
}

/// The same of a file in a folder that is held open, through no link.
func openRegularFile(
  _ name: String, in folder: OpenFolder
) throws -> (descriptor: Int32, size: Int) {
  let descriptor = openat(
    folder.descriptor, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
  if descriptor < 0, errno == ELOOP { throw folder.failure(name, ELOOP) }
  return try regularFile(descriptor, folder.path + "/" + name)
}

private func regularFile(
  _ descriptor: Int32, _ path: String
) throws -> (descriptor: Int32, size: Int) {
  guard descriptor >= 0 else {
    throw CheckpointError(path: path, "cannot be opened: \(String(cString: strerror(errno)))")
  }
  var status = stat()
  guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
    close(descriptor)
    throw CheckpointError(path: path, "is not a regular file")
  }
  return (descriptor, Int(status.st_size))
}

/// All bytes of a file whose descriptor is then closed.
///
/// - Throws: `CheckpointError` if it is larger than the limit, or cannot be read.
func readWhole(
  _ file: (descriptor: Int32, size: Int), atMost limit: Int, path: String
) throws -> Data {
  defer { close(file.descriptor) }
  func tooLarge(_ size: Int) -> CheckpointError {
    CheckpointError(path: path, "has \(size) bytes, more than the limit of \(limit)")
  }
  guard file.size <= limit else { throw tooLarge(file.size) }
  var data = Data(count: file.size)
  var done = 0
  while done < data.count {
    let count = data.count
    let received = data.withUnsafeMutableBytes {
      Glibc.read(file.descriptor, $0.baseAddress! + done, count - done)
    }
    if received < 0 && errno == EINTR { continue }
    guard received >= 0 else {
      throw CheckpointError(path: path, "cannot be read: \(String(cString: strerror(errno)))")
    }
    // It shrank meanwhile; its reader says what is missing.
    if received == 0 { return data.prefix(done) }
    done += received
  }
  return data
}
