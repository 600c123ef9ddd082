/// XLA's CompileOptionsProto, as far as it is used: one replica, and a partition for each device, which
/// Shardy makes.
struct CompileOptions {
  /// Their ids; the plugin's first if there is none.
  var devices: [Int] = []
  /// Flags of XLA that are set for this compilation.
  var flags: [Flag] = []

  struct Flag {
    let name: String
    let isOn: Bool

    static func on(_ name: String) -> Flag { Flag(name: name, isOn: true) }
    static func off(_ name: String) -> Flag { Flag(name: name, isOn: false) }

    /// On GPUs: equal runs give equal bytes. Such a compilation times nothing, and Triton's products
    /// cannot be chosen without.
    static let deterministic: [Flag] = [
      .on("xla_gpu_deterministic_ops"), .off("xla_gpu_enable_triton_gemm"),
    ]
  }

  var bytes: [UInt8] {
    var build: [UInt8] = []
    build += Self.field(4, 1)
    build += Self.field(5, max(1, devices.count))
    if devices.count > 1 { build += Self.field(6, 1) }
    if !devices.isEmpty {
      // For each partition the devices of its replicas.
      let assigned = devices.flatMap { Self.field(3, Self.field(1, Self.varint($0))) }
      build += Self.field(9, Self.field(1, 1) + Self.field(2, devices.count) + assigned)
    }
    if devices.count > 1 { build += Self.field(19, 1) }
    var options = Self.field(3, build)
    for flag in flags {
      options += Self.field(
        7, Self.field(1, Array(flag.name.utf8)) + Self.field(2, Self.field(2, flag.isOn ? 1 : 0)))
    }
    return options
  }

  private static func varint(_ value: Int) -> [UInt8] {
    var (value, bytes): (Int, [UInt8]) = (value, [])
    repeat {
      bytes.append(UInt8(value & 127) | (value > 127 ? 128 : 0))
      value >>= 7
    } while value > 0
    return bytes
  }

  private static func field(_ number: Int, _ value: Int) -> [UInt8] {
    varint(number << 3) + varint(value)
  }

  private static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(bytes.count) + bytes
  }
}
