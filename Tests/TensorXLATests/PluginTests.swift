import Foundation
import TensorRuntime
import TensorXLA
import Testing

/// Plugins that cannot be used, each in one sentence.
struct PluginTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    UUID().uuidString)

  private func message(_ body: () throws -> Void) -> String {
    (#expect(throws: ExecutionError.self) { try body() })?.description ?? ""
  }

  private func search(_ variables: [String: String] = [:]) -> PluginSearch {
    PluginSearch(
      environment: ["HOME": folder.path].merging(variables) { $1 })
  }

  @Test func aMissingPluginIsSaidWithWhereItWasLookedFor() {
    let cpu = message { _ = try XLAExecutor(XLADevice(.cpu), search: search()) }
    #expect(
      cpu
        == "xla-cpu: there is no plugin in \(folder.path)/.local/share/trompe/plugins; install one "
        + "by `trompe devices install cpu`, or name one by compute.plugin or TROMPE_PLUGIN")
    let cuda = message { _ = try XLAExecutor(XLADevice(.cuda), search: search()) }
    #expect(cuda.hasPrefix("cuda: there is no plugin in "))
    #expect(cuda.contains("`trompe devices install cuda13` (cuda12 for"))
    let named = message { _ = try XLAExecutor(XLADevice(.cpu), plugin: "/nowhere/pjrt.so") }
    #expect(named.hasPrefix("xla-cpu: there is no plugin /nowhere/pjrt.so; "))
  }

  @Test func namesComeBeforeWhatIsInstalled() throws {
    let plugins = folder.appendingPathComponent("data/trompe/plugins")
    for name in [
      "cpu/a/pjrt_c_api_cpu_plugin.so", "cuda12/b/xla_cuda_plugin.so",
      "cuda13/b/xla_cuda_plugin.so", "cpu-old/a/pjrt_c_api_cpu_plugin.so",
      "cuda13/nvidia/lib/libpjrt.so", "cpu/a/other.so",
    ] {
      let file = plugins.appendingPathComponent(name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data().write(to: file)
    }
    defer { try? FileManager.default.removeItem(at: folder) }
    let data = ["XDG_DATA_HOME": folder.appendingPathComponent("data").path]
    let installed = search(data)
    #expect(
      try installed.plugin(for: XLADevice(.cpu))
        == plugins.path + "/cpu/a/pjrt_c_api_cpu_plugin.so")
    #expect(
      installed.installed(.cuda)
        == ["cuda13", "cuda12"].map {
          "\(plugins.path)/\($0)/b/xla_cuda_plugin.so"
        })
    let named = search(data.merging(["TROMPE_PLUGIN": "/x/y.so"]) { $1 })
    #expect(try named.plugin(for: XLADevice(.cpu)) == "/x/y.so")
    #expect(try named.plugin(for: XLADevice(.cpu), given: "/z.so") == "/z.so")
  }

  @Test func aFileThatIsNoPluginIsRefused() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let text = folder.appendingPathComponent("text.so")
    try Data("no library".utf8).write(to: text)
    let notALibrary = message { _ = try XLAExecutor(XLADevice(.cpu), plugin: text.path) }
    #expect(
      notALibrary.hasPrefix(
        "xla-cpu: the plugin \(text.path) cannot be loaded on this machine: "))
    let library = try compiled("int nothing;", as: "other.so")
    let other = message { _ = try XLAExecutor(XLADevice(.cpu), plugin: library) }
    #expect(
      other == "xla-cpu: the plugin \(library) is no plugin of PJRT: it has no GetPjrtApi")
    let old = try compiled(
      String(contentsOf: fixture("old_plugin.c"), encoding: .utf8), as: "old.so")
    let tooOld = message { _ = try XLAExecutor(XLADevice(.cpu), plugin: old) }
    #expect(tooOld.hasPrefix("xla-cpu: the plugin \(old) is too old, "))
  }

  /// - Parameters:
  ///   - slot: of the call that fails.
  ///   - code: of its error; 8 is a lack of memory.
  private func failingPlugin(
    _ text: String, at slot: String = "SLOT_CLIENT_CREATE", code: Int = 9, version: Int = 90
  ) throws -> String {
    try compiled(
      "#define MESSAGE \"\(text)\"\n#define CODE \(code)\n#define VERSION \(version)\n"
        + "#define FAILS_AT \(slot)\n"
        + String(contentsOf: fixture("failing_plugin.c"), encoding: .utf8),
      as: "\(UUID().uuidString).so")
  }

  @Test func aMachineThatAPluginCannotUseIsSaidInOneSentence() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    func fails(_ text: String, version: Int = 90, on kind: XLADevice.Kind = .cuda) throws -> String
    {
      let plugin = try failingPlugin(text, version: version)
      return message { _ = try XLAExecutor(XLADevice(kind), plugin: plugin) }
        .replacingOccurrences(of: plugin, with: "P")
    }
    #expect(
      try fails("No visible GPU devices.")
        == "cuda: the plugin P sees no GPU (No visible GPU devices.); nvidia-smi must list one, and "
        + "CUDA_VISIBLE_DEVICES must not hide it")
    #expect(
      try fails("cudaGetDeviceCount: CUDA driver version is insufficient for CUDA runtime version")
        .hasPrefix("cuda: NVIDIA's driver is too old for the plugin P ("))
    #expect(
      try fails("something\\nelse\\033[2J")
        == "cuda: the plugin P cannot start: something else [2J")
    #expect(
      try fails("No visible GPU devices.", on: .cpu)
        == "xla-cpu: the plugin P cannot start: No visible GPU devices.")
    #expect(
      try fails("", version: 80).hasPrefix(
        "cuda: the plugin P has version 0.80 of the interface, expected 0.81 or later; install one")
    )
  }

  @Test func memoryThatIsShortIsSaidWithWhatToSet() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    func allocates(code: Int) throws -> String {
      let plugin = try failingPlugin(
        "Out of memory while trying to allocate 64 bytes.", at: "SLOT_BUFFER_FROM_HOST", code: code)
      let executor = try XLAExecutor(XLADevice(.cuda), plugin: plugin)
      return message { _ = try executor.makeParameters([("w", [16])]) }
    }
    #expect(
      try allocates(code: 8)
        == "cuda has too little memory to take up [16] values (Out of memory while trying to allocate "
        + "64 bytes.); set a smaller training.batchSize or compute.samplesAtOnce")
    #expect(try allocates(code: 13).hasPrefix("cuda cannot take up [16] values: Out of memory"))
  }

  @Test(.enabled(if: InstalledPlugins.any, InstalledPlugins.advice))
  func aPluginOfAnotherPlatformIsRefused() throws {
    let plugin = InstalledPlugins.paths[0]
    let other = message { _ = try XLAExecutor(XLADevice(.cuda), plugin: plugin) }
    #expect(other.hasPrefix("cuda: the plugin \(plugin) is for cpu, expected one for cuda; "))
    let beyond = message { _ = try XLAExecutor(XLADevice(.cpu, index: 4096), plugin: plugin) }
    #expect(beyond.hasPrefix("xla-cpu:4096: the plugin \(plugin) has "))
  }

  // MARK: The interface

  /// Slots, fields and sizes, where a plugin came with its header.
  @Test(.enabled(if: InstalledPlugins.header != nil, "needs a plugin with its header"))
  func declarationsAgreeWithThePluginsHeader() throws {
    let header = try #require(InstalledPlugins.header)
    let faults = try run(
      "cc",
      [
        "-std=c17", "-fsyntax-only", "-I", header.deletingLastPathComponent().path, "-I",
        declarations.path, fixture("abi_check.c").path,
      ])
    #expect(faults == "")
  }

  /// Where our declarations of the interface are.
  private let declarations = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../Sources/CPJRT").standardized

  private func fixture(_ name: String) -> URL {
    Bundle.module.bundleURL.appendingPathComponent("Fixtures/\(name)")
  }

  private func compiled(_ code: String, as name: String) throws -> String {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let (source, library) = (
      folder.appendingPathComponent("\(name).c"), folder.appendingPathComponent(name).path
    )
    try Data(code.utf8).write(to: source)
    let arguments = ["-shared", "-fPIC", "-I", declarations.path, source.path, "-o", library]
    #expect(try run("cc", arguments) == "")
    return library
  }

  /// What a program writes.
  private func run(_ program: String, _ arguments: [String]) throws -> String {
    let (process, pipe) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    (process.standardOutput, process.standardError) = (pipe, pipe)
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: data, as: UTF8.self)
    return process.terminationStatus == 0 ? text : "\(text)\nstatus \(process.terminationStatus)"
  }
}
