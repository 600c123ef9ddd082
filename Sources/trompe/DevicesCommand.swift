import ArgumentParser
import Checkpoints
import Foundation
import Manipulation
import TensorCPU
import TensorRuntime
import TensorXLA

struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices",
    abstract: "Lists what recipes can run on, and installs what is missing.",
    discussion: """
      A recipe names its device by compute.device. Trompe itself computes on processors; for other \
      devices it needs a plugin, a library that compiles programs for them.

      Example:
        trompe devices
        trompe devices install cpu
      """,
    subcommands: [DeviceListCommand.self, DeviceInstallCommand.self],
    defaultSubcommand: DeviceListCommand.self)
}

struct DeviceListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the devices there are, and what is missing for the others.",
    discussion: """
      Looks at every plugin that is installed or that TROMPE_PLUGIN names.

      Example:
        trompe devices list
      """)

  @Flag(help: "Print the list as JSON.")
  var json = false

  /// A value of `compute.device`.
  private struct Entry: Encodable {
    let device: String
    /// What it is; `nil` if it cannot be used.
    var found: String?
    var plugin: String?
    var missing: String?
  }

  func run() throws {
    let entries = [cpu] + XLADevice.Kind.allCases.flatMap(entries)
    if json { return try Terminal.write(JSON.text(entries)) }
    var rows: [[String]] = []
    for entry in entries {
      if let found = entry.found { rows += Format.wrapped(entry.device, found) }
      if let plugin = entry.plugin {
        rows.append([entry.found == nil ? entry.device : "", escaped(plugin)])
      }
      if let missing = entry.missing { rows += Format.wrapped(entry.device, missing) }
    }
    try Terminal.write(Format.table(rows, leading: 2))
  }

  private var cpu: Entry {
    let threads = CPUExecutor.defaultThreads
    return Entry(
      device: "cpu",
      found: "\(threads) thread\(threads == 1 ? "" : "s")"
        + (CPUExecutor.hasBFloat16 ? ", bfloat16" : ""))
  }

  /// One for each device that the plugin has, or one that says what is missing.
  private func entries(_ kind: XLADevice.Kind) -> [Entry] {
    do {
      let executor = try XLAExecutor(XLADevice(kind))
      let plugin = executor.plugin
      let version =
        "PJRT \(plugin.interface.major).\(plugin.interface.minor)"
        + (plugin.language.map { ", StableHLO \($0)" } ?? "")
      // All processors are one device here, however many the plugin divides them into.
      let devices = kind == .cpu ? Array(executor.devices.prefix(1)) : executor.devices
      return devices.enumerated().map { index, device in
        Entry(
          device: XLADevice(kind, index: index).description,
          found: device.name + (device.bytes.map { ", \(Format.bytes($0))" } ?? "") + ", "
            + version,
          plugin: plugin.path)
      }
    } catch {
      return [Entry(device: kind.rawValue, missing: "\(error)")]
    }
  }
}

struct DeviceInstallCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install",
    abstract: "Fetches the plugin of a device.",
    usage: "trompe devices install <what>",
    discussion: """
      Takes the wheels of one version, each compared with its digest, by pip (Python is not needed \
      to run). They are unpacked into ~/.local/share/trompe/plugins and change nothing else.

      Example:
        trompe devices install cpu
      """)

  @Argument(
    help: ArgumentHelp(
      PluginPackage.all.map { "\($0.name), \($0.summary)" }.joined(separator: "; ") + ".",
      valueName: "what"),
    completion: .list(PluginPackage.all.map(\.name)))
  var what: String

  func validate() throws {
    guard PluginPackage.all.contains(where: { $0.name == what }) else {
      throw ValidationError(
        "There is no plugin \(what), expected "
          + PluginPackage.all.map(\.name).joined(separator: " or ") + ".")
    }
  }

  func run() throws {
    let package = PluginPackage.all.first { $0.name == what }!
    let search = PluginSearch()
    Terminal.note("Fetching \(package.size) into \(search.folder.path)/\(package.name).")
    let plugin = try package.install(in: search.folder)
    let device = XLADevice(package.kind)
    let loaded = try Plugin(path: plugin, for: device).interface
    let text = "\(escaped(plugin)), PJRT \(loaded.major).\(loaded.minor)"
    do {
      _ = try XLAExecutor(device, plugin: plugin)
      try Terminal.write("\(device) can be used: \(text).\n")
    } catch let error as ExecutionError {
      // What is fetched on one machine may be meant for another.
      try Terminal.write("Installed: \(text). It cannot be used here: \(error).\n")
    }
  }
}
