import Checkpoints
import Dispatch
import Foundation
import TensorGraph
import Testing

struct HDF5WritingTests {
  @Test(arguments: [[], [0], [1], [7], [3, 0, 2], [16, 3, 3, 3], [2, 3, 4, 5, 6]] as [Shape])
  func tensorsComeBackToTheBit(shape: Shape) throws {
    let folder = try TemporaryFolder()
    let tensor = awkwardTensor(shape)
    try HDF5Writer.write(to: folder.file("a.h5")) { try $0.write(tensor, as: "x/y/z.weight") }
    let read = try HDF5File(path: folder.file("a.h5")).read("x/y/z.weight")
    #expect(read.shape == shape)
    #expect(bits(read) == bits(tensor))
  }

  @Test func attributesComeBack() throws {
    let folder = try TemporaryFolder()
    let attributes: [String: HDF5Attribute] = [
      "text": .text("né\n"), "empty": .text(""),
      "long": .text(String(repeating: "recipe ", count: 150_000)),
      "texts": .texts(["a", "", "ccc"]), "none": .texts([]), "integer": .integer(.min),
      "integers": .integers([1, -2]),
      "number": .number(0.1), "numbers": .numbers([-.infinity, .leastNonzeroMagnitude]),
    ]
    try HDF5Writer.write(to: folder.file("a.h5")) { file in
      try file.createGroup("g/h")
      for (name, value) in attributes {
        try file.setAttribute(name, to: value)
        try file.setAttribute(name, to: value, ofGroup: "g/h")
      }
    }
    let file = try HDF5File(path: folder.file("a.h5"))
    #expect(try file.attributes() == attributes)
    #expect(try file.attributes(ofGroup: "g/h") == attributes)
    #expect(try file.attributes(ofGroup: "g").isEmpty)
  }

  @Test func theSameContentGivesTheSameBytes() throws {
    let folder = try TemporaryFolder()
    func write(_ name: String) throws -> Data {
      var provenance = Provenance()
      provenance.accuracy = ["top1": 0.5, "top5": 0.75]
      provenance.recipe = String(repeating: "x", count: 100_000)
      try Checkpoint(
        parameters: ["b": ramp([3, 2]), "a.weight": ramp([2, 3, 3, 4]), "c": ramp([1000])],
        batchCounts: ["n": 1],
        metadata: CheckpointMetadata(classNames: ["x"], provenance: provenance),
        state: TrainingState(groups: ["m": ["a": ramp([2])], "v": [:]], json: "{}")
      ).save(to: folder.file(name))
      return try contents(folder.file(name))
    }
    let first = try write("a.h5")
    Thread.sleep(forTimeInterval: 1.1)  // Times in HDF5 headers have seconds.
    #expect(try write("b.h5") == first)
  }

  // MARK: Whole or not at all

  struct Interruption: Error {}

  @Test func aFailureLeavesTheOldFileAndNothingElse() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.h5")
    try HDF5Writer.write(to: path) { try $0.write(ramp([3]), as: "old") }
    let old = try contents(path)
    #expect(throws: Interruption.self) {
      try HDF5Writer.write(to: path) { file in
        try file.write(ramp([100_000]), as: "new")
        throw Interruption()
      }
    }
    #expect(
      failure {
        try HDF5Writer.write(to: path) { file in
          try file.write(ramp([2]), as: "twice")
          try file.write(ramp([2]), as: "twice")
        }
      }?.hasPrefix("a.h5: /twice cannot be written (HDF5: ") == true)
    #expect(
      failure { try HDF5Writer.write(to: path) { try $0.write(ramp([2]), as: "a//b") } }
        == """
        a.h5: /a//b is no name: parts between slashes must not be empty or "."
        a.h5: was not written; what was there before is unchanged
        """)
    #expect(try contents(path) == old)
    #expect(try folder.names == ["a.h5"])
    // The library is still usable, and success replaces the file.
    try HDF5Writer.write(to: path) { try $0.write(ramp([2]), as: "new") }
    #expect(try HDF5File(path: path).tensors.map(\.name) == ["new"])
    #expect(try folder.names == ["a.h5"])
  }

  /// A limit on the size of files stands for a full disk: both fail in the middle of a write.
  @Test func aWriteThatDoesNotFitLeavesTheOldFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.h5")
    try HDF5Writer.write(to: path) { try $0.write(ramp([3]), as: "old") }
    let old = try contents(path)
    // Tests beside this one share the limit, so it is far above what any of them writes.
    let previous = signal(SIGXFSZ, SIG_IGN)
    var limit = rlimit()
    #expect(getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
    var small = limit
    small.rlim_cur = 48 << 20
    #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &small) == 0)
    let reason = failure {
      try HDF5Writer.write(to: path) { file in
        try file.write(ramp([2]), as: "first")
        try file.write(Tensor(repeating: 1, shape: [13 << 20]), as: "large")
      }
    }
    #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
    signal(SIGXFSZ, previous)
    #expect(
      reason == """
        a.h5: /large cannot be written (HDF5: File too large)
        a.h5: was not written; what was there before is unchanged
        """)
    #expect(try contents(path) == old)
    #expect(try folder.names == ["a.h5"])
    try HDF5Writer.write(to: path) { try $0.write(ramp([2]), as: "new") }
    #expect(try HDF5File(path: path).tensors.map(\.name) == ["new"])
  }

  @Test func manyThreadsTakeTurns() throws {
    let folder = try TemporaryFolder()
    let paths = (0..<8).map { folder.file("\($0).h5") }
    DispatchQueue.concurrentPerform(iterations: paths.count) { index in
      _ = failure {
        try HDF5Writer.write(to: paths[index]) { try $0.write(Tensor(Float(index)), as: "x") }
      }
    }
    for (index, path) in paths.enumerated() {
      #expect(try HDF5File(path: path).read("x") == Tensor(Float(index)))
    }
  }

  @Test func aReaderKeepsTheFileItOpened() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.h5")
    try HDF5Writer.write(to: path) { try $0.write(ramp([3]), as: "old") }
    let reader = try HDF5File(path: path)
    try HDF5Writer.write(to: path) { try $0.write(ramp([2]), as: "new") }
    #expect(try reader.read("old") == ramp([3]))
    #expect(try HDF5File(path: path).read("new") == ramp([2]))
  }

  @Test func saysWhatIsInTheWay() throws {
    let folder = try TemporaryFolder()
    let missing = folder.file("no/a.h5")
    #expect(
      failure { try HDF5Writer.write(to: missing) { _ in } }
        == "a.h5: cannot be written: there is no folder \(folder.file("no"))")
    try FileManager.default.createDirectory(
      atPath: folder.file("d.h5"), withIntermediateDirectories: false)
    #expect(
      failure { try HDF5Writer.write(to: folder.file("d.h5")) { _ in } }
        == "d.h5: cannot be written: there is something else of that name")
    #expect(try folder.names == ["d.h5"])
  }

  @Test func writesThroughASymbolicLink() throws {
    let folder = try TemporaryFolder()
    try HDF5Writer.write(to: folder.file("a.h5")) { try $0.write(ramp([1]), as: "old") }
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link.h5"), withDestinationPath: folder.file("a.h5"))
    try HDF5Writer.write(to: folder.file("link.h5")) { try $0.write(ramp([1]), as: "new") }
    #expect(try HDF5File(path: folder.file("a.h5")).tensors.map(\.name) == ["new"])
  }
}
