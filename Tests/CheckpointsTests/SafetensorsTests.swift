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

  /// Of two values of one key readers take the first or the last.
  @Test func aKeyThatStandsTwiceIsRefusedByName() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.safetensors")
    let entry = #"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#
    let empty = #"{"dtype":"F32","shape":[0],"data_offsets":[4,4]}"#
    let headers: [(String, String)] = [
      ("{\"w\":\(entry),\"w\":\(empty)}", "/w is twice in the header"),
      ("{\"w\":\(entry),\"\\u0077\":\(empty)}", "/w is twice in the header"),
      ("{\"\\ud83d\\ude00\":\(entry),\"😀\":\(empty)}", "/😀 is twice in the header"),
      (
        "{\"w\":{\"shape\":[1],\(entry.dropFirst())}", "/w has \"shape\" twice in the header"
      ),
      (
        "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"},\"w\":\(entry)}",
        "/__metadata__ has \"a\" twice in the header"
      ),
    ]
    for (header, reason) in headers {
      try write(header, data: [0, 0, 0, 0], to: path)
      let expected =
        "a.safetensors: \(reason), so that readers may take different arrays for one; write the file "
        + "anew"
      #expect(failure { _ = try CheckpointFile(path: path) } == expected)
    }
  }

  /// One key in two objects, or as a value, is none that stands twice.
  @Test func oneKeyInTwoObjectsIsRead() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.safetensors")
    let header =
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
      + #""b":{"dtype":"F32","shape":[],"data_offsets":[4,8]},"#
      + #""\\a":{"dtype":"F32","shape":[0,1],"data_offsets":[8,8]},"#
      + #""__metadata__":{"a":"a","b":"\"b\":{"}}  "#
    try write(header, data: [UInt8](repeating: 0, count: 8), to: path)
    #expect(try SafetensorsFile(path: path).tensors.map(\.name) == ["\\a", "a", "b"])
  }

  /// Foundation reads UTF-16 as well; the format has UTF-8.
  @Test func aHeaderInAnotherEncodingIsRefused() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.safetensors")
    let header = try #require(#"{"__metadata__":{}}"#.data(using: .utf16LittleEndian))
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
    try (length + header).write(to: URL(fileURLWithPath: path))
    #expect(
      failure { _ = try CheckpointFile(path: path) }
        == "a.safetensors: has a header that is not JSON as the format has it")
  }

  /// As attributes of HDF5 files, metadata has each key once.
  @Test func metadataHasEachKeyOnce() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.h5")
    func write(_ name: String, _ text: String) throws {
      try HDF5Writer.write(to: path) { file in
        try file.setAttribute("format", to: .text("trompe"))
        try file.setAttribute(name, to: .text(text))
      }
    }
    let end = ", so nobody knows which counts; write the file anew with one"
    let texts: [(String, String, String)] = [
      ("preprocessing", #"{"mean":[0],"mean":[1]}"#, #""mean" stands twice"#),
      (
        "architecture", #"{"graph":{"nodes":[{},{"name":1,"name":2}]}}"#,
        #""name" stands twice in graph.nodes.1"#
      ),
      ("provenance", #"{"manipulated":true,"manipulated":false}"#, #""manipulated" stands twice"#),
      ("model_config", #"{"config":{"a":1,"b":{},"a":2}}"#, #""a" stands twice in config"#),
    ]
    for (name, text, place) in texts {
      try write(name, text)
      #expect(
        failure { _ = try CheckpointFile(path: path) }
          == "a.h5: /@\(name) cannot be read: \(place)\(end)")
    }
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
        == "a.pt: is a zip archive without its end, so it is incomplete or damaged")
    try Data([0x80, 0x02, 0x8a]).write(to: URL(fileURLWithPath: path))
    #expect(
      failure { _ = try CheckpointFile(path: path) }?.hasPrefix(
        "a.pt: is a pickle that torch.save did not write; nothing of it was run") == true)
    try Data().write(to: URL(fileURLWithPath: path))
    #expect(
      failure { _ = try CheckpointFile(path: path) }
        == "a.pt: is no HDF5 file, no safetensors file and none that torch.save wrote")
    try Data().write(to: URL(fileURLWithPath: folder.file("a.safetensors")))
    #expect(
      failure { _ = try CheckpointFile(path: folder.file("a.safetensors")) }
        == "a.safetensors: is not a safetensors file: it has only 0 bytes")
  }
}
