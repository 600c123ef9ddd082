import CPJRT
import StableHLO
import TensorGraph
import TensorRuntime

/// Compiles computations by a plugin of PJRT, for the device that the plugin knows.
///
/// Parameters and moments stay on the device. What a step changes is donated: the program of the step
/// writes new values where the old ones were.
public final class XLAExecutor: Executor {
  let client: XLAClient

  /// - Parameters:
  ///   - device: on which it computes.
  ///   - plugin: a path; where installed ones are looked for if `nil`.
  ///   - search: where it is looked for.
  /// - Throws: `ExecutionError` in one sentence if there is no plugin, or it has no such device.
  public init(
    _ device: XLADevice, plugin: String? = nil, search: PluginSearch = PluginSearch()
  ) throws(ExecutionError) {
    let path = try search.plugin(for: device, given: plugin)
    client = try XLAClient(Plugin(path: path, for: device), device: device)
  }

  public var name: String { client.name }
  public var plugin: Plugin { client.plugin }

  /// What the plugin's devices are called, and the bytes that each has where the plugin tells.
  public var devices: [(name: String, bytes: Int?)] {
    (0..<trompe_pjrt_device_count(client.handle)).map { index in
      let bytes = Int(trompe_pjrt_device_bytes(client.handle, index))
      return (client.kind(of: index), bytes > 0 ? bytes : nil)
    }
  }

  public func makeParameters(
    _ parameters: [(name: String, shape: Shape)]
  ) throws(ExecutionError) -> any Parameters {
    try XLAParameters(parameters, of: client)
  }

  public func compile(
    _ computation: Computation, parameters: any Parameters, policy: ExecutionPolicy
  ) throws(ExecutionError) -> any Program {
    guard let own = parameters as? XLAParameters, own.client === client else {
      throw ExecutionError("\(name) reads parameters that it made, not those of another executor")
    }
    guard !policy.recomputes else {
      throw ExecutionError(
        "\(name) has no memory: low, its compiler chooses by itself what to compute again; omit "
          + "compute.memory")
    }
    return try XLAProgram(computation, executor: self, parameters: own, policy: policy)
  }
}
