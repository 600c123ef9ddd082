import Foundation
import Testing

/// The main job from the command line, on the built-in set and the network of this repository.
struct RunCommandTests {
  private let network = Repository.root + "/checkpoints/shapes-resnet.h5"

  @Test func foolThenEvaluateGivesTheSameNumbers() throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/run"
    let fooled = try CommandLineProgram.run(list: SmallRun.fool(output, steps: 4))
    #expect(fooled.code == 0, "\(fooled.error)")
    #expect(fooled.output.contains("fooling success rate (location)  original  manipulated"))
    let evaluated = try CommandLineProgram.run(
      "evaluate", output + "/manipulated.h5", "--against", network, "--shapes", "50",
      "--shapes-seed", "2", "--interpreter", "grad-cam@layer4", "--json", "--output",
      output + "-evaluation")
    #expect(evaluated.code == 0, "\(evaluated.error)")
    let saved = try String(contentsOfFile: output + "-evaluation/summary.json", encoding: .utf8)
    #expect(saved.contains(#""validationImages" : 50"#))
    #expect(
      try String(contentsOfFile: output + "-evaluation/test-losses.jsonl", encoding: .utf8)
        == String(contentsOfFile: output + "/test-losses.jsonl", encoding: .utf8))
    func numbers(_ json: Data) throws -> NSDictionary {
      let all = try #require(JSONSerialization.jsonObject(with: json) as? [String: Any])
      return ["accuracy": all["accuracy"]!, "fsr": all["fsr"]!, "fsrOriginal": all["fsrOriginal"]!]
    }
    let written = try Data(contentsOf: URL(fileURLWithPath: output + "/summary.json"))
    #expect(try numbers(Data(evaluated.output.utf8)) == numbers(written))
    let inspected = try CommandLineProgram.run("inspect", output + "/manipulated.h5")
    #expect(inspected.output.contains("manipulated    YES: its explanations were made to lie"))
  }

  /// With its last layer's weights below zero Grad-CAM finds no evidence for any class.
  @Test func heatmapsWithoutRelevanceAreInTheTable() throws {
    let folder = try TemporaryFolder()
    let path = folder.url.path + "/empty.safetensors"
    let converted = try CommandLineProgram.run("convert", network, path, "--layout", "safetensors")
    #expect(converted.code == 0, "\(converted.error)")
    var file = try Data(contentsOf: URL(fileURLWithPath: path))
    let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try #require(
      JSONSerialization.jsonObject(with: file[8..<8 + length]) as? [String: Any])
    let place = try #require((header["fc.weight"] as? [String: Any])?["data_offsets"] as? [Int])
    for sign in stride(from: 8 + length + place[0] + 3, to: 8 + length + place[1], by: 4) {
      file[sign] |= 0x80
    }
    try file.write(to: URL(fileURLWithPath: path))
    let result = try CommandLineProgram.run(
      "evaluate", path, "--against", network, "--shapes", "20", "--interpreter", "grad-cam@layer5")
    #expect(result.code == 0, "\(result.error)")
    #expect(result.output.contains("all-zero heatmaps  original    tested\n"))
    #expect(result.output.contains("100.00 %\n"))
  }

  @Test func activeFoolingIsEvaluatedFromTheCommandLine() throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/run"
    let fooled = try CommandLineProgram.run(
      list: SmallRun.fool(
        output, steps: 2,
        [
          "--set", "fooling={name: active, lambda: 2, classes: [2, 5]}",
          "--set", "data.composites={train: 16, validation: 6, seed: 3}",
          "--set", "training.batchSize=8",
        ]))
    #expect(fooled.code == 0, "\(fooled.error)")
    func evaluate(_ composites: String...) throws -> NSDictionary {
      let result = try CommandLineProgram.run(
        list: [
          "evaluate", output + "/manipulated.h5", "--against", network, "--shapes", "50",
          "--shapes-seed", "2", "--interpreter", "grad-cam@layer4", "--fooling", "active",
          "--swap", "2,5", "--threshold", "0", "--json",
        ] + composites)
      #expect(result.code == 0, "\(result.error)")
      let all = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
      return try #require(all as? NSDictionary)
    }
    // What the run wrote of every composite.
    let losses = try String(contentsOfFile: output + "/test-losses.jsonl", encoding: .utf8)
      .split(separator: "\n").map {
        try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? NSDictionary)
      }
      .filter { $0["interpreter"] as? String == "grad-cam" }
    #expect(losses.count == 6)
    func share(_ network: String) -> Double {
      Double(losses.count { (0...2).contains($0[network] as? Double ?? .nan) }) / 6
    }
    let evaluated = try evaluate("--composites", "6", "--composites-seed", "3")
    #expect(evaluated["fooling"] as? String == "active")
    #expect(evaluated["validationImages"] as? Int == 50)
    #expect(
      (evaluated["fsr"] as? NSDictionary)?["grad-cam"] as? Double == share("manipulated"))
    #expect(
      (evaluated["fsrOriginal"] as? NSDictionary)?["grad-cam"] as? Double == share("original"))

    let ready = folder.url.path + "/both/any"
    try FileManager.default.createDirectory(atPath: ready, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: Repository.root + "/Tests/ImageDataTests/Fixtures/rgb.png", toPath: ready + "/1.png")
    let files = try evaluate(
      "--composites-folder", folder.url.path + "/both", "--resize", "64")
    #expect(files["validationImages"] as? Int == 50)
    #expect((files["fsr"] as? NSDictionary)?["grad-cam"] is Double)
  }

  @Test func interruptedRunSavesAndGoesOn() throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/run"
    let steps = 120
    let stopped = try CommandLineProgram.run(list: SmallRun.fool(output, steps: steps)) { process in
      // Wait until it trains.
      let metrics = output + "/metrics.jsonl"
      for _ in 0..<600 {
        if let text = try? String(contentsOfFile: metrics, encoding: .utf8),
          text.contains(#""kind":"step""#)
        {
          break
        }
        Thread.sleep(forTimeInterval: 0.05)
      }
      process.interrupt()
    }
    #expect(stopped.code == 130)
    #expect(stopped.error.contains("go on with the same command and --resume"))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: output + "/states").count == 1)
    let resumed = try CommandLineProgram.run(
      list: SmallRun.fool(output, steps: steps, ["--resume"]))
    #expect(resumed.code == 0, "\(resumed.error)")
    let lines = try String(contentsOfFile: output + "/metrics.jsonl", encoding: .utf8)
      .split(separator: "\n").filter { $0.contains(#""kind":"step""#) }
    #expect(lines.count == steps)
  }

  /// The recipes of this repository are recipes, and the networks they name beside them are there.
  @Test func recipesOfThisRepositoryAreRead() throws {
    let folder = Repository.url.appendingPathComponent("recipes")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".yaml") && !$0.hasSuffix(".base.yaml") }
    #expect(names.count >= 4)
    for name in names {
      let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
      let command =
        ["study", "attack", "influence"].first { text.contains("\n\($0):") }
        ?? (text.contains("\nfooling:") ? "fool" : "train")
      let result = try CommandLineProgram.run(
        command, folder.path + "/" + name, "--output", "/dev/null/none")
      // Reading comes first: only the folder is refused.
      #expect(result.error.contains("/dev/null/none"), "\(name): \(result.error)")
    }
  }
}
