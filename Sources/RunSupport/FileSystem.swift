import Foundation

/// Makes a folder and those around it; nothing happens if it is there.
/// - Throws: `RunError` with the system's reason.
package func makeFolder(_ path: String) throws {
  func make(_ path: String) -> Int32 {
    if mkdir(path, 0o777) == 0 { return 0 }
    let reason = errno
    var status = stat()
    if reason == EEXIST, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return 0 }
    let around = (path as NSString).deletingLastPathComponent
    guard reason == ENOENT, !around.isEmpty, around != path else { return reason }
    let failure = make(around)
    return failure != 0 ? failure : mkdir(path, 0o777) == 0 ? 0 : errno
  }
  let reason = make(path)
  guard reason == 0 else {
    throw RunError(
      "\(path): the output folder cannot be made: \(String(cString: strerror(reason)))")
  }
}

/// The reason of a file system's error, without the noise.
package func describe(_ error: any Error) -> String {
  let error = error as NSError
  if let inner = error.userInfo[NSUnderlyingErrorKey] as? NSError,
    inner.domain == NSPOSIXErrorDomain
  {
    return String(cString: strerror(Int32(inner.code)))
  }
  return error.localizedDescription
}
