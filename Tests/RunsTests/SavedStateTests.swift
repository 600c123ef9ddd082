import Checkpoints
import Foundation
import Manipulation
import RunTestSupport
import Testing

/// States of a run that is not finished: which are kept, and which are believed.
struct SavedStateTests {
  private func recipe(steps: Int = 6, keep: Int = 2) -> TrainingRecipe {
    var recipe = Tiny.training(steps: steps)
    (recipe.training.saveEvery, recipe.training.keepStates) = (1, keep)
    return recipe
  }

  private func states(_ run: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: run + "/states").sorted()
  }

  /// A run that is stopped after `steps` of its 6 steps.
  private func stopped(_ output: String, after steps: Int, keep: Int = 2) throws {
    let stop = StopRequest()
    let run = try ClassifierTrainingRun(recipe(keep: keep), output: output, stop: stop) {
      if case .step(let report) = $0, report.step == steps { stop.stop() }
    }
    #expect(throws: RunStopped.self) { try run.run() }
  }

  private func damage(_ path: String) throws {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    // Numbers fill most of a file: nothing of HDF5 notices.
    for place in stride(from: bytes.count / 4, to: bytes.count * 3 / 4, by: 997) {
      bytes[place] ^= 0x10
    }
    try bytes.write(to: URL(fileURLWithPath: path))
  }

  @Test(arguments: [1, 2, 4])
  func newestStatesAreKept(count: Int) throws {
    let folder = try TemporaryFolder()
    try stopped(folder("run"), after: 5, keep: count)
    #expect(try states(folder("run")) == (6 - count...5).map { "step-\($0).h5" })
  }

  @Test func finishedRunsKeepNone() throws {
    let folder = try TemporaryFolder()
    _ = try ClassifierTrainingRun(recipe(), output: folder("run")).run()
    #expect(!FileManager.default.fileExists(atPath: folder("run/states")))
    #expect(!FileManager.default.fileExists(atPath: folder("run/run.lock")))
  }

  fileprivate enum Damage: CaseIterable, Sendable { case flipped, truncated, empty }

  @Test(arguments: Damage.allCases)
  fileprivate func damagedStateIsReportedAndSkipped(kind: Damage) throws {
    let folder = try TemporaryFolder()
    _ = try ClassifierTrainingRun(recipe(), output: folder("whole")).run()
    try stopped(folder("run"), after: 4)
    let newest = folder("run/states/step-4.h5")
    switch kind {
    case .flipped: try damage(newest)
    case .truncated: truncate(newest, 20_000)
    case .empty: truncate(newest, 0)
    }
    var (notes, warnings): ([String], [String]) = ([], [])
    _ = try ClassifierTrainingRun(recipe(), output: folder("run"), resume: true) {
      if case .warning(let text) = $0 { warnings.append(text) }
      if case .note(let text) = $0 { notes.append(text) }
    }.run()
    #expect(notes.contains("resumed after step 3"))
    #expect(warnings.count == 1)
    #expect(warnings[0].hasPrefix(newest + ": ") && warnings[0].hasSuffix(", and is skipped"))
    #expect(
      try comparable(folder("whole/metrics.jsonl")) == comparable(folder("run/metrics.jsonl")))
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: folder("run/network.h5")))
        == Data(contentsOf: URL(fileURLWithPath: folder("whole/network.h5"))))
  }

  @Test func runWithDamagedStatesOnlyIsNotBegunAnew() throws {
    let folder = try TemporaryFolder()
    try stopped(folder("run"), after: 3)
    for name in try states(folder("run")) { try damage(folder("run/states/" + name)) }
    let run = try ClassifierTrainingRun(recipe(), output: folder("run"), resume: true)
    #expect { try run.run() } throws: {
      "\($0)".hasPrefix(folder("run/states") + " holds no state that can be read")
    }
    #expect(try states(folder("run")).count == 2)
  }

  /// Killed before its first state: nothing is lost by beginning again.
  @Test func runWithoutStatesBeginsAnew() throws {
    let folder = try TemporaryFolder()
    _ = try ClassifierTrainingRun(recipe(), output: folder("whole")).run()
    try FileManager.default.createDirectory(
      atPath: folder("run"), withIntermediateDirectories: true)
    try recipe().resolvedYAML().write(
      toFile: folder("run/recipe.yaml"), atomically: true, encoding: .utf8)
    try "{\"kind\":\"step\",\"step\":1}\n{\"kind\":\"st".write(
      toFile: folder("run/metrics.jsonl"), atomically: true, encoding: .utf8)
    let temporary = folder("run/.metrics.jsonl.\(UUID().uuidString).partial")
    try "half".write(toFile: temporary, atomically: true, encoding: .utf8)
    #expect {
      try ClassifierTrainingRun(Tiny.training(seed: 9), output: folder("run"), resume: true).run()
    } throws: { "\($0)".contains("was begun with another recipe") }
    _ = try ClassifierTrainingRun(recipe(), output: folder("run"), resume: true).run()
    #expect(
      try comparable(folder("whole/metrics.jsonl")) == comparable(folder("run/metrics.jsonl")))
    #expect(!FileManager.default.fileExists(atPath: temporary))
  }

  /// A finished run removes its states at once: killed meanwhile, it leaves what the next one removes.
  @Test func statesAreRemovedAtOnce() throws {
    let folder = try TemporaryFolder()
    try stopped(folder("run"), after: 3)
    _ = try ClassifierTrainingRun(recipe(), output: folder("run"), resume: true).run()
    let leftover = folder("run/.states.\(UUID().uuidString).partial")
    try FileManager.default.createDirectory(atPath: leftover, withIntermediateDirectories: true)
    try "half".write(toFile: leftover + "/step-6.h5", atomically: true, encoding: .utf8)
    #expect {
      try ClassifierTrainingRun(recipe(), output: folder("run"), resume: true)
    } throws: { "\($0)".contains("holds a run that is finished") }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder("run"))
    #expect(!names.contains { $0.contains("states") }, "\(names)")
  }

  /// A state that does not say what was read cannot be compared with what is there.
  @Test func statesOfOlderVersionsAreRefused() throws {
    let folder = try TemporaryFolder()
    try stopped(folder("run"), after: 3)
    for name in ["step-2.h5", "step-3.h5"] {
      let path = folder("run/states/" + name)
      let file = try HDF5File(path: path)
      let layers = try LoadedNetwork(NetworkSection(checkpoint: path)).architecture.parameters
      var checkpoint = try Checkpoint(
        contentsOf: file, expecting: layers.map { .init(name: $0.name, shape: $0.shape) })
      var text = try #require(
        JSONSerialization.jsonObject(with: Data(checkpoint.state!.json.utf8)) as? [String: Any])
      for key in ["inputs", "metrics", "seconds"] {
        #expect(text.removeValue(forKey: key) != nil)
      }
      checkpoint.state!.json = String(
        decoding: try JSONSerialization.data(withJSONObject: text), as: UTF8.self)
      try checkpoint.save(to: path)
    }
    let run = try ClassifierTrainingRun(recipe(), output: folder("run"), resume: true)
    #expect { try run.run() } throws: {
      "\($0)"
        == folder("run/states/step-3.h5")
        + " was saved by an older version of Trompe, which did not note the files and images that it "
        + "read; go on with that version, or start again in another --output"
    }
  }

  /// Seconds of a run are those of all its processes.
  @Test func secondsOfResumedRunsAddUp() throws {
    let folder = try TemporaryFolder()
    let start = Date()
    try stopped(folder("run"), after: 4)
    let first = Date().timeIntervalSince(start)
    let begin = Date()
    let summary = try ClassifierTrainingRun(recipe(), output: folder("run"), resume: true).run()
    let second = Date().timeIntervalSince(begin)
    #expect(summary.seconds > second && summary.seconds < first + second)
  }

  /// The log is what the report shows: one that somebody has edited is not taken for the run's own.
  @Test func editedLogsAreNoticed() throws {
    let folder = try TemporaryFolder()
    func warnings() throws -> [String] {
      var warnings: [String] = []
      let stop = StopRequest()
      let run = try ClassifierTrainingRun(
        recipe(), output: folder("run"), resume: true, stop: stop
      ) {
        if case .warning(let text) = $0 { warnings.append(text) }
        if case .step = $0 { stop.stop() }
      }
      #expect(throws: RunStopped.self) { try run.run() }
      return warnings
    }
    // Stopped right after a validation that the resumed run does again.
    try stopped(folder("run"), after: 3)
    #expect(try warnings() == [])
    let log = folder("run/metrics.jsonl")
    // What comes after the state is of steps that are done again.
    try (String(contentsOfFile: log, encoding: .utf8) + "{\"kind\":\"step\",\"st").write(
      toFile: log, atomically: true, encoding: .utf8)
    #expect(try warnings() == [])
    let text = try String(contentsOfFile: log, encoding: .utf8)
    let edited = text.replacing(/"loss":\d/, with: "\"loss\":0")
    #expect(edited != text)
    try edited.write(toFile: log, atomically: true, encoding: .utf8)
    #expect(
      try warnings() == [
        "\(log) was changed since the run wrote it: up to step 5 it has other contents; what "
          + "can be read of it is kept, and the report shows it"
      ])
  }

  @Test func whatOthersPutBesideStatesStays() throws {
    let folder = try TemporaryFolder()
    try stopped(folder("run"), after: 3)
    try "mine".write(toFile: folder("run/states/notes.txt"), atomically: true, encoding: .utf8)
    _ = try ClassifierTrainingRun(recipe(), output: folder("run"), resume: true).run()
    #expect(try states(folder("run")) == ["notes.txt"])
  }

  @Test func twoRunsDoNotShareAFolder() throws {
    let folder = try TemporaryFolder()
    let first = try ClassifierTrainingRun(recipe(steps: 1), output: folder("run"))
    // A refusal leaves the lock where it is.
    for _ in 1...3 {
      #expect { try ClassifierTrainingRun(recipe(steps: 1), output: folder("run")) } throws: {
        "\($0)".hasPrefix(folder("run") + " is in use by another run (process \(getpid()) on ")
      }
    }
    _ = try first.run()
    #expect { try ClassifierTrainingRun(recipe(steps: 1), output: folder("run")) } throws: {
      "\($0)".contains("already holds a run")
    }
  }
}
