import Foundation

/// Zeroed memory at a cache line's boundary, on large pages where the system offers them.
final class AlignedMemory {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  /// - Throws: `ExecutionError` if the system has not that much.
  init(byteCount: Int) throws(ExecutionError) {
    self.byteCount = byteCount
    let largePage = 2 << 20
    let alignment = byteCount >= largePage ? largePage : 64
    let size = (max(byteCount, 64) + alignment - 1) / alignment * alignment
    var pointer: UnsafeMutableRawPointer?
    guard posix_memalign(&pointer, alignment, size) == 0, let pointer else {
      throw ExecutionError("\(byteCount) bytes of memory are not to be had")
    }
    if byteCount >= largePage { madvise(pointer, size, MADV_HUGEPAGE) }
    memset(pointer, 0, size)
    base = pointer
  }

  var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }

  deinit { free(base) }
}

/// A program that cannot run, or could not go on. The text names the operation and the reason.
public struct ExecutionError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
