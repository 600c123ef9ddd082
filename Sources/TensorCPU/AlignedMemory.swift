import Foundation
import TensorRuntime

/// Zeroed memory at a cache line's boundary, on large pages where the system offers them.
final class AlignedMemory {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  /// What is mapped, if that is not memory of the allocator: more than `base` and `byteCount`.
  private let mapping: UnsafeMutableRawBufferPointer?

  /// - Throws: `ExecutionError` if the system has not that much.
  init(byteCount: Int) throws(ExecutionError) {
    self.byteCount = byteCount
    let (line, largePage) = (64, 2 << 20)
    guard byteCount < largePage else {
      // The system gives zeros, page by page when they are first touched: by those who work with them.
      let size = byteCount + largePage
      guard
        let mapped = mmap(
          nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        mapped != MAP_FAILED
      else { throw Self.lack(of: byteCount) }
      base = mapped.alignedUp(toMultipleOf: largePage)
      madvise(base, byteCount, Int32(MADV_HUGEPAGE))
      mapping = UnsafeMutableRawBufferPointer(start: mapped, count: size)
      return
    }
    var pointer: UnsafeMutableRawPointer?
    let size = (max(byteCount, line) + line - 1) / line * line
    guard posix_memalign(&pointer, line, size) == 0, let pointer else {
      throw Self.lack(of: byteCount)
    }
    memset(pointer, 0, size)
    base = pointer
    mapping = nil
  }

  private static func lack(of byteCount: Int) -> ExecutionError {
    ExecutionError("\(byteCount) bytes of memory are not to be had")
  }

  var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }

  deinit {
    if let mapping { munmap(mapping.baseAddress!, mapping.count) } else { free(base) }
  }
}
