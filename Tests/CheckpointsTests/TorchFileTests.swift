import Checkpoints
import Foundation
import TensorGraph
import Testing

/// Files that PyTorch wrote (tools/make_torch_fixtures.py): every tensor is 0, 1, 2, … in row-major
/// order of what it is a view of.
@Suite struct TorchFileTests {
  private func values(_ file: CheckpointFile, _ name: String) throws -> [Float] {
    try file.container.read(name).values
  }

  @Test(arguments: ["torch-types.pth", "torch-types-old.pth"])
  func everyTypeOfNumbersIsRead(name: String) throws {
    let file = try CheckpointFile(path: fixture(name))
    #expect(file.layout == .pth)
    let types: [String: StoredElementType] = [
      "float16": .float16, "bfloat16": .bfloat16, "float32": .float32, "float64": .float64,
      "int8": .integer(bits: 8, signed: true), "int16": .integer(bits: 16, signed: true),
      "int32": .integer(bits: 32, signed: true), "int64": .integer(bits: 64, signed: true),
      "uint8": .integer(bits: 8, signed: false), "bool": .integer(bits: 8, signed: false),
    ]
    #expect(
      Dictionary(uniqueKeysWithValues: file.container.tensors.map { ($0.name, $0.elementType) })
        == types)
    for tensor in file.container.tensors {
      #expect(tensor.shape == [2, 3])
      let expected: [Float] = tensor.name == "bool" ? [0, 1, 1, 1, 1, 1] : [0, 1, 2, 3, 4, 5]
      #expect(try values(file, tensor.name) == expected)
      if tensor.elementType.isInteger {
        #expect(try file.container.readIntegers(tensor.name).map { Float($0) } == expected)
      }
    }
  }

  /// Slices, transposes and PyTorch's channels_last: offsets and strides in one storage.
  @Test(arguments: ["torch-views.pth", "torch-views-old.pth"])
  func viewsOfStoragesAreRead(name: String) throws {
    let file = try CheckpointFile(path: fixture(name))
    let whole = (0..<24).map { Float($0) }
    #expect(try file.container.read("whole") == Tensor(shape: [4, 6], values: whole))
    #expect(
      try file.container.read("rows") == Tensor(shape: [2, 6], values: Array(whole[6..<18])))
    #expect(
      try file.container.read("columns")
        == Tensor(shape: [4, 2], values: [2, 3, 8, 9, 14, 15, 20, 21]))
    #expect(
      try file.container.read("transposed")
        == Tensor(shape: [4, 6], values: whole).transposed([1, 0]))
    #expect(try file.container.read("filters") == ramp([2, 3, 4, 5]))
    #expect(try file.container.read("parameter") == ramp([3]))
    #expect(try file.container.read("one") == ramp([]))
    #expect(try file.container.read("empty") == ramp([0, 3]))
    // Block by block as well, as transposed layouts read them.
    var blocks: [Float] = []
    try file.container.readBlocks(of: "filters", multipleOf: 20, into: nil) { start, block in
      #expect(start == blocks.count)
      blocks += block
    }
    #expect(blocks == ramp([2, 3, 4, 5]).values)
  }

  /// As training scripts save them: what lies beside the state dict is omitted.
  @Test(arguments: [
    ("torch-checkpoint.pth", "state_dict/module.", 6), ("torch-checkpoint-old.pth", "model/", 0),
    ("torch-protocol4.pth", "", 0), ("torch-training.pth", "state_dict/", 1),
    ("torch-training-old.pth", "state_dict/", 1),
    ("torch-training-protocol4.pth", "state_dict/", 1),
  ])
  func checkpointsOfTrainingScriptsAreRead(name: String, prefix: String, others: Int) throws {
    let file = try CheckpointFile(path: fixture(name))
    let read = try file.tensors(StateDictNamesTests.layers)
    for parameter in StateDictNamesTests.layers.flatMap(\.parameters) {
      var expected = ramp(parameter.shape)
      if parameter.shape.rank == 4 {
        let (k, r, s, c) = (
          parameter.shape[0], parameter.shape[1], parameter.shape[2], parameter.shape[3]
        )
        expected = ramp([k, c, r, s]).transposed([0, 2, 3, 1])
      }
      #expect(read[parameter.name] == expected)
    }
    var notes: [String] = []
    if !prefix.isEmpty {
      notes.append("has \"\(prefix)\" before every name, which is taken off")
    }
    if others > 0 {
      notes.append(
        "has \(others) \(others == 1 ? "array" : "arrays") outside of \"\(prefix)\", which "
          + "\(others == 1 ? "is" : "are") omitted")
    }
    #expect(try file.match(StateDictNamesTests.layers).notes == notes)
    #expect(
      try file.readBatchCounts(StateDictNamesTests.layers)
        == ["features.denseblock1.denselayer1.norm1.num_batches_tracked": 0])
  }

  // MARK: Several networks

  @Test(arguments: [
    ("torch-ema.pth", "ema_state_dict/", "state_dict/", "ema_state_dict"),
    ("torch-pair.pth", "student.", "teacher.", "teacher"),
  ])
  func ofSeveralNetworksOneIsChosen(name: String, first: String, second: String, group: String)
    throws
  {
    let layers = StateDictNamesTests.layers
    let file = try CheckpointFile(path: fixture(name))
    #expect(file.rivals(of: layers) == [first, second])
    #expect(
      failure { _ = try file.match(layers) }
        == "\(name): holds the network 2 times, under \"\(first)\" and \"\(second)\"; choose one by "
        + "network.group (--group)")
    let chosen = try CheckpointFile(path: fixture(name), group: group)
    #expect(chosen.rivals(of: layers).isEmpty)
    #expect(try chosen.tensors(layers)["fc.bias"] == ramp([3]))
    #expect(try chosen.match(layers).notes.isEmpty)
    #expect(try chosen.readBatchCounts(layers).count == 1)
    #expect(
      failure { _ = try CheckpointFile(path: fixture(name), group: "tutor") }
        == "\(name): has no arrays in a group \"tutor\", which network.group (--group) names; their "
        + "names begin with \"\(first)\", \"\(second)\"")
  }

  /// HDF5's groups are no different.
  @Test func groupsOfHDF5AreChosenAsWell() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("two.h5")
    let layers = [ParameterizedLayer(name: "fc", kind: .dense, weightShape: [1, 2])]
    try HDF5Writer.write(to: path) { file in
      for (start, group) in [(0, "first"), (10, "second/model")] {
        try file.write(
          Tensor(shape: [1, 2], values: [Float(start), Float(start + 1)]), as: group + "/fc.weight")
        try file.write(Tensor(shape: [1], values: [Float(start + 2)]), as: group + "/fc.bias")
      }
    }
    #expect(
      failure { _ = try CheckpointFile(path: path).match(layers) }
        == "two.h5: holds the network 2 times, under \"first/\" and \"second/model/\"; choose one by "
        + "network.group (--group)")
    let second = try CheckpointFile(path: path, group: "second")
    #expect(try second.tensors(layers)["fc.weight"]?.values == [10, 11])
    #expect(
      try CheckpointFile(path: path, group: "first/").tensors(layers)["fc.bias"]?.values == [2])
  }

  /// What Keras wrote is one network, whose layers are groups.
  @Test func filesOfKerasHaveNoGroups() {
    #expect(
      failure { _ = try CheckpointFile(path: fixture("keras-tiny-weights.h5"), group: "a") }
        == "keras-tiny-weights.h5: is a file of Keras's, which holds one network, but network.group "
        + "(--group) names the group \"a\"; omit it")
  }

  // MARK: Writing

  /// `torch.load` reads the file (tools/check_checkpoints.py); here it is our own reader.
  @Test func whatIsWrittenIsReadBitForBit() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.pth")
    var parameters: [String: Tensor] = [:]
    for parameter in StateDictNamesTests.layers.flatMap(\.parameters) {
      parameters[parameter.name] = ramp(parameter.shape)
    }
    let counter = "features.denseblock1.denselayer1.norm1.num_batches_tracked"
    var provenance = Provenance()
    provenance.manipulated = true
    let metadata = CheckpointMetadata(
      architecture: "{}", classNames: ["a", "b", "ü"], provenance: provenance)
    let checkpoint = Checkpoint(
      parameters: parameters, batchCounts: [counter: 1 << 40], metadata: metadata)
    try checkpoint.save(to: path, as: .pth, layers: StateDictNamesTests.layers)
    let file = try CheckpointFile(path: path)
    #expect(file.layout == .pth)
    #expect(file.metadata == metadata)
    #expect(try file.tensors(StateDictNamesTests.layers) == parameters)
    #expect(try file.readBatchCounts(StateDictNamesTests.layers) == [counter: 1 << 40])
    // A group is for files of others: ours hold one network.
    #expect(try CheckpointFile(path: path, group: "teacher").metadata == metadata)
    // The same contents give the same bytes.
    try checkpoint.save(to: folder.file("b.pth"), as: .pth, layers: StateDictNamesTests.layers)
    #expect(try contents(path) == contents(folder.file("b.pth")))
    #expect(try folder.names == ["a.pth", "b.pth"])
  }

  @Test func wholeModulesAreRefusedByTheirClass() {
    for name in ["torch-module.pth", "torch-module-old.pth"] {
      #expect(
        failure { _ = try CheckpointFile(path: fixture(name)) }
          == "\(name): asks for GLOBAL torch.nn.modules.linear.Linear, which no dictionary of tensors "
          + "needs; nothing of it was run. In Python, save the weights alone with "
          + "torch.save(model.state_dict(), \"model.pth\")")
    }
  }
}

/// The files of tools/make_hostile_archives.py, which are the fuzzer's as well.
@Suite struct HostileArchiveTests {
  private static let folder =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path + "/Fuzzing/Corpora/torch/"

  private static func reason(_ name: String) -> String? {
    failure {
      let file = try CheckpointFile(path: folder + name)
      for tensor in file.container.tensors { _ = try file.container.read(tensor.name) }
    }
  }

  @Test(arguments: ["good.pth", "good-old.pth", "good-deflated.pth"])
  func theirSoundSiblingsAreRead(name: String) throws {
    let file = try CheckpointFile(path: Self.folder + name)
    let expected: [Float] = name == "good-old.pth" ? [0, 1, 2, 3] : [0, 0, 0, 0]
    #expect(try file.container.read("weight").values == expected)
  }

  /// A file has one end, and it is one sentence that names what was asked for.
  @Test(arguments: [
    ("os-system.pth", "asks for GLOBAL os.system"),
    ("os-system-old.pth", "asks for GLOBAL os.system"),
    ("stack-global.pth", "asks for GLOBAL os.system"),
    ("builtins-eval.pth", "asks for GLOBAL builtins.eval"),
    ("newobj.pth", "has the pickle operation NEWOBJ"),
    ("instance.pth", "has the pickle operation INST"),
    ("extension.pth", "has the pickle operation EXT1"),
    ("build-tensor.pth", "has the pickle operation BUILD on something else than a dictionary"),
  ])
  func whatRunsCodeIsRefusedByName(name: String, reason: String) {
    #expect(
      Self.reason(name)
        == "\(name): \(reason), which no dictionary of tensors needs; nothing of it was run. In "
        + "Python, save the weights alone with torch.save(model.state_dict(), \"model.pth\")")
  }

  @Test(arguments: [
    ("call-storage.pth", "is damaged: its pickle has a REDUCE of something that cannot be called"),
    ("call-number.pth", "is damaged: its pickle has a REDUCE of something that cannot be called"),
    ("tensor-of-nothing.pth", "is damaged: its pickle has a tensor that is not made of a storage"),
    ("deep-lists.pth", "holds dictionaries or lists more than 32 deep, perhaps in themselves"),
    ("deep-tuples.pth", "holds dictionaries or lists more than 32 deep, perhaps in themselves"),
    ("cycle.pth", "holds dictionaries or lists more than 32 deep, perhaps in themselves"),
    ("billion-laughs.pth", "leads to more than 4000000 values, the limit"),
    ("marks.pth", "is damaged: its pickle has an empty stack"),
    ("memo-far.pth", "is damaged: its pickle has no memo 4294967294"),
    ("text-far.pth", "is incomplete: its pickle claims 2147483647 bytes"),
    ("huge-text-far.pth", "is incomplete: its pickle claims 9223372036854775807 bytes"),
    ("empty-stack.pth", "is damaged: its pickle has no mark"),
    ("no-end.pth", "is incomplete: its pickle ends at byte 5"),
    ("name-without-end.pth", "is damaged: its pickle has a name without an end"),
    ("twice.pth", "has the tensor a twice"),
    ("no-tensors.pth", "holds no tensors"),
    ("list.pth", "holds something else than a dictionary of tensors"),
  ])
  func picklesThatMeanNothingAreRefused(name: String, reason: String) {
    let text = Self.reason(name)
    #expect(text?.hasPrefix("\(name): \(reason)") == true, "\(text ?? "read")")
  }

  @Test(arguments: [
    (
      "beyond-storage.pth",
      "/a has the shape [2, 3] with strides [3, 1] from element 0 on, which do not fit its storage "
        + "of 4 elements"
    ),
    ("negative-stride.pth", "/a has the shape [4] with strides [-1] from element 3 on"),
    ("negative-offset.pth", "/a has the shape [4] with strides [1] from element -1 on"),
    ("negative-extent.pth", "/a has the shape [-4] with strides [1] from element 0 on"),
    ("expanded.pth", "/a has the shape [1073741824] with strides [0] from element 0 on"),
    ("overflowing.pth", "/a has the shape [1099511627776, 1099511627776] with strides"),
    ("large-storage.pth", "/a lies in a storage of 2305843009213693952 float64, but 16 bytes"),
    ("long-storage.pth", "/a lies in a storage of 400 float32, but 16 bytes of it are stored"),
    ("missing-storage.pth", "/archive/data/1 is missing in the zip archive"),
    ("storage-elsewhere.pth", "/archive/data/../../../etc/passwd is missing in the zip archive"),
    ("beyond-storage-old.pth", "/a has the shape [5] with strides [1] from element 0 on"),
    ("two-sizes-old.pth", "is damaged: storage 0 is of two sizes or types"),
    (
      "short-old.pth",
      "is damaged or incomplete: storage 0 has 4 elements, 4 are expected, and 8 bytes are left"
    ),
    ("count-old.pth", "is damaged or incomplete: storage 0 has 1099511627776 elements"),
    ("unknown-key-old.pth", "is damaged: its list of storages names one that no tensor lies in"),
    ("no-storage-old.pth", "has no storage 0, which a tensor lies in"),
  ])
  func sizesThatLieAreRefused(name: String, reason: String) {
    let text = Self.reason(name)
    #expect(text?.hasPrefix("\(name): \(reason)") == true, "\(text ?? "read")")
    #expect(text?.contains("\n") == false)
  }

  @Test(arguments: [
    ("big-endian.pth", "/archive/byteorder is bigend, expected little"),
    ("truncated.pth", "is a zip archive without its end"),
    ("no-directory.pth", "is a zip archive without its end"),
    ("entry-claims.pth", "/archive/data/0 claims 1073741824 bytes"),
    ("entry-elsewhere.pth", "/archive/data/0 has no header where the archive says"),
    ("entry-far.pth", "/archive/data/0 claims 16 bytes at 1073741824 of an archive of"),
    ("encrypted.pth", "/archive/data/0 is encrypted, which is not read"),
    (
      "method.pth", "/archive/data/0 is compressed by method 14; deflate (8) and none (0) are read"
    ),
    ("bomb-claim.pth", "/archive/data.pkl claims to be 2147483648 bytes, which"),
    ("other-size.pth", "/archive/data/0 does not become the 64 bytes that the archive says"),
    ("other-checksum.pth", "/archive/data/0 is damaged: it has another checksum"),
    ("many-entries.pth", "is a zip archive whose list of entries is damaged"),
    ("directory-far.pth", "is a zip archive whose list of entries claims"),
    ("script.pth", "is a TorchScript archive, a program, which is not read"),
    ("other.zip.pth", "is a zip archive, but neither Keras's (.keras)"),
  ])
  func archivesThatLieAreRefused(name: String, reason: String) {
    let text = Self.reason(name)
    #expect(text?.hasPrefix("\(name): \(reason)") == true, "\(text ?? "read")")
    #expect(text?.contains("\n") == false)
  }

  /// A megabyte of zeros from a kilobyte is a sound file: what it becomes is bounded, and is memory
  /// that its tensor takes anyway.
  @Test func whatIsDeflatedIsReadInMemory() throws {
    let file = try CheckpointFile(path: Self.folder + "bomb.pth")
    #expect(try file.container.read("a") == Tensor(repeating: 0, shape: [1 << 22]))
  }
}
