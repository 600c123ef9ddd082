import Foundation
import Testing

/// Runs over a grid, as processes.
@Suite(.serialized) struct SweepTests {
  private func sweep(_ output: String, _ more: [String] = []) -> [String] {
    let recipe = SmallRun.fool(output, steps: 6)
    return ["sweep"] + recipe.dropFirst()
      + [
        "--set", "data.shapes.validation=20", "--set", "report.images=2",
        "--set", "evaluation.interpreters=[]", "--set", "training.saveEvery=2",
        "--grid", "training.learningRate=1e-4,1e-2", "--seeds", "2",
      ] + more
  }

  private func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  private func runs(_ folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder + "/runs")) ?? [])
      .filter { !$0.hasSuffix(".yaml") }.sorted()
  }

  private func waitUntil(_ condition: () -> Bool) {
    for _ in 0..<1200 where !condition() { Thread.sleep(forTimeInterval: 0.025) }
  }

  private func isFinished(_ folder: String, _ count: Int) -> Bool {
    runs(folder).count {
      FileManager.default.fileExists(atPath: "\(folder)/runs/\($0)/summary.json")
    } >= count
  }

  /// `TROMPE_KILLS` makes it 2 × 3 points, as a night has time for.
  @Test func aSweepThatIsKilledTwiceGivesTheSameTable() throws {
    let isLong = ProcessInfo.processInfo.environment["TROMPE_KILLS"] != nil
    let more = isLong ? ["--grid", "fooling.lambda=1,4,16"] : []
    let folder = try TemporaryFolder()
    let (whole, output) = (folder.url.path + "/whole", folder.url.path + "/killed")
    let result = try CommandLineProgram.run(list: sweep(whole, more + ["--json"]))
    #expect(result.code == 0, "\(result.error)")

    var arguments = sweep(output, more)
    for finished in [0, 2] {
      let killed = try CommandLineProgram.run(list: arguments) { process in
        waitUntil { runs(output).count > finished && isFinished(output, finished) }
        kill(process.processIdentifier, SIGKILL)
      }
      #expect(killed.code != 0)
      #expect(!FileManager.default.fileExists(atPath: output + "/sweep.csv"))
      arguments = sweep(output, more + ["--resume"])
    }
    let resumed = try CommandLineProgram.run(list: arguments)
    #expect(resumed.code == 0, "\(resumed.error)")
    for file in ["sweep.csv", "summary.json", "report.html"] {
      let own = try text(output + "/" + file).replacing("killed", with: "whole")
      #expect(try own == text(whole + "/" + file), "\(file)")
    }
    let table = try text(whole + "/sweep.csv").split(separator: "\n")
    #expect(table.count == 1 + (isLong ? 12 : 4))
    #expect(Set(table).count == table.count)
  }

  /// What is measured of the original network is the same whether a run measures it or takes it from another.
  @Test func aRunOfASweepIsThatOfItsRecipeAlone() throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/sweep"
    let result = try CommandLineProgram.run(list: sweep(output, ["--at-once", "2"]))
    #expect(result.code == 0, "\(result.error)")
    let name = try #require(runs(output).last)
    let alone = folder.url.path + "/alone"
    let single = try CommandLineProgram.run("fool", "\(output)/runs/\(name).yaml", "-o", alone)
    #expect(single.code == 0, "\(single.error)")
    for file in [
      "recipe.yaml", "manipulated.h5", "predictions.csv", "test-losses.jsonl", "report.json",
    ] {
      let own = try Data(contentsOf: URL(fileURLWithPath: "\(output)/runs/\(name)/\(file)"))
      #expect(try own == Data(contentsOf: URL(fileURLWithPath: "\(alone)/\(file)")), "\(file)")
    }
    #expect(SmallRun.metrics("\(output)/runs/\(name)") == SmallRun.metrics(alone))
    let kept = try FileManager.default.contentsOfDirectory(atPath: output + "/originals")
    #expect(kept.count { $0.hasSuffix(".json") } == 1)
  }

  @Test func jobsOfAnArrayShareAFolder() throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/sweep"
    let first = try CommandLineProgram.run(list: sweep(output, ["--array", "2/2"]))
    #expect(first.code == 0, "\(first.error)")
    #expect(first.output.contains("2 of 4 runs are not finished"))
    let collected = try CommandLineProgram.run("sweep", "--collect", output)
    #expect(collected.code == 0 && collected.output == first.output, "\(collected.error)")
    #expect(try text(output + "/sweep.csv").split(separator: "\n").count == 3)
    // The last job has the table of all.
    let last = try CommandLineProgram.run(list: sweep(output, ["--array", "1/2"]))
    #expect(last.code == 0, "\(last.error)")
    #expect(try text(output + "/sweep.csv").split(separator: "\n").count == 5)

    let others = [
      (["--seeds", "3", "--resume"], "its seeds were 1, 2, and are 1, 2, 3"),
      (["--grid", "fooling.lambda=1,2", "--resume"], "it was begun without --grid fooling.lambda"),
      (["--set", "training.beta1=0.5", "--resume"], "was begun with another recipe"),
      ([], "already holds a sweep; continue it with --resume"),
    ]
    for (more, message) in others {
      let refused = try CommandLineProgram.run(list: sweep(output, more))
      #expect(refused.code == 1 && refused.error.contains(message), "\(refused.error)")
    }
  }

  @Test func aRunThatFailsIsNamedAndTheOthersGoOn() throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/sweep"
    let result = try CommandLineProgram.run(
      list: sweep(
        output,
        ["--grid", "network.checkpoint=\(Repository.root)/checkpoints/shapes-resnet.h5,none.h5"]
      )
      .filter { $0 != "2" && $0 != "--seeds" })
    #expect(result.code == 1)
    #expect(result.error.contains("2 of 4 runs failed"), "\(result.error)")
    #expect(result.error.contains("none.h5"), "\(result.error)")
    #expect(try text(output + "/sweep.csv").split(separator: "\n").count == 3)
  }

  @Test func aPointThatIsNoRecipeIsNamedBeforeAnyRun() throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/sweep"
    let refused = [
      (["--grid", "fooling.lambda=1,-1"], "--grid fooling.lambda=-1: fooling.lambda is -1"),
      (["--grid", "fooling.lamda=1"], "--grid fooling.lamda=1"),
      (["--array", "3/2"], "--array 3/2: expected I/N"),
      (["--array", "1/9"], "--array 1/9: the sweep has 4 runs, fewer than jobs"),
      (["--resume"], "holds no sweep to resume"),
    ]
    for (more, message) in refused {
      let result = try CommandLineProgram.run(list: sweep(output, more))
      #expect(result.code == 1 && result.error.contains(message), "\(result.error)")
      #expect(runs(output) == [])
    }
    #expect(try CommandLineProgram.run("sweep", "--collect", output).error.contains(output))
    folder.keepsForeign("x", in: output)
    let foreign = try CommandLineProgram.run(list: sweep(output))
    #expect(foreign.code == 1 && foreign.error.contains("holds other files"), "\(foreign.error)")
  }
}

extension TemporaryFolder {
  /// Writes a file that no run has written into a folder, which is made if it is not there.
  fileprivate func keepsForeign(_ name: String, in path: String) {
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    _ = FileManager.default.createFile(atPath: path + "/" + name, contents: Data())
  }
}
