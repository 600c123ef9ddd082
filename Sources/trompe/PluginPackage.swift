import Foundation
import Manipulation
import TensorRuntime
import TensorXLA

/// Wheels that together are a plugin, of one version each and known by their digests.
struct PluginPackage {
  struct Wheel {
    let name: String
    let version: String
    let sha256: String

    init(_ name: String, _ version: String, _ sha256: String) {
      (self.name, self.version, self.sha256) = (name, version, sha256)
    }
  }
  /// The folder it is installed in.
  let name: String
  let kind: XLADevice.Kind
  let summary: String
  /// What is fetched.
  let size: String
  let wheels: [Wheel]

  /// By pip, into a folder beside the others; whole or not at all.
  /// - Returns: the plugin.
  /// - Throws: `ExecutionError` in one sentence.
  func install(in folder: URL) throws -> String {
    #if !arch(x86_64)
      throw ExecutionError(
        "trompe devices install has wheels for x86-64 only; name a plugin for this machine by "
          + "compute.plugin")
    #else
      let files = FileManager.default
      let target = folder.appendingPathComponent(name)
      let partial = folder.appendingPathComponent(
        ".\(name)-\(ProcessInfo.processInfo.processIdentifier)")
      try files.createDirectory(at: partial, withIntermediateDirectories: true)
      defer { try? files.removeItem(at: partial) }
      let list = partial.appendingPathComponent("wheels.txt")
      try Data(requirements.utf8).write(to: list)
      let contents = partial.appendingPathComponent("contents")
      try pip([
        "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes",
        "--only-binary", ":all:", "--target", contents.path, "-r", list.path,
      ])
      guard !PluginSearch.plugins(in: contents).isEmpty else {
        throw ExecutionError("the wheels of \(name) hold no plugin")
      }
      if files.fileExists(atPath: target.path) {
        _ = try files.replaceItemAt(target, withItemAt: contents)
      } else {
        try files.moveItem(at: contents, to: target)
      }
      return PluginSearch.plugins(in: target)[0]
    #endif
  }

  private var requirements: String {
    wheels.map { "\($0.name)==\($0.version) --hash=sha256:\($0.sha256)\n" }.joined()
  }

  private func pip(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-m", "pip"] + arguments
    process.standardInput = FileHandle.nullDevice
    let pipe = Pipe()
    process.standardError = pipe
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus != 0 else { return }
    let text = String(decoding: data, as: UTF8.self)
    let lines = text.split(separator: "\n").map(String.init)
    if process.terminationStatus == 127 || text.contains("No module named pip") {
      throw ExecutionError(
        "trompe devices install needs python3 with pip (Debian: python3-pip); running does not")
    }
    // The last line that is an error says what failed; pip explains it in those before.
    let reason = lines.last { $0.hasPrefix("ERROR:") } ?? lines.last ?? "no reason given"
    throw ExecutionError("pip cannot install the plugin \(name): \(reason)")
  }
}
