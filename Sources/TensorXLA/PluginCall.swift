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

  /// Why a plugin of this device cannot start.
  func cannotStart(_ plugin: String, on device: XLADevice) -> ExecutionError {
    let lowered = text.lowercased()
    func says(_ parts: String...) -> Bool { parts.contains(where: lowered.contains) }
    if device.kind == .cuda {
      // The first: a driver that is too old sees no GPU either.
      if says("driver version is insufficient", "system_driver_mismatch", "compat_not_supported") {
        return ExecutionError(
          "\(device): NVIDIA's driver is too old for the plugin \(plugin) (\(text)); CUDA 12 needs "
            + "driver 525.60.13 or later, CUDA 13 driver 580: update it, or `trompe devices install "
            + "cuda12`")
      }
      if says("no visible gpu", "no_device", "no cuda-capable device", "libcuda.so") {
        return ExecutionError(
          "\(device): the plugin \(plugin) sees no GPU (\(text)); nvidia-smi must list one, and "
            + "CUDA_VISIBLE_DEVICES must not hide it")
      }
    }
    return ExecutionError("\(device): the plugin \(plugin) cannot start: \(text)")
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
