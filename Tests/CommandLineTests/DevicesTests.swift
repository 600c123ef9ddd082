import Foundation
import Testing

/// Devices as people ask for them.
@Suite struct DevicesTests {
  private func run(
    _ arguments: [String], home: String, _ environment: [String: String] = [:]
  ) throws -> CommandLineProgram.Result {
    let variables = ["XDG_DATA_HOME": "\(home)/data", "TROMPE_PLUGIN": ""]
    return try CommandLineProgram.run(
      list: arguments, environment: variables.merging(environment) { $1 })
  }

  @Test func whatIsMissingIsListedWithTheWayOut() throws {
    let folder = try TemporaryFolder()
    let list = try run(["devices"], home: folder.url.path)
    #expect(list.code == 0 && list.error == "")
    #expect(list.output.hasPrefix("cpu "), "\(list.output)")
    for part in [
      "xla-cpu", "there is no plugin in", "`trompe devices install cpu`", "cuda",
      "compute.plugin or",
    ] {
      #expect(list.output.contains(part), "\(list.output)")
    }
    let json = try run(["devices", "list", "--json"], home: folder.url.path)
    let entries = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
    #expect(entries.map { $0["device"] as? String } == ["cpu", "xla-cpu", "cuda"])
    #expect(entries[1]["missing"] != nil && entries[0]["found"] != nil)
  }

  @Test func aRecipeOnADeviceThatIsMissingEndsInOneSentence() throws {
    let folder = try TemporaryFolder()
    let recipe = Repository.root + "/recipes/shapes-location-gradcam.yaml"
    let (out, none) = (folder.url.path + "/out", folder.url.path + "/none.so")
    func fails(_ settings: String..., environment: [String: String] = [:]) throws -> String {
      let result = try run(
        ["fool", recipe, "-o", out] + settings.flatMap { ["--set", $0] },
        home: folder.url.path, environment)
      #expect(result.code == 1)
      #expect(result.error.split(separator: "\n").count == 1, "\(result.error)")
      #expect(!FileManager.default.fileExists(atPath: out))
      return result.error
    }
    #expect(
      try fails("compute.device=xla-cpu").hasPrefix("trompe: xla-cpu: there is no plugin in "))
    #expect(
      try fails("compute.device=cuda:1").hasPrefix("trompe: cuda:1: there is no plugin in "))
    #expect(
      try fails("compute.device=xla-cpu", environment: ["TROMPE_PLUGIN": recipe])
        .contains("the plugin \(recipe) cannot be loaded on this machine"))
    #expect(
      try fails("compute.device=xla-cpu", "compute.plugin=\(none)")
        .contains("there is no plugin \(none)"))
    #expect(
      try fails("compute.device=tpu").contains(
        "compute.device is tpu, expected cpu, xla-cpu, cuda, cuda:N for the N-th"))
    #expect(
      try fails("compute.device=xla-cpu", "compute.memory=low").contains(
        "compute.memory is for the device cpu; omit it on xla-cpu"))
    #expect(
      try fails("compute.precision=tf32").contains(
        "compute.precision is tf32, which cpu has not; expected fp32 or bf16"))
    #expect(try fails("compute.plugin=x.so").contains("compute.plugin is for the devices xla-cpu"))
  }

  @Test func onlyKnownPluginsAreInstalled() throws {
    let folder = try TemporaryFolder()
    let unknown = try run(["devices", "install", "tpu"], home: folder.url.path)
    #expect(unknown.code == 64)
    #expect(unknown.error.contains("There is no plugin tpu, expected cpu"))
    // A machine without Python.
    let none = try folder.write("#!/bin/sh\nexit 127\n", to: "python3")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: none)
    let bare = try run(
      ["devices", "install", "cpu"], home: folder.url.path,
      ["PATH": "\(folder.url.path):/usr/bin:/bin"])
    #expect(bare.code == 1)
    #expect(bare.error.contains("needs python3 with pip"), "\(bare.error)")
    #expect(!FileManager.default.fileExists(atPath: folder.url.path + "/data/trompe/plugins/cpu"))
  }
}
