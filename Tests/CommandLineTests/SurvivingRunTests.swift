import Foundation
import Testing

/// Runs that are killed, run out of room, lose their data or meet another: real processes.
@Suite(.serialized) struct SurvivingRunTests {
  private static let saveEvery = 3

  private func fool(_ output: String, steps: Int = 24, _ more: [String] = []) -> [String] {
    SmallRun.fool(
      output, steps: steps,
      [
        "--set", "training.saveEvery=\(Self.saveEvery)", "--set", "report.images=4",
        "--set", "evaluation.interpreters=[]",
      ] + more)
  }

  private func bytes(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path))
  }

  /// The last step in the log that is whole.
  private func lastStep(_ folder: String) -> Int {
    SmallRun.metrics(folder).compactMap { line -> Int? in
      let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return object?["kind"] as? String == "step" ? object?["step"] as? Int : nil
    }.max() ?? 0
  }

  private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  private func waitUntil(_ condition: () -> Bool) {
    for _ in 0..<1200 {
      if condition() { return }
      Thread.sleep(forTimeInterval: 0.025)
    }
  }

  /// `TROMPE_KILLS` sets how often, e.g. for a night's run.
  @Test func killedRunsGoOnAsIfTheyHadNotBeen() throws {
    let kills = ProcessInfo.processInfo.environment["TROMPE_KILLS"].flatMap { Int($0) } ?? 5
    let folder = try TemporaryFolder()
    let whole = folder.url.path + "/whole"
    let begin = Date()
    #expect(try CommandLineProgram.run(list: fool(whole)).code == 0)
    let duration = Date().timeIntervalSince(begin)

    func expectSameAsWhole(_ output: String, wasKilled: Bool = false) throws {
      for name in ["manipulated.h5", "test-losses.jsonl", "report.json"] {
        #expect(try bytes(output + "/" + name) == bytes(whole + "/" + name), "\(name)")
      }
      #expect(SmallRun.metrics(output) == SmallRun.metrics(whole))
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: output).filter {
          // Killed while it removed its states, a run leaves them as something to remove.
          $0 == "states" || $0.hasSuffix(".partial") && !(wasKilled && $0.hasPrefix(".states."))
        } == [])
    }

    var (killed, number, before) = (0, 0, 0)
    while true {
      let output = folder.url.path + "/\(number)"
      let isBegun = exists(output + "/recipe.yaml")
      if exists(output + "/summary.json"), !exists(output + "/states") {
        try expectSameAsWhole(output, wasKilled: true)
        (number, before) = (number + 1, 0)
        continue
      }
      let isLast = killed == kills
      var wasKilled = false
      let result = try CommandLineProgram.run(
        list: fool(output, isBegun ? ["--resume"] : [])
      ) { process in
        guard !isLast else { return }
        Thread.sleep(forTimeInterval: .random(in: 0.05...duration + 0.1))
        wasKilled = process.isRunning
        kill(process.processIdentifier, SIGKILL)
      }
      // At most one interval of steps is done again.
      if let resumed = result.error.firstMatch(of: /resumed after step (\d+)/) {
        #expect((Int(resumed.1) ?? 0) + Self.saveEvery >= before, "\(result.error)")
      } else if isBegun, result.error.contains("begins anew") {
        #expect(before <= Self.saveEvery)
      }
      #expect(!result.error.contains("is skipped"), "\(result.error)")
      before = max(before, lastStep(output))
      if result.code == 0 {
        try expectSameAsWhole(output)
        (number, before) = (number + 1, 0)
        if isLast { break }
      } else {
        try #require(wasKilled && result.code == SIGKILL, "\(result.error)")
        killed += 1
      }
    }
  }

  @Test(arguments: [SIGTERM, SIGHUP])
  func signalsSaveBeforeTheyEnd(signal: Int32) throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/run"
    let stopped = try CommandLineProgram.run(list: fool(output, steps: 100_000)) { process in
      waitUntil { lastStep(output) > 0 }
      kill(process.processIdentifier, signal)
    }
    #expect(stopped.code == 128 + signal)
    #expect(stopped.error.contains("go on with the same command and --resume"))
    let states = try FileManager.default.contentsOfDirectory(atPath: output + "/states")
    #expect(states.contains("step-\(lastStep(output)).h5"))
  }

  @Test func secondRunInAFolderIsRefusedWhileTheFirstLives() throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/run"
    var refusals: [CommandLineProgram.Result] = []
    let first = try CommandLineProgram.run(list: fool(output, steps: 100_000)) { process in
      waitUntil { lastStep(output) >= Self.saveEvery + 1 }
      for more in [[], ["--resume"]] {
        refusals.append(try CommandLineProgram.run(list: fool(output, steps: 100_000, more)))
      }
      kill(process.processIdentifier, SIGKILL)
    }
    #expect(first.code == SIGKILL)
    for refusal in refusals {
      #expect(refusal.code == 1)
      #expect(
        refusal.error.contains(
          /^trompe: .*\/run is in use by another run \(process \d+ on .*\); wait for it, or name another --output\n$/
        ), "\(refusal.error)")
    }
    // A dead process holds no lock.
    #expect(exists(output + "/run.lock"))
    let next = try CommandLineProgram.run(list: fool(output, steps: 100_000, ["--resume"])) {
      let before = lastStep(output)
      waitUntil { lastStep(output) > before }
      $0.interrupt()
    }
    #expect(next.code == 130 && next.error.contains("resumed after step"))
  }

  /// A file that may not grow is a disk that is full: a write that is cut short, then an error.
  @Test func runWithoutRoomKeepsTheLastState() throws {
    let folder = try TemporaryFolder()
    let (whole, output) = (folder.url.path + "/whole", folder.url.path + "/run")
    #expect(try CommandLineProgram.run(list: fool(whole, steps: 8)).code == 0)
    let stopped = try CommandLineProgram.run(list: fool(output, steps: 8)) { process in
      waitUntil { exists(output + "/states/step-3.h5") }
      kill(process.processIdentifier, SIGKILL)
    }
    #expect(stopped.code == SIGKILL)
    let kept = lastStep(output) < 6 ? 3 : 6
    let full = try CommandLineProgram.run(
      list: fool(output, steps: 8, ["--resume", "--quiet"]), fileBlocks: 1000)
    #expect(full.code == 1)
    #expect(
      full.error.contains(
        /^trompe: .*\/states\/step-\d\.h5: cannot be written \(HDF5: File too large\); the state after step \d is kept, go on with the same command and --resume --output .*\n$/
      ), "\(full.error)")
    #expect(exists(output + "/states/step-\(kept).h5"))
    let resumed = try CommandLineProgram.run(list: fool(output, steps: 8, ["--resume"]))
    #expect(resumed.code == 0, "\(resumed.error)")
    #expect(try bytes(output + "/manipulated.h5") == bytes(whole + "/manipulated.h5"))
  }

  @Test func folderThatCannotBeWrittenIsNamed() throws {
    let none = try CommandLineProgram.run(list: fool("/proc/run"))
    #expect(none.code == 1)
    #expect(
      none.error
        == "trompe: /proc/run: the output folder cannot be made: No such file or directory\n")
    guard geteuid() != 0 else { return }  // who may write anywhere
    let folder = try TemporaryFolder()
    chmod(folder.url.path, 0o555)
    defer { chmod(folder.url.path, 0o755) }
    let closed = try CommandLineProgram.run(list: fool(folder.url.path))
    #expect(closed.code == 1)
    #expect(closed.error == "trompe: \(folder.url.path) cannot be written: Permission denied\n")
  }

  @Test func runWhoseDataVanishesSavesWhatItHasDone() throws {
    let folder = try TemporaryFolder()
    let (data, output) = (folder.url.path + "/data", folder.url.path + "/run")
    for name in 0..<10 {
      try FileManager.default.createDirectory(
        atPath: "\(data)/\(name)", withIntermediateDirectories: true)
      for copy in 0..<20 {
        try FileManager.default.copyItem(
          atPath: Repository.root + "/Tests/ImageDataTests/Fixtures/rgb.png",
          toPath: "\(data)/\(name)/\(copy).png")
      }
    }
    let names = ["network.classNames=[\((0..<10).map { "\"\($0)\"" }.joined(separator: ", "))]"]
    let source = ["data={train: \(data), validation: \(data)}"] + names
    func arguments(_ more: [String] = []) -> [String] {
      // What sets the built-in images goes with its "--set".
      var list = self.fool(output, steps: 100_000, source.flatMap { ["--set", $0] } + more)
      while let index = list.firstIndex(where: { $0.hasPrefix("data.shapes.") }) {
        list.removeSubrange(index - 1...index)
      }
      return list
    }
    let ended = try CommandLineProgram.run(list: arguments(["--quiet"])) { _ in
      waitUntil { lastStep(output) > Self.saveEvery }
      try FileManager.default.moveItem(atPath: data, toPath: data + "-gone")
    }
    #expect(ended.code == 1)
    let last = lastStep(output)
    let sentence = try #require(
      ended.error.split(separator: "\n").last.map(String.init), "\(ended.error)")
    #expect(
      sentence.contains("unreadable")
        && sentence.contains("the state after step \(last) is kept, go on with the same command"),
      "\(ended.error)")
    try FileManager.default.moveItem(atPath: data + "-gone", toPath: data)
    let next = try CommandLineProgram.run(list: arguments(["--resume"])) {
      waitUntil { lastStep(output) > last }
      $0.interrupt()
    }
    #expect(next.code == 130 && next.error.contains("resumed after step \(last)\n"))
  }
}
