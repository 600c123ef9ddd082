import Checkpoints
import Foundation
import TensorGraph
import Testing

struct SafetensorsTests {
  @Test func readsWhatItsOwnLibraryWrote() throws {
    let file = try SafetensorsFile(path: fixture("mixed.safetensors"))
    #expect(
      file.tensors.map { "\($0.name) \($0.shape) \($0.elementType)" } == [
        "bn.num_batches_tracked [] int64", "bytes [3] uint8", "conv.weight [4, 3, 3, 3] float32",
        "double [2, 3] float64", "empty [0, 3] float32", "half [2, 3] float16", "signed [3] int8",
      ])
    #expect(file.metadata == ["format": "pt"])
    for name in ["half", "double"] {
      #expect(try file.read(name).values == [1.5, -2.25, 0, 65504, -0.125, 3])
    }
    #expect(try file.readInteger("bn.num_batches_tracked") == 5)
    #expect(try file.readIntegers("bytes") == [0, 7, 255])
    #expect(try file.readIntegers("signed") == [-1, 7, -128])
    #expect(try file.read("signed").values == [-1, 7, -128])
    // numpy.random.RandomState(0).randn
    #expect(try file.read("conv.weight").values[0] == 1.7640524)
    #expect(try file.read("empty").values == [])
  }

  private func write(_ header: String, data: [UInt8] = [], length: UInt64? = nil, to path: String)
    throws
  {
    var bytes = withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) {
      Array($0)
    }
    bytes += Array(header.utf8) + data
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  @Test func readsBrainFloats() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.safetensors")
    try write(
      #"{"w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#,
      data: [0x80, 0x3f, 0x20, 0xc0], to: path)
    #expect(try SafetensorsFile(path: path).read("w").values == [1, -2.5])
    let layers = [
      ParameterizedLayer(name: "w", kind: .dense, weightShape: [1, 2], hasBias: false)
    ]
    try write(
      #"{"w.weight":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}}"#,
      data: [0x80, 0x3f, 0x20, 0xc0], to: path)
    #expect(
      try CheckpointFile(path: path).match(layers).notes
        == ["holds 1 of bfloat16 among 1 arrays, read as float32"])
  }

  /// None may be read, and none may be believed.
  @Test(arguments: [
    ("{", nil, "has a header that is not JSON as the format has it"),
    ("[]", nil, "has a header that is not JSON as the format has it"),
    (
      #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, nil,
      "/w has shape [2] of float32, 8 bytes, but 4 bytes of data"
    ),
    (
      #"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#, nil,
      "/w has the data offsets [0, 12], expected [0, …] within 4 bytes"
    ),
    (
      #"{"w":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}"#, nil,
      "/w has the data offsets [4, 4], expected [0, …] within 4 bytes"
    ),
    (
      #"{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, nil,
      "/w has the shape [-1], which no array can have"
    ),
    (
      #"{"w":{"dtype":"F32","shape":[4611686018427387904,4,0],"data_offsets":[0,4]}}"#, nil,
      "/w has the shape [4611686018427387904, 4, 0], which no array can have"
    ),
    (
      #"{"w":{"dtype":"F32","shape":"x","data_offsets":[0,4]}}"#, nil,
      "/w has a header entry shape of another type than the format's"
    ),
    (#"{"w":{"dtype":"F32","shape":[1]}}"#, nil, "/w has no \"data_offsets\" in the header"),
    ("{}", nil, "has 4 bytes of data, of which its header describes 0"),
    (
      "{}", 1 << 62,
      "is not a safetensors file, or incomplete: its header claims 4611686018427387904 bytes of a "
        + "file of 14 bytes"
    ),
    (
      "{}", UInt64.max,
      "is not a safetensors file, or incomplete: its header claims 18446744073709551615 bytes of a "
        + "file of 14 bytes"
    ),
  ])
  func isRefused(header: String, length: UInt64?, reason: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.safetensors")
    try write(header, data: [0, 0, 0, 0], length: length, to: path)
    let place = reason.hasPrefix("/") ? reason : reason
    #expect(failure { _ = try CheckpointFile(path: path) } == "a.safetensors: \(place)")
  }

  @Test func metadataOfOthersIsLeftAlone() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.safetensors")
    try write(#"{"__metadata__":{"architecture":"theirs","format":"pt"}}"#, to: path)
    #expect(try CheckpointFile(path: path).metadata == CheckpointMetadata())
    try write(#"{"__metadata__":{"trompe.formatVersion":"9"}}"#, to: path)
    #expect(
      failure { _ = try CheckpointFile(path: path) }
        == "a.safetensors: has format version 9, this version of Trompe reads up to 1: use a newer "
        + "one")
    try write(#"{"__metadata__":{"trompe.formatVersion":"1","trompe.classNames":"x"}}"#, to: path)
    #expect(
      failure { _ = try CheckpointFile(path: path) }
        == "a.safetensors: /@classNames is not an array of names in JSON")
  }

  @Test func otherFormatsAreNamed() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.pt")
    try Data([0x50, 0x4b, 0x03, 0x04] + [UInt8](repeating: 0, count: 50))
      .write(to: URL(fileURLWithPath: path))
    #expect(
      failure { _ = try CheckpointFile(path: path) }
        == "a.pt: is a zip archive, as PyTorch's .pt and .pth files and Keras's .keras files are, "
        + "which are not read: in Python, save PyTorch's weights with "
        + "safetensors.torch.save_file(model.state_dict(), \"model.safetensors\"), a Keras model "
        + "whole as HDF5 with model.save(\"model.h5\")")
    try Data([0x80, 0x02, 0x8a]).write(to: URL(fileURLWithPath: path))
    #expect(
      failure { _ = try CheckpointFile(path: path) }?.hasPrefix(
        "a.pt: is a pickle, as PyTorch's older .pt and .pth files are, which is not read") == true)
    try Data().write(to: URL(fileURLWithPath: path))
    #expect(
      failure { _ = try CheckpointFile(path: path) }
        == "a.pt: is neither an HDF5 nor a safetensors file")
    try Data().write(to: URL(fileURLWithPath: folder.file("a.safetensors")))
    #expect(
      failure { _ = try CheckpointFile(path: folder.file("a.safetensors")) }
        == "a.safetensors: is not a safetensors file: it has only 0 bytes")
  }
}
