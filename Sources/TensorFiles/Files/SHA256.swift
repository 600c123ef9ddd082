import CCrypto
import Foundation

/// SHA-256 (FIPS 180-4) of bytes that come in pieces.
public final class SHA256Hash {
  private let context: OpaquePointer

  public init() {
    guard let context = EVP_MD_CTX_new() else { preconditionFailure("libcrypto has no memory") }
    precondition(EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1, "libcrypto has no SHA-256")
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  public func add(_ bytes: UnsafeRawBufferPointer) {
    precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "SHA-256 failed")
  }

  /// Of all bytes until now, as 64 lowercase hexadecimal digits; more may follow.
  public func digest() -> String {
    guard let copy = EVP_MD_CTX_new() else { preconditionFailure("libcrypto has no memory") }
    defer { EVP_MD_CTX_free(copy) }
    var digest = [UInt8](repeating: 0, count: 32)
    precondition(
      EVP_MD_CTX_copy_ex(copy, context) == 1 && EVP_DigestFinal_ex(copy, &digest, nil) == 1,
      "SHA-256 failed")
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// SHA-256 (FIPS 180-4) of a file's bytes as 64 lowercase hexadecimal digits, read in pieces.
///
/// - Throws: `CheckpointError` if the file cannot be read, or is a pipe or the like.
public func sha256(ofFile path: String) throws -> String {
  let descriptor = try openRegularFile(path).descriptor
  defer { close(descriptor) }
  let hash = SHA256Hash()
  let pieceSize = 1 << 20
  let piece = UnsafeMutableRawPointer.allocate(byteCount: pieceSize, alignment: 64)
  defer { piece.deallocate() }
  while true {
    let count = Glibc.read(descriptor, piece, pieceSize)
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else {
      throw CheckpointError(path: path, "cannot be read: \(String(cString: strerror(errno)))")
    }
    if count == 0 { break }
    hash.add(UnsafeRawBufferPointer(start: piece, count: count))
  }
  return hash.digest()
}
