import Checkpoints
import Foundation
import TensorGraph
import TestSupport
import Testing

struct HDF5ReadingTests {
  @Test func listsNamesShapesAndTypesOfAllDatasets() throws {
    let file = try HDF5File(path: fixture("types.h5"))
    let listed = file.tensors.map { "\($0.name) \($0.shape) \($0.elementType)" }
    #expect(
      listed == [
        "bell\u{7} [] float32", "bigEndian [2, 3] float32", "double [2, 3] float64",
        "empty [0, 3] float32", "flag [2] enumeration", "half [2, 3] float16",
        "layer one/wéight [] float32", "nested/group/byte [3] uint8", "nested/scalar [] int64",
        "null [0] nothing (null dataspace)", "pair [1] compound", "single [2, 3] float32",
        "zipped [30, 20] float32",
      ])
    #expect(file.groups == ["layer one", "nested", "nested/group"])
  }

  @Test(arguments: ["half", "single", "double", "bigEndian"])
  func convertsEveryFloatTypeToFloat(name: String) throws {
    let file = try HDF5File(path: fixture("types.h5"))
    #expect(
      try file.read(name)
        == Tensor(shape: [2, 3], values: [1.5, -2.25, 0, 65504, -0.125, 3]))
  }

  @Test func readsBrainFloatsThatHDF5HasNoTypeFor() throws {
    let file = try HDF5File(path: fixture("bfloat16.h5"))
    #expect(
      file.tensors.map { "\($0.name) \($0.shape) \($0.elementType)" } == [
        "fixed [2, 3] bfloat16", "named [2, 3] bfloat16", "other [2, 3] unknown type",
        "plain [2, 3] bfloat16", "zipped [30, 20] bfloat16",
      ])
    for name in ["fixed", "named", "plain"] {
      #expect(
        try file.read(name)
          == Tensor(shape: [2, 3], values: [1.5, -2.25, 0, 0x1p100, -0.125, 3]), "\(name)")
    }
    // The upper halves of the numbers from 0: eight bits of each.
    let upper = (0..<600).map { Float(bitPattern: Float($0).bitPattern & 0xffff_0000) }
    #expect(try file.read("zipped").values == upper)
    #expect(
      failure { _ = try file.readIntegers("plain") }
        == "bfloat16.h5: /plain has elements of type bfloat16, expected integers")
  }

  @Test func readsCompressedChunks() throws {
    let file = try HDF5File(path: fixture("types.h5"))
    #expect(try file.read("zipped") == ramp([30, 20]))
  }

  /// h5py's own compression, which HDF5 has no code for.
  @Test func readsLZF() throws {
    let file = try HDF5File(path: fixture("lzf.h5"))
    #expect(try file.read("zeros") == Tensor(repeating: 0, shape: [64, 64]))
    #expect(try file.read("shuffled") == ramp([30, 20]))
    // Stored as it is where LZF would not make it smaller.
    let random = try file.readIntegers("random")
    #expect(random.count == 512 && Set(random).count > 100)
  }

  /// A file within a zip archive is read in its place, or in memory if it is deflated; by the library
  /// as well.
  @Test(arguments: ["stored.keras", "deflated.keras"])
  func readsFilesInArchives(name: String) throws {
    let file = try CheckpointFile(path: fixture(name))
    #expect(file.layout == .keras)
    #expect(file.modelConfig == "{}")
    let layer = ParameterizedLayer(name: "d", kind: .dense, weightShape: [20, 30])
    let expected = ramp([30, 20]).transposed([1, 0])
    #expect(try file.tensors([layer]) == ["d.weight": expected, "d.bias": ramp([20])])
  }

  @Test func readsIntoTheCallersMemory() throws {
    let file = try HDF5File(path: fixture("types.h5"))
    let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: 600)
    defer { memory.deallocate() }
    try file.read("zipped", into: memory)
    #expect(Array(memory) == ramp([600]).values)
  }

  @Test func readsIntegersEmptyArraysAndOddNames() throws {
    let file = try HDF5File(path: fixture("types.h5"))
    #expect(try file.readIntegers("nested/group/byte") == [0, 7, 255])
    #expect(try file.readInteger("nested/scalar") == -(1 << 40))
    #expect(try file.read("nested/group/byte").values == [0, 7, 255])
    #expect(try file.read("empty") == Tensor(shape: [0, 3], values: []))
    #expect(try file.read("layer one/wéight") == Tensor(4))
    #expect(try file.read("bell\u{7}") == Tensor(5))
  }

  @Test func saysWhyADatasetCannotBeReadAsAsked() throws {
    let file = try HDF5File(path: fixture("types.h5"))
    #expect(failure { _ = try file.read("nope") } == "types.h5: /nope is missing")
    #expect(
      failure { _ = try file.read("pair") }
        == "types.h5: /pair has elements of type compound, expected floats")
    #expect(
      failure { _ = try file.readIntegers("bell\u{7}") }
        == "types.h5: /bell\\u{7} has elements of type float32, expected integers")
    #expect(
      failure { _ = try file.readInteger("nested/group/byte") }
        == "types.h5: /nested/group/byte has 3 elements, expected one integer")
  }

  @Test func readsAttributesOfGroups() throws {
    let file = try HDF5File(path: fixture("types.h5"))
    let expected: [String: HDF5Attribute] = [
      "variable": .text("häuser"), "fixed": .text("hello"), "names": .texts(["conv1", "bn1", ""]),
      "fixedNames": .texts(["a", "bcd"]), "integer": .integer(3), "number": .number(0.5),
      "numbers": .numbers([1, 2.5]), "integers": .integers([1, 2, 3, 4]), "truth": .other,
    ]
    #expect(try file.attributes() == expected)
    #expect(
      try file.attributes(ofGroup: "nested") == ["weight_names": .texts(["kernel:0", "bias:0"])])
    #expect(
      failure { _ = try file.attributes(ofGroup: "nope") }
        == "types.h5: /nope is missing, expected a group")
  }

  @Test(.enabled(if: Shared.isThere, "needs ../shared"))
  func readsATrainedNetworkWrittenByPyTorch() throws {
    let file = try HDF5File(path: Shared.checkpoint("resnet20-cifar10.h5"))
    // Literals read with h5py 3.16.
    #expect(file.tensors.count == 116)
    let filter = try file.read("conv1.weight")
    #expect(filter.shape == [16, 3, 3, 3])
    #expect(filter.values[0] == -0.14586475 && filter.values[431] == 0.2658258)
    let graph = WeightLayout.torchvision.toGraph(filter)
    // Filter 3, channel 1, row 0, column 2.
    #expect(graph.values[((3 * 3 + 0) * 3 + 2) * 3 + 1] == 0.22118196)
    #expect(file.tensor(named: "linear.weight")?.shape == [10, 64])
    #expect(try file.readInteger("bn1.num_batches_tracked") == 1560)
    #expect(
      try file.read("bn1.bias").values.prefix(3) == [1.2033396, 1.0977532, 0.5835404])
    #expect(try file.attributes().isEmpty)
    #expect(try file.readMetadata() == CheckpointMetadata())
    #expect(
      try sha256(ofFile: file.path)
        == "49e2c996d5008cb870b43c03293b43426054afbb37733d89422c45d9edf6677b")
  }

  @Test func hashesFiles() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("abc")
    try Data("abc".utf8).write(to: URL(fileURLWithPath: path))
    // FIPS 180-2, appendix B.1.
    #expect(
      try sha256(ofFile: path)
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    // One million letters a, appendix B.3.
    try Data(repeating: 0x61, count: 1_000_000).write(to: URL(fileURLWithPath: path))
    #expect(
      try sha256(ofFile: path)
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    #expect(
      failure { _ = try sha256(ofFile: folder.file("none")) }
        == "none: cannot be opened: No such file or directory")
    #expect(
      failure { _ = try sha256(ofFile: folder.path) }?.contains("is not a regular file") == true)
  }
}
