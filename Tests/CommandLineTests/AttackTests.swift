import Foundation
import Testing

/// `trompe attack` on images without classes, stopped and resumed.
@Suite struct AttackTests {
  private let network = Repository.root + "/checkpoints/shapes-resnet.h5"

  /// Images of one size without folders of classes: what an attack on the built-in ones has written.
  private func images(_ folder: TemporaryFolder) throws {
    let made = try CommandLineProgram.run(
      list: [
        "attack", Repository.root + "/recipes/shapes-attack.yaml", "--quiet", "--output", "made",
        "--set", "attack.images=5", "--set", "attack.methods=[random-sign]", "--set",
        "attack.epsilon=[1]", "--set", "attack.iterations=1", "--set", "data.shapes.validation=60",
      ], in: folder.url)
    #expect(made.code == 0, "\(made.error)")
    try FileManager.default.moveItem(
      atPath: folder.url.path + "/made/images/random-sign-1",
      toPath: folder.url.path + "/photos")
    try folder.write(
      """
      network: {checkpoint: \(network)}
      data: {validation: photos}
      interpreter: {name: simple-grad}
      attack: {methods: [random-sign, top-k], epsilon: [2, 4], iterations: 3, images: 4}
      evaluation: {batchSize: 2}
      """, to: "attack.yaml")
  }

  private func attack(
    _ output: String, in folder: TemporaryFolder, _ more: [String] = [],
    whileRunning: (Process) throws -> Void = { _ in }
  ) throws -> CommandLineProgram.Result {
    try CommandLineProgram.run(
      list: ["attack", "attack.yaml", "--output", output] + more, in: folder.url,
      whileRunning: whileRunning)
  }

  private func json(_ file: String, _ folder: TemporaryFolder) throws -> [String: Any] {
    let data = try Data(contentsOf: folder.url.appendingPathComponent(file))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test func predictionsStandForLabelsWhereThereAreNone() throws {
    let folder = try TemporaryFolder()
    try images(folder)
    let result = try attack("run", in: folder)
    #expect(result.code == 0, "\(result.error)")
    #expect(result.error.contains("predictions stand for labels"), "\(result.error)")
    #expect(result.output.contains("4 images, their labels predicted"), "\(result.output)")
    let summary = try json("run/summary.json", folder)
    #expect(summary["labelsArePredictions"] as? Bool == true)
    #expect(summary["images"] as? Int == 4 && summary["unfinished"] == nil)
    // Each image is attacked for the class that the network gives it.
    let explained = try CommandLineProgram.run(
      list: ["explain", network, "photos", "--json", "--quiet"], in: folder.url)
    let readings = try #require(
      try JSONSerialization.jsonObject(with: Data(explained.output.utf8)) as? [[String: Any]])
    var predicted: [String: String] = [:]
    for reading in readings {
      let name = ((reading["image"] as? String ?? "") as NSString).lastPathComponent
      let network = reading["network"] as? [String: Any]
      predicted[name] = (network?["predicted"] as? [String: Any])?["name"] as? String
    }
    let lines = try String(
      contentsOfFile: folder.url.path + "/run/attacks.jsonl", encoding: .utf8
    ).split(separator: "\n")
    #expect(lines.count == 2 * 2 * 4)
    for line in lines {
      let record = try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let name = ((record["image"] as? String ?? "") as NSString).lastPathComponent
      #expect(record["label"] as? String == predicted[name])
      #expect(record["keepsLabel"] as? Bool == true)
    }
    let page = try String(contentsOfFile: folder.url.path + "/run/report.html", encoding: .utf8)
    #expect(page.contains("stand for labels") && !page.contains("correctly classified"))
  }

  /// Interrupted, it sums up what is finished; resumed, it ends with the same bytes.
  @Test func anInterruptedAttackIsSummedUpAndResumedToTheSameBytes() throws {
    let folder = try TemporaryFolder()
    try images(folder)
    let settings = ["--set", "attack.iterations=60", "--set", "attack.checkEvery=3"]
    let whole = try attack("whole", in: folder, settings)
    #expect(whole.code == 0, "\(whole.error)")
    let progress = folder.url.path + "/part/progress/summary.json"
    let stopped = try attack("part", in: folder, settings) { process in
      let end = Date(timeIntervalSinceNow: 120)
      while !FileManager.default.fileExists(atPath: progress), process.isRunning, end > Date() {
        usleep(1000)
      }
      kill(process.processIdentifier, SIGINT)
    }
    #expect(stopped.code == 130, "\(stopped)")
    #expect(stopped.output.contains(" of 4 attacks are not finished"), "\(stopped.output)")
    #expect(
      stopped.error.contains("--resume --output ")
        && stopped.error.contains("progress/summary.json"),
      "\(stopped.error)")
    let begun = try json("part/progress/summary.json", folder)
    #expect((begun["unfinished"] as? Int ?? 0) > 0)

    let again = try attack("part", in: folder, settings)
    #expect(again.code == 1 && again.error.contains("continue it with --resume"), "\(again.error)")
    let other = try attack("part", in: folder, ["--resume"])
    #expect(other.code == 1 && other.error.contains("another recipe"), "\(other.error)")

    // Other images than it began with, and lines that were changed, are refused.
    let list = try FileManager.default.contentsOfDirectory(atPath: folder.url.path + "/photos")
    let extra = folder.url.path + "/photos/zz.png"
    try FileManager.default.copyItem(
      atPath: folder.url.path + "/photos/" + (try #require(list.first)), toPath: extra)
    let images = try attack("part", in: folder, settings + ["--resume"])
    #expect(images.code == 1 && images.error.contains("6 images where the run began with 5"))
    try FileManager.default.removeItem(atPath: extra)
    let log = folder.url.appendingPathComponent("part/attacks.jsonl")
    let lines = try String(contentsOf: log, encoding: .utf8)
    try lines.replacing("\"keepsLabel\":true", with: "\"keepsLabel\":false", maxReplacements: 1)
      .write(to: log, atomically: true, encoding: .utf8)
    let changed = try attack("part", in: folder, settings + ["--resume"])
    #expect(
      changed.code == 1 && changed.error.contains("changed after the run"), "\(changed.error)")
    try lines.write(to: log, atomically: true, encoding: .utf8)

    let resumed = try attack("part", in: folder, settings + ["--resume"])
    #expect(resumed.code == 0, "\(resumed.error)")
    #expect(resumed.error.contains("is finished already"))
    let files =
      ["attacks.jsonl", "recipe.yaml"]
      + (try FileManager.default.subpathsOfDirectory(
        atPath: folder.url.path + "/whole/images"
      ).filter { $0.hasSuffix(".png") }.map { "images/" + $0 })
    #expect(files.count == 2 + 16)
    for file in files {
      #expect(
        try Data(contentsOf: folder.url.appendingPathComponent("part/" + file))
          == Data(contentsOf: folder.url.appendingPathComponent("whole/" + file)), "\(file)")
    }
    func results(_ name: String) throws -> NSArray {
      let results = try json(name + "/summary.json", folder)["results"] as? [[String: Any]]
      return try #require(results).map { result in
        result.filter { $0.key != "seconds" }
      } as NSArray
    }
    #expect(try results("part") == results("whole"))
    func gallery(_ name: String) throws -> [String] {
      try String(contentsOfFile: folder.url.path + "/\(name)/report.html", encoding: .utf8)
        .components(separatedBy: "<img").dropFirst().map {
          String($0.prefix { $0 != ">" })
        }
    }
    #expect(try gallery("part") == gallery("whole"))
    #expect(!FileManager.default.fileExists(atPath: folder.url.path + "/part/progress"))
    let finished = try attack("part", in: folder, settings + ["--resume"])
    #expect(finished.code == 1 && finished.error.contains("nothing is left to resume"))
  }
}
