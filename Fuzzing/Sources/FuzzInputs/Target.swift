import Checkpoints
import Foundation
import ImageData
import KerasModels
import Manipulation
import Networks
import Reports

/// What reads the bytes, by the name in `TROMPE_FUZZ_TARGET`. Each may throw; nothing may crash, hang
/// or take memory for what a header claims.
enum Target: String, CaseIterable {
  case image, hdf5, safetensors, torch, keras, recipe, metrics, summary, notes, losses, study, state

  static let chosen: Target = {
    let name = ProcessInfo.processInfo.environment["TROMPE_FUZZ_TARGET"] ?? ""
    guard let target = Target(rawValue: name) else {
      fatalError(
        "TROMPE_FUZZ_TARGET is \"\(name)\", expected one of "
          + allCases.map(\.rawValue).joined(separator: ", "))
    }
    return target
  }()

  func read(_ bytes: UnsafeRawBufferPointer) throws {
    switch self {
    case .image: _ = try Image(decoding: Array(bytes), name: "input")
    case .hdf5:
      try FuzzedFile.read(bytes) { path in
        let file = try CheckpointFile(path: path)
        try readEverything(file.container)
        _ = try file.readBatchCounts()
        if let hdf5 = file.container as? HDF5File, let state = try hdf5.readTrainingState() {
          _ = try SavedProgress(state.json)
        }
      }
    case .safetensors:
      try FuzzedFile.read(bytes) { try readEverything(SafetensorsFile(path: $0)) }
    case .torch:
      // Pickles and the zip archives around them.
      try FuzzedFile.read(bytes) { path in
        let file = try CheckpointFile(path: path)
        try readEverything(file.container)
        _ = try file.readBatchCounts()
      }
    case .keras:
      try FuzzedFile.read(bytes) { path in
        let file = try CheckpointFile(path: path)
        try readEverything(file.container)
        if let text = file.modelConfig { _ = try KerasImport(text, height: 12, width: 12) }
      }
    case .recipe:
      let text = String(decoding: bytes, as: UTF8.self)
      let recipe = try? FoolingRecipe(yaml: text, folder: "/")
      _ = try? TrainingRecipe(yaml: text, folder: "/")
      guard let recipe else { return }
      let again = try FoolingRecipe(yaml: recipe.resolvedYAML(), folder: "/")
      precondition(again == recipe, "a recipe changes when it is written and read")
    case .metrics:
      let kept = MetricsHistory(Data(bytes), upTo: 10)
      precondition(
        MetricsHistory(kept.data, upTo: 10).data == kept.data, "what was kept is kept again")
      try FuzzedFolder.shared.report(with: Data(bytes), as: "metrics.jsonl")
    case .summary: try FuzzedFolder.shared.report(with: Data(bytes), as: "summary.json")
    case .notes: try FuzzedFolder.shared.report(with: Data(bytes), as: "report.json")
    case .losses: try FuzzedFolder.shared.report(with: Data(bytes), as: "test-losses.jsonl")
    case .study:
      _ = try StudyFindings(json: Data(bytes))
    case .state:
      let progress = try SavedProgress(String(decoding: bytes, as: UTF8.self))
      let again = try SavedProgress(progress.json())
      precondition(again == progress, "a state changes when it is written and read")
    }
  }

  private func readEverything(_ file: any TensorContainer) throws {
    for stored in file.tensors where stored.elementType.isFloat { _ = try file.read(stored.name) }
    for stored in file.tensors where stored.elementType.isInteger {
      _ = try file.readIntegers(stored.name)
    }
  }
}

/// Bytes as a file that lies in memory.
private enum FuzzedFile {
  static func read(_ bytes: UnsafeRawBufferPointer, _ body: (_ path: String) throws -> Void) throws
  {
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    precondition(descriptor >= 0, "no file in memory")
    let written = write(descriptor, bytes.baseAddress, bytes.count)
    close(descriptor)
    precondition(written == bytes.count, "no room in /dev/shm")
    try body(path)
  }

  private static let path = "/dev/shm/trompe-fuzz-\(getpid()).input"
}

/// A finished run, of which one file is another.
private final class FuzzedFolder: Sendable {
  static let shared = FuzzedFolder()
  private let path: String
  private let summary: String

  private init() {
    path = "/dev/shm/trompe-fuzz-\(getpid())"
    summary = """
      {"accuracy": {"original": {"top1": 1, "top5": 1}, "manipulated": {"top1": 1, "top5": 1},
      "drop": {"top1": 0, "top5": 0}}, "fsr": {"grad-cam": 0}, "fsrOriginal": {"grad-cam": 0},
      "fooling": "location", "interpreter": "grad-cam", "validationImages": 1, "skippedImages": 0,
      "steps": 1, "seconds": 1, "imagesPerSecond": 1, "peakMemoryBytes": 1, "seed": 0,
      "toolVersion": "0"}
      """
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try summary.write(toFile: path + "/summary.json", atomically: false, encoding: .utf8)
      // Or no other file of it would be read.
      _ = try RunReports.html(of: [path])
    } catch { fatalError("\(path): \(error)") }
  }

  /// Alone, and beside itself: several runs are added up.
  func report(with data: Data, as name: String) throws {
    try data.write(to: URL(fileURLWithPath: path + "/" + name))
    _ = try RunReports.html(of: [path])
    _ = try RunReports.html(of: [path, path])
  }
}
