/// A GPU that programs are compiled for where there may be none.
///
/// A new one is one more value in `all`.
public struct GPUTarget: Hashable, Sendable {
  /// On the command line, e.g. `h100`.
  public let name: String
  /// What its driver calls it.
  public let title: String
  /// CUDA's compute capability.
  let capability: (major: Int, minor: Int)
  let multiprocessors: Int
  let clockGigahertz: Double
  let memoryBytes: Int
  let memoryBytesPerSecond: Int
  let cacheBytes: Int
  let sharedBytesPerMultiprocessor: Int
  let sharedBytesPerBlock: Int

  public static func == (a: GPUTarget, b: GPUTarget) -> Bool { a.name == b.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }

  /// By NVIDIA's data sheets and CUDA's tables of compute capabilities.
  public static let all = [
    GPUTarget(
      name: "h100", title: "NVIDIA H100 80GB HBM3", capability: (9, 0), multiprocessors: 132,
      clockGigahertz: 1.98, memoryBytes: 84_978_434_048, memoryBytesPerSecond: 3_352_320_000_000,
      cacheBytes: 52_428_800, sharedBytesPerMultiprocessor: 233_472, sharedBytesPerBlock: 232_448)
  ]

  /// XLA's GpuTargetConfigProto as text.
  /// - Parameter runtime: the major version of CUDA that the plugin is for.
  func description(runtime: Int) -> String {
    """
    gpu_device_info {
      threads_per_block_limit: 1024
      threads_per_warp: 32
      shared_memory_per_block: 49152
      shared_memory_per_core: \(sharedBytesPerMultiprocessor)
      threads_per_core_limit: 2048
      core_count: \(multiprocessors)
      fpus_per_core: 128
      block_dim_limit_x: 2147483647
      block_dim_limit_y: 65535
      block_dim_limit_z: 65535
      memory_bandwidth: \(memoryBytesPerSecond)
      l2_cache_size: \(cacheBytes)
      clock_rate_ghz: \(clockGigahertz)
      device_memory_size: \(memoryBytes)
      shared_memory_per_block_optin: \(sharedBytesPerBlock)
      cuda_compute_capability { major: \(capability.major) minor: \(capability.minor) }
      registers_per_core_limit: 65536
      registers_per_block_limit: 65536
    }
    platform_name: "CUDA"
    dnn_version_info { major: 9 minor: 12 }
    runtime_version { major: \(runtime) }
    device_description_str: "\(title)"
    """
  }
}
