import Foundation
import Testing

/// The folder of a run is the folder, wherever it is moved.
@Suite(.serialized) struct MovedFolderTests {
  private let folder: TemporaryFolder
  private var output: String { folder.url.path + "/run" }
  private var moved: String { folder.url.path + "/elsewhere/moved" }

  init() throws { folder = try TemporaryFolder() }

  private func fool(_ output: String, steps: Int, _ more: [String] = []) -> [String] {
    SmallRun.fool(
      output, steps: steps,
      [
        "--set", "training.saveEvery=3", "--set", "report.images=4", "--set",
        "evaluation.interpreters=[]", "--tensorboard",
      ] + more)
  }

  private func wait(_ condition: () -> Bool) {
    for _ in 0..<2400 {
      if condition() { return }
      Thread.sleep(forTimeInterval: 0.025)
    }
  }

  private func hasState() -> Bool {
    ((try? FileManager.default.contentsOfDirectory(atPath: output + "/states")) ?? []).contains {
      $0.hasPrefix("step-")
    }
  }

  private func move() throws {
    try FileManager.default.createDirectory(
      atPath: folder.url.path + "/elsewhere", withIntermediateDirectories: true)
    try #require(rename(output, moved) == 0)
  }

  /// Bytes of the log.
  private func logged(_ folder: String) -> Int {
    var status = stat()
    return stat(folder + "/metrics.jsonl", &status) == 0 ? Int(status.st_size) : 0
  }

  @Test func renamedFoldersGetEverything() throws {
    let whole = folder.url.path + "/whole"
    #expect(try CommandLineProgram.run(list: fool(whole, steps: 40)).code == 0)
    let result = try CommandLineProgram.run(list: fool(output, steps: 40)) { _ in
      wait(hasState)
      try move()
    }
    #expect(result.code == 0, "\(result.error)")
    #expect(
      result.error.contains(
        "warning: \(output) was moved while it was in use: its files are in \(moved)"))
    #expect(!FileManager.default.fileExists(atPath: output))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: moved).sorted()
        == FileManager.default.contentsOfDirectory(atPath: whole).sorted())
    for name in ["manipulated.h5", "test-losses.jsonl", "report.json", "recipe.yaml"] {
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: moved + "/" + name))
          == Data(contentsOf: URL(fileURLWithPath: whole + "/" + name)), "\(name)")
    }
    #expect(SmallRun.metrics(moved) == SmallRun.metrics(whole))
  }

  /// What it says is where to go on.
  @Test func stoppedInARenamedFolderItSaysWhereToGoOn() throws {
    let stopped = try CommandLineProgram.run(list: fool(output, steps: 100_000)) { process in
      wait(hasState)
      try move()
      let before = logged(moved)
      wait { logged(moved) > before + 1000 }
      process.interrupt()
    }
    #expect(stopped.code == 130)
    #expect(
      stopped.error.contains("go on with the same command and --resume --output \(moved)\n"),
      "\(stopped.error)")
    let resumed = try CommandLineProgram.run(list: fool(moved, steps: 100_000, ["--resume"])) {
      let before = logged(moved)
      wait { logged(moved) > before + 1000 }
      $0.interrupt()
    }
    #expect(resumed.code == 130 && resumed.error.contains("resumed after step"))
  }

  /// In another's place.
  @Test func whatComesInItsPlaceIsLeftAlone() throws {
    let result = try CommandLineProgram.run(list: fool(output, steps: 40)) { _ in
      wait(hasState)
      try move()
      try FileManager.default.createDirectory(
        atPath: output, withIntermediateDirectories: true)
      try folder.write("my own\n", to: "run/report.html")
    }
    #expect(result.code == 0, "\(result.error)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: output) == ["report.html"])
    #expect(FileManager.default.fileExists(atPath: moved + "/summary.json"))
  }

  @Test func deletedFoldersEndTheRun() throws {
    let result = try CommandLineProgram.run(list: fool(output, steps: 100_000, ["--quiet"])) { _ in
      wait(hasState)
      // What the run writes meanwhile is deleted as well.
      wait {
        try? FileManager.default.removeItem(atPath: output)
        return !FileManager.default.fileExists(atPath: output)
      }
    }
    #expect(result.code == 1)
    // Files are deleted before their folder: the run may notice one of them first.
    let possible = [
      "trompe: \(output) was deleted while the run was writing to it, so what it had written is "
        + "lost; start again\n",
      "trompe: \(output)/metrics.jsonl: cannot be written: it was removed while it was in use\n",
    ]
    #expect(possible.contains(result.error), "\(result.error)")
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  /// The log goes, the states stay.
  @Test func deletedLogsEndTheRunAndKeepItsState() throws {
    let result = try CommandLineProgram.run(list: fool(output, steps: 100_000, ["--quiet"])) { _ in
      wait(hasState)
      try FileManager.default.removeItem(atPath: output + "/metrics.jsonl")
    }
    #expect(result.code == 1)
    #expect(
      result.error.contains(
        /^trompe: .*\/metrics\.jsonl: cannot be written: it was removed while it was in use; the state after step \d+ is kept, go on with the same command and --resume --output .*\n$/
      ), "\(result.error)")
    #expect(hasState())
  }

  /// Attacks write a file for each image.
  @Test func attacksFollowTheirFolder() throws {
    let arguments = [
      "attack", Repository.root + "/recipes/shapes-attack.yaml", "--output", output,
      "--set", "attack.images=8", "--set", "data.shapes.validation=40", "--set",
      "attack.iterations=4", "--set", "attack.checkEvery=2", "--set",
      "attack.methods=[random-sign]",
    ]
    let result = try CommandLineProgram.run(list: arguments) { _ in
      wait { FileManager.default.fileExists(atPath: output + "/recipe.yaml") }
      try move()
    }
    #expect(result.code == 0, "\(result.error)")
    #expect(!FileManager.default.fileExists(atPath: output))
    let names = try FileManager.default.contentsOfDirectory(atPath: moved)
    #expect(Set(["summary.json", "report.html", "attacks.jsonl", "images"]).isSubset(of: names))
  }
}
