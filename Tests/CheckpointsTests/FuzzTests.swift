import Checkpoints
import Foundation
import TensorGraph
import Testing

/// Mutations of small valid files of every layout: each gives values or an error that names the file,
/// never a crash, a hang, or memory for what only a header claims.
///
/// `TROMPE_FUZZ` sets the number of mutations for each file, e.g. for a night's run.
@Suite(.serialized) struct FuzzTests {
  /// Reading HDF5 takes a child process for each file, the others none.
  private static func mutations(of name: String) -> Int {
    ProcessInfo.processInfo.environment["TROMPE_FUZZ"].flatMap { Int($0) }
      ?? (name.hasSuffix("safetensors") || name.hasSuffix("pth") ? 2000 : 40)
  }

  private struct Random {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
  }

  static let subjects =
    KerasLayoutTests.files.map(\.0) + [
      "keras-tiny-odd.h5", "mixed.safetensors", "types.h5", "old-headers.h5", "lzf.h5",
      "torch-views.pth", "torch-views-old.pth", "torch-checkpoint.pth", "stored.keras",
      "deflated.keras",
    ]
    + CheckpointLayout.allCases.map { "written:" + $0.rawValue }

  private func subject(_ name: String, _ folder: borrowing TemporaryFolder) throws -> String {
    guard name.hasPrefix("written:") else { return fixture(name) }
    let layout = CheckpointLayout(rawValue: String(name.dropFirst(8)))!
    let path = folder.file("whole" + layout.fileExtension)
    var parameters: [String: Tensor] = [:]
    for parameter in tinyLayers.flatMap(\.parameters) {
      parameters[parameter.name] = ramp(parameter.shape)
    }
    try Checkpoint(
      parameters: parameters, batchCounts: ["norm.num_batches_tracked": 3],
      metadata: CheckpointMetadata(architecture: "{}", classNames: ["a", "b"])
    ).save(to: path, as: layout, layers: tinyLayers, modelConfig: "{}")
    return path
  }

  /// All that a program does with a file.
  private func readEverything(_ path: String) throws {
    let file = try CheckpointFile(path: path)
    for stored in file.container.tensors where stored.elementType.isFloat {
      _ = try file.container.read(stored.name)
    }
    for stored in file.container.tensors where stored.elementType.isInteger {
      _ = try file.container.readIntegers(stored.name)
    }
    _ = try file.readBatchCounts()
    _ = try file.tensors(tinyLayers)
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout Random) {
    for _ in 0...random.next(3) {
      guard bytes.count > 8 else { return }
      let position = random.next(bytes.count)
      switch random.next(10) {
      case 0, 1: bytes[position] ^= 1 << UInt8(random.next(8))
      case 2: bytes[position] = UInt8(random.next(256))
      case 3: bytes[position] = 0xff
      case 4: bytes[position] = 0
      case 5:  // A number that claims too much.
        let start = min(position, bytes.count - 8) & ~7
        let claim = UInt64(1) << UInt64(random.next(64))
        for index in 0..<8 {
          bytes[start + index] = UInt8(truncatingIfNeeded: claim >> (8 * UInt64(index)))
        }
      case 6: bytes.removeLast(random.next(bytes.count))
      case 7:  // One part over another: references that lead astray or round in circles.
        let length = min(8 << random.next(4), bytes.count - position)
        let source = random.next(bytes.count - length + 1)
        bytes.replaceSubrange(
          position..<position + length, with: Array(bytes[source..<source + length]))
      case 8: bytes.insert(UInt8(random.next(256)), at: position)
      default: bytes.remove(at: position)
      }
    }
  }

  @Test(arguments: subjects)
  func damagedFilesGiveValuesOrErrors(name: String) throws {
    let folder = try TemporaryFolder()
    let whole = [UInt8](try contents(try subject(name, folder)))
    let path = folder.file(name.hasSuffix("safetensors") ? "damaged.safetensors" : "damaged.h5")
    var random = Random(
      state: UInt64(truncatingIfNeeded: name.utf8.reduce(7) { $0 &* 31 &+ Int($1) }))
    var refused = 0
    let mutations = Self.mutations(of: name)
    for _ in 0..<mutations {
      var damaged = whole
      mutate(&damaged, &random)
      try Data(damaged).write(to: URL(fileURLWithPath: path))
      do { try readEverything(path) } catch let error as CheckpointError {
        refused += 1
        #expect(error.description.hasPrefix(path + ": "))
      }
    }
    #expect(refused > mutations / 20)
  }
}
