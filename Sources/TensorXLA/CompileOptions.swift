/// XLA's CompileOptionsProto, as far as it is used: one replica, one partition.
struct CompileOptions {
  /// The id of a device other than the first.
  var device: Int?
  /// Flags of XLA that are set for this compilation.
  var flags: [String] = []

  var bytes: [UInt8] {
    var build: [UInt8] = []
    build += Self.field(4, 1)
    build += Self.field(5, 1)
    if let device {
      let ids = Self.field(1, Self.varint(device))
      build += Self.field(
        9, Self.field(1, 1) + Self.field(2, 1) + Self.field(3, ids))
    }
    var options = Self.field(3, build)
    for flag in flags {
      options += Self.field(7, Self.field(1, Array(flag.utf8)) + Self.field(2, Self.field(2, 1)))
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
