import Foundation
import Testing

/// Runs that `mpirun` starts.
@Suite(.serialized) struct MPITests {
  /// Compiled once for all tests; `nil` where there is no MPI. `unsafe`: the folder is never changed, and
  /// kept as long as the tests run.
  private nonisolated(unsafe) static let library: (folder: TemporaryFolder, path: String)? = {
    guard let folder = try? TemporaryFolder() else { return nil }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "command -v mpirun && make -s -C '\(Repository.root)' mpi"]
    process.environment = ProcessInfo.processInfo.environment.merging([
      "XDG_DATA_HOME": folder.url.path
    ]) { $1 }
    (process.standardOutput, process.standardError) = (
      FileHandle.nullDevice, FileHandle.nullDevice
    )
    guard (try? process.run()) != nil else { return nil }
    process.waitUntilExit()
    return process.terminationStatus == 0
      ? (folder, folder.url.path + "/trompe/mpi/libtrompe_mpi.so") : nil
  }()

  private static let recipe = Repository.root + "/recipes/shapes-location-gradcam.yaml"
  private static let settings = [
    "training.steps=6", "training.warmupSteps=0", "training.batchSize=4", "training.saveEvery=2",
    "compute.threads=1",
    "data.shapes={train: 16, validation: 10, seed: 1}", "evaluation.batchSize=5",
    "evaluation.interpreters=[]",
  ]

  private func fool(
    _ processes: Int, in output: String, _ more: [String] = [], command: [String]? = nil,
    whileRunning: (Process) throws -> Void = { _ in }
  ) throws -> CommandLineProgram.Result {
    let library = try #require(Self.library)
    let arguments =
      command ?? ["fool", Self.recipe, "-o", output] + Self.settings.flatMap { ["--set", $0] }
    return try CommandLineProgram.run(
      list: arguments + more,
      through: processes == 1
        ? []
        : [
          "mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n",
          "\(processes)",
        ],
      environment: [
        "TROMPE_MPI": library.path, "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
      ], whileRunning: whileRunning)
  }

  private func data(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path))
  }

  /// How often a text stands in another.
  private func count(_ text: String, in whole: String) -> Int {
    whole.components(separatedBy: text).count - 1
  }

  private func states(_ output: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: output + "/states")) ?? [])
      .filter { $0.hasPrefix("step-") }
  }

  private func waitForState(_ output: String) {
    for _ in 0..<1200 where states(output).isEmpty { Thread.sleep(forTimeInterval: 0.05) }
  }

  @Test(.enabled(if: MPITests.library != nil, "needs mpirun and mpicc"))
  func twoProcessesWriteOneRunAndTheSameBytesTwice() throws {
    let folder = try TemporaryFolder()
    let (first, second) = (folder.url.path + "/first", folder.url.path + "/second")
    for output in [first, second] {
      let result = try fool(2, in: output)
      #expect(result.code == 0, "\(result.error)")
      // The first one tells.
      #expect(count("2 processes share every batch", in: result.error) == 1, "\(result.error)")
      #expect(count("saved \(output)/summary.json", in: result.error) == 1)
      #expect(count("fooling success rate", in: result.output) == 1)
    }
    for name in ["manipulated.h5", "test-losses.jsonl", "predictions.csv"] {
      #expect(try data("\(first)/\(name)") == data("\(second)/\(name)"), "\(name)")
    }
  }

  /// Neither the one that is killed nor what it takes along loses more than the steps since the last
  /// state.
  @Test(.enabled(if: MPITests.library != nil, "needs mpirun and mpicc"))
  func oneThatDiesEndsAllAndTheRunGoesOnWithAnotherNumber() throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/killed"
    let long = ["--set", "training.steps=5000"]
    let killed = try fool(2, in: output, long) { starter in
      waitForState(output)
      let children = try children(of: starter.processIdentifier)
      try #require(children.count == 2)
      kill(children[1], SIGKILL)
      end(starter, children)
    }
    #expect(killed.code != 0)
    #expect(!states(output).isEmpty)
    // The other has let go of the folder. One is asked to stop: all do, after the same step. (mpirun hands
    // this signal on, but is started here with signals blocked.)
    let before = Set(states(output))
    let resumed = try fool(4, in: output, long + ["--resume"]) { starter in
      for _ in 0..<1200 where Set(states(output)).subtracting(before).isEmpty {
        Thread.sleep(forTimeInterval: 0.05)
      }
      let ranks = try children(of: starter.processIdentifier)
      try #require(ranks.count == 4)
      kill(ranks[2], SIGUSR1)
      end(starter, ranks)
    }
    #expect(count("resumed after step ", in: resumed.error) == 1, "\(resumed.error)")
    #expect(count("stopped after step ", in: resumed.error) == 1, "\(resumed.error)")
    #expect(resumed.code == 128 + SIGINT)
  }

  /// What does not end by itself is not waited for forever.
  private func end(_ starter: Process, _ ranks: [Int32]) {
    for _ in 0..<1200 where starter.isRunning { Thread.sleep(forTimeInterval: 0.05) }
    guard starter.isRunning else { return }
    for id in ranks + [starter.processIdentifier] { kill(id, SIGKILL) }
  }

  private func children(of parent: Int32) throws -> [Int32] {
    let list = try String(
      contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
    return list.split(separator: " ").compactMap { Int32($0) }
  }

  /// The first one speaks for all.
  @Test(.enabled(if: MPITests.library != nil, "needs mpirun and mpicc"))
  func whatIsWrongInAllIsSaidOnce() throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/out"
    let shared = try fool(3, in: output)
    #expect(shared.code == 1)
    #expect(
      count("trompe: training.batchSize is 4, which 3 processes cannot share", in: shared.error)
        == 1, "\(shared.error)")
    let other = try fool(2, in: output, command: ["inspect", Self.recipe])
    #expect(other.code == 1)
    #expect(count("start trompe inspect without it", in: other.error) == 1, "\(other.error)")
    let device = try fool(2, in: output, ["--set", "compute.device=xla-cpu"])
    #expect(
      count("compute.device is xla-cpu, and 2 processes share their work on cpu", in: device.error)
        == 1, "\(device.error)")
  }

  // MARK: What is missing

  private func alone(
    _ arguments: [String], _ environment: [String: String]
  ) throws -> CommandLineProgram.Result {
    try CommandLineProgram.run(list: arguments, environment: environment)
  }

  /// As those who start processes name their number.
  @Test(arguments: [
    ["OMPI_COMM_WORLD_SIZE": "2"], ["PMI_SIZE": "2"], ["MV2_COMM_WORLD_SIZE": "2"],
    ["SLURM_STEP_NUM_TASKS": "2", "PMIX_RANK": "0"],
  ])
  func whatProcessesNeedIsSaidInOneSentence(started: [String: String]) throws {
    let folder = try TemporaryFolder()
    let (out, none) = (folder.url.path + "/out", folder.url.path + "/none.so")
    let arguments = ["fool", Self.recipe, "-o", out]
    let missing = try alone(arguments, started.merging(["TROMPE_MPI": none]) { $1 })
    #expect(missing.code == 1)
    #expect(
      missing.error
        == "trompe: 2 processes were started by MPI, and there is no \(none), by which they find each "
        + "other; make it by make mpi, or name it by TROMPE_MPI\n")
    #expect(!FileManager.default.fileExists(atPath: out))
  }

  @Test func whatCannotBeUsedIsSaidInOneSentence() throws {
    let folder = try TemporaryFolder()
    let out = folder.url.path + "/out"
    let started = ["OMPI_COMM_WORLD_SIZE": "2", "TROMPE_MPI": Self.recipe]
    let other = try alone(["fool", Self.recipe, "-o", out], started)
    #expect(other.code == 1 && other.error.contains("cannot be loaded"), "\(other.error)")
    let attack = try alone(
      ["attack", Repository.root + "/recipes/shapes-attack.yaml", "-o", out], started)
    #expect(attack.code == 1)
    #expect(
      attack.error
        == "trompe: trompe fool and trompe train alone share their work between processes, and MPI has "
        + "started 2; start trompe attack without it\n")
    #expect(!FileManager.default.fileExists(atPath: out))
  }

  @Test func oneProcessAloneNeedsNothing() throws {
    let result = try alone(["inspect", Self.recipe], ["OMPI_COMM_WORLD_SIZE": "1"])
    #expect(!result.error.contains("MPI"), "\(result.error)")
  }
}
