import Foundation

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
