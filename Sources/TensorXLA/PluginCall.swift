import CPJRT
import TensorRuntime

/// What a call of a plugin reports, as an error of ours.
struct PluginFailure: Error {
  let code: Int
  let text: String

  init(_ error: trompe_pjrt_error) {
    code = Int(error.code)
    let whole = withUnsafeBytes(of: error.text) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    // Of a stack of causes the first says what is wrong.
    text = whole.count > 400 ? whole.prefix(400) + " …" : whole
  }

  /// - Parameter doing: what failed, e.g. `compile a program`.
  func executionError(_ doing: String, on device: String) -> ExecutionError {
    code == TROMPE_PJRT_RESOURCE_EXHAUSTED
      ? ExecutionError(
        "\(device) has too little memory to \(doing) (\(text)); set a smaller training.batchSize or "
          + "compute.samplesAtOnce")
      : ExecutionError("\(device) cannot \(doing): \(text)")
  }
}

/// Calls a function that fails by returning nothing.
func calling<Result>(
  _ body: (UnsafeMutablePointer<trompe_pjrt_error>) -> Result?
) throws(PluginFailure) -> Result {
  var error = trompe_pjrt_error()
  guard let result = body(&error) else { throw PluginFailure(error) }
  return result
}
