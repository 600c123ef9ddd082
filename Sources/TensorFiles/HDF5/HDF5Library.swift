import CHDF5
import Foundation

/// The HDF5 library, one thread at a time: as Debian builds it, it is not thread safe.
enum HDF5Library {
  private static let lock = NSLock()

  /// Once for the process: no plug-ins (a file must not choose code to load) but LZF, and no work at exit
  /// (everything is closed by whoever opened it; a file that failed must not be written later).
  private static let isReady: Bool = {
    H5dont_atexit()
    return H5open() >= 0 && H5PLset_loading_state(0) >= 0 && hdf5_register_lzf() >= 0
  }()

  /// Runs `body` alone in the library. Not recursive.
  static func alone<Result>(_ body: () throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    precondition(isReady, "HDF5 does not start")
    hdf5_silence_errors()
    return try body()
  }

  /// The library's own reason for the failure of the last call, in brackets, or nothing.
  static func reason() -> String {
    var buffer = [CChar](repeating: 0, count: 1024)
    hdf5_innermost_message(&buffer, buffer.count)
    return reason(
      String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  /// What the library said, in brackets, or nothing.
  static func reason(_ message: String) -> String {
    var text = message
    // Failed system calls are wrapped in times and addresses; keep what the system said.
    if let start = text.range(of: "error message = '"),
      let end = text.range(of: "'", range: start.upperBound..<text.endIndex)
    {
      text = String(text[start.upperBound..<end.lowerBound])
    }
    return text.isEmpty ? "" : " (HDF5: \(printable(text)))"
  }
}

/// An identifier of the HDF5 library that is closed when it goes out of scope. Use it inside
/// `HDF5Library.alone` only.
struct HDF5Handle: ~Copyable {
  let identifier: hid_t

  /// Nil when the call that made the identifier failed.
  init?(_ identifier: hid_t) {
    guard identifier >= 0 else { return nil }
    self.identifier = identifier
  }

  deinit { H5Idec_ref(identifier) }
}

extension HDF5Handle {
  /// - Throws: `CheckpointError` with the library's reason.
  static func open(
    _ identifier: hid_t, path: String, dataset: String? = nil, failing action: String
  ) throws -> HDF5Handle {
    guard let handle = HDF5Handle(identifier) else {
      throw CheckpointError(
        path: path, dataset: dataset, "\(action)\(HDF5Library.reason())")
    }
    return handle
  }
}
