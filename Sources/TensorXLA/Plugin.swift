import CPJRT
import Foundation
import TensorRuntime

/// A library that compiles StableHLO for a kind of device. It stays loaded until the process ends.
public struct Plugin {
  public let path: String
  let handle: OpaquePointer

  /// - Throws: `ExecutionError` in one sentence if it cannot be loaded, is no plugin, or is too old.
  public init(path: String, for device: XLADevice) throws(ExecutionError) {
    guard FileManager.default.fileExists(atPath: path) else {
      throw ExecutionError(
        "\(device): there is no plugin \(path); \(PluginSearch.advice(for: device))")
    }
    do {
      handle = try calling { trompe_pjrt_open(path, $0) }
    } catch {
      let reason =
        switch error.code {
        case TROMPE_PJRT_CANNOT_LOAD: "cannot be loaded on this machine: \(error.text)"
        case TROMPE_PJRT_NO_ENTRY: "is no plugin of PJRT: \(error.text)"
        case TROMPE_PJRT_TOO_OLD:
          "is too old, its interface has no memory statistics of programs"
        default: "cannot start: \(error.text)"
        }
      throw ExecutionError("\(device): the plugin \(path) \(reason)")
    }
    self.path = path
    guard interface.major == Self.oldest.major, interface.minor >= Self.oldest.minor else {
      throw ExecutionError(
        "\(device): the plugin \(path) has version \(interface.major).\(interface.minor) of the "
          + "interface, expected \(Self.oldest.major).\(Self.oldest.minor) or later; "
          + PluginSearch.advice(for: device))
    }
  }

  /// The oldest interface that was tested.
  static let oldest = (major: 0, minor: 81)

  /// The version of PJRT's interface.
  public var interface: (major: Int, minor: Int) {
    var (major, minor): (Int32, Int32) = (0, 0)
    trompe_pjrt_version(handle, &major, &minor)
    return (Int(major), Int(minor))
  }

  /// The version of StableHLO that it reads; `nil` if it does not tell.
  public var language: String? {
    var version: (Int64, Int64, Int64) = (0, 0, 0)
    let isKnown = withUnsafeMutablePointer(to: &version) {
      $0.withMemoryRebound(to: Int64.self, capacity: 3) { trompe_pjrt_stablehlo(handle, $0) }
    }
    return isKnown != 0 ? "\(version.0).\(version.1).\(version.2)" : nil
  }
}
