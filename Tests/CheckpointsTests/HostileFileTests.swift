import Checkpoints
import Foundation
import TensorGraph
import Testing

struct HostileFileTests {
  /// What each file does, and how it is refused.
  @Test(arguments: [
    (
      "external-link.h5",
      "/weight is a link into another file, which is refused: store the data itself"
    ),
    ("soft-link.h5", "/weight is a soft link, which is refused: store the data itself"),
    (
      "external-storage.h5",
      "/weight has its data in another file, which is refused: store the data itself"
    ),
    ("virtual.h5", "/weight is a virtual dataset, which is refused: store the data itself"),
    ("cycle.h5", "/a/b/back is a group that the file reaches twice, perhaps a cycle"),
    ("deep.h5", "/g" + String(repeating: "/g", count: 32) + " is a group more than 32 groups deep"),
    (
      "huge.h5",
      "/weight has shape [1048576, 1048576, 1048576], more than the limit of 2147483648 elements"
    ),
    (
      "unwritten.h5",
      "/weight has shape [1000, 1000], 4000000 bytes, but only 0 bytes of data are stored"
    ),
    (
      "unwritten-chunks.h5",
      "/weight has shape [1000, 1000], 4000000 bytes, but only 40000 bytes of data are stored"
    ),
    (
      "filter.h5",
      "/weight uses filter 6, only deflate (gzip), lzf, shuffle and Fletcher-32 are read"
    ),
  ])
  func isRefused(name: String, reason: String) {
    #expect(failure { _ = try HDF5File(path: fixture(name)) } == "\(name): \(reason)")
  }

  @Test func limitsAreTheCallers() {
    var limits = HDF5Limits()
    limits.links = 5
    #expect(
      failure { _ = try HDF5File(path: fixture("types.h5"), limits: limits) }
        == "types.h5: has more than 5 links")
    limits = HDF5Limits()
    limits.elements = 599
    #expect(
      failure { _ = try HDF5File(path: fixture("types.h5"), limits: limits) }
        == "types.h5: /zipped has shape [30, 20], more than the limit of 599 elements")
  }

  /// Deflate alone may make a thousand times its size of something, and it goes to memory.
  @Test func anArchiveThatBecomesFarLargerIsRefused() throws {
    let folder = try TemporaryFolder()
    let (stored, size) = (200_000, 100 << 20)
    func number(_ value: Int, _ bytes: Int) -> [UInt8] {
      (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let name = Array("model.weights.h5".utf8)
    // Version, flags, method, time and date, checksum, sizes and the lengths of names.
    let common =
      number(20, 2) + number(0, 2) + number(8, 2) + number(0, 8) + number(stored, 4)
      + number(size, 4) + number(name.count, 2) + number(0, 2)
    let local = [0x50, 0x4b, 3, 4] + common + name + [UInt8](repeating: 0, count: stored)
    let directory =
      [0x50, 0x4b, 1, 2] + number(20, 2) + common + number(0, 10) + number(0, 4) + name
    let end =
      [0x50, 0x4b, 5, 6] + number(0, 4) + number(1, 2) + number(1, 2) + number(directory.count, 4)
      + number(local.count, 4) + number(0, 2)
    try Data(local + directory + end).write(to: URL(fileURLWithPath: folder.file("bomb.keras")))
    let whole = local.count + directory.count + end.count
    #expect(
      failure { _ = try CheckpointFile(path: folder.file("bomb.keras")) }
        == "bomb.keras: /model.weights.h5 becomes \(size) bytes, more than the limit of "
        + "\(64 << 20) for what an archive of \(whole) bytes has deflated; write it again without "
        + "compression, as Keras and PyTorch do")
  }

  @Test func otherFilesAreNotHDF5() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("file.h5")
    try Data(repeating: 7, count: 5000).write(to: URL(fileURLWithPath: path))
    #expect(failure { _ = try HDF5File(path: path) } == "file.h5: is not an HDF5 file")
    try Data().write(to: URL(fileURLWithPath: path))
    #expect(failure { _ = try HDF5File(path: path) } == "file.h5: is not an HDF5 file")
    #expect(
      failure { _ = try HDF5File(path: folder.path) }?.hasSuffix("is not a regular file") == true)
    #expect(
      failure { _ = try HDF5File(path: folder.file("none.h5")) }
        == "none.h5: cannot be opened: No such file or directory")
    #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
    #expect(
      failure { _ = try HDF5File(path: folder.file("pipe")) } == "pipe: is not a regular file")
  }

  /// Reads all there is; a throw is as good as a value, a crash is not.
  private func readEverything(_ path: String) throws {
    let file = try HDF5File(path: path)
    for tensor in file.tensors where tensor.elementType.isFloat { _ = try file.read(tensor.name) }
    for tensor in file.tensors where tensor.elementType.isInteger {
      _ = try file.readIntegers(tensor.name)
    }
    _ = try file.attributes()
    _ = try file.readTrainingState()
  }

  private func writeExample(to path: String) throws {
    try Checkpoint(
      parameters: ["conv.weight": ramp([4, 3, 3, 2]), "fc.weight": ramp([5, 4])],
      batchCounts: ["bn.num_batches_tracked": 3],
      metadata: CheckpointMetadata(architecture: "{}", classNames: ["a", "b"]),
      state: TrainingState(groups: ["adam": ["m": ramp([7])]], json: "{\"step\":1}")
    ).save(to: path)
  }

  @Test func aTruncatedFileIsRefusedAtManyLengths() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("whole.h5")
    try writeExample(to: path)
    let whole = try contents(path)
    let cut = folder.file("cut.h5")
    for length in stride(from: 0, to: whole.count, by: max(1, whole.count / 100)) {
      try whole.prefix(length).write(to: URL(fileURLWithPath: cut))
      #expect(throws: CheckpointError.self, "\(length) of \(whole.count) bytes") {
        try readEverything(cut)
      }
    }
  }

  /// A file that training goes on from is what was saved, to the bit, or it is refused.
  @Test func flippedBitsOfAStateAreNoticedOrHarmless() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("state.h5")
    try writeExample(to: path)
    let expected = [
      ParameterSpecification(name: "conv.weight", shape: [4, 3, 3, 2]),
      ParameterSpecification(name: "fc.weight", shape: [5, 4]),
    ]
    func read() throws -> Checkpoint {
      try Checkpoint(contentsOf: HDF5File(path: path), expecting: expected)
    }
    let (whole, saved) = (try contents(path), try read())
    var refused = 0
    for place in stride(from: 3, to: whole.count, by: max(1, whole.count / 150)) {
      var flipped = whole
      flipped[place] ^= 1 << UInt8(place % 8)
      try flipped.write(to: URL(fileURLWithPath: path))
      do {
        let found = try read()
        #expect(
          found.parameters == saved.parameters && found.state == saved.state
            && found.batchCounts == saved.batchCounts, "byte \(place)")
      } catch is CheckpointError { refused += 1 }
    }
    #expect(refused > 30)
  }

  @Test func statesWithoutTheirChecksumAreRefused() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("state.h5")
    try HDF5Writer.write(to: path) { file in
      try file.write(ramp([2]), as: "a.bias")
      try file.write(TrainingState(json: "{}"))
    }
    #expect(
      failure {
        _ = try Checkpoint(
          contentsOf: HDF5File(path: path), expecting: [.init(name: "a.bias", shape: [2])])
      } == "state.h5: /state has no checksum, which damage may explain")
  }
}
