import Foundation
import TensorRuntime

/// Where a device's plugin is: named by the caller or by the environment, or installed.
public struct PluginSearch: Sendable {
  /// Names a plugin for all devices of its platform.
  public static let variable = "TROMPE_PLUGIN"

  /// Where plugins are installed: `$XDG_DATA_HOME/trompe/plugins`, by default
  /// `~/.local/share/trompe/plugins`.
  public let folder: URL
  private let named: String?

  public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    let data =
      environment["XDG_DATA_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
      ?? "\(environment["HOME"] ?? NSHomeDirectory())/.local/share"
    folder = URL(fileURLWithPath: data).appendingPathComponent("trompe/plugins")
    named = environment[Self.variable].flatMap { $0.isEmpty ? nil : $0 }
  }

  static func advice(for device: XLADevice) -> String {
    let what =
      device.kind == .cpu
      ? "`trompe devices install cpu`"
      : "`trompe devices install cuda13` (cuda12 for an older driver)"
    return "install one by \(what), or name one by compute.plugin or \(variable)"
  }

  /// What the folder has for a kind of device: `cpu*/…/*.so`, `cuda*/…/*.so`, the newest CUDA first,
  /// and what is named after the device before what is called otherwise, as `cpu-old`.
  public func installed(_ kind: XLADevice.Kind) -> [String] {
    let prefix = kind == .cpu ? "cpu" : "cuda"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    func version(_ name: String) -> Int { Int(name.dropFirst(prefix.count)) ?? 0 }
    return names.filter { $0.hasPrefix(prefix) }.sorted {
      (-version($0), $0) < (-version($1), $1)
    }.flatMap { name in
      Self.plugins(in: folder.appendingPathComponent(name))
    }
  }

  /// Libraries that are called as plugins are, at most four folders down; those that NVIDIA's wheels
  /// hold beside them are not.
  public static func plugins(in folder: URL, depth: Int = 4) -> [String] {
    var plugins: [String] = []
    let entries =
      (try? FileManager.default.contentsOfDirectory(
        at: folder, includingPropertiesForKeys: [.isDirectoryKey])) ?? []
    for entry in entries.sorted(by: { $0.path < $1.path }) {
      let name = entry.lastPathComponent
      let isFolder = (try? entry.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true
      if isFolder, depth > 1, name != "nvidia" {
        plugins += Self.plugins(in: entry, depth: depth - 1)
      } else if name.hasSuffix(".so"), name.contains("pjrt") || name == "xla_cuda_plugin.so" {
        plugins.append(entry.path)
      }
    }
    return plugins
  }

  /// - Parameters:
  ///   - device: for which a plugin is looked for.
  ///   - given: `compute.plugin`.
  /// - Throws: `ExecutionError` saying where was looked and what to do.
  public func plugin(for device: XLADevice, given: String? = nil) throws(ExecutionError) -> String {
    if let path = given ?? named ?? installed(device.kind).first { return path }
    throw ExecutionError(
      "\(device): there is no plugin in \(folder.path); \(Self.advice(for: device))")
  }
}
