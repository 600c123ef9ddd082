import Checkpoints
import Foundation
import TensorGraph
import Testing

/// A network in several safetensors files with an index.
@Suite struct ShardedSafetensorsTests {
  private static let first = ParameterizedLayer(
    name: "a", kind: .dense, weightShape: [2, 3], hasBias: false)
  private static let second = ParameterizedLayer(
    name: "b", kind: .dense, weightShape: [1, 2], hasBias: false)

  private func part(_ layer: ParameterizedLayer, _ path: String) throws {
    try Checkpoint(parameters: ["\(layer.name).weight": ramp(layer.weightShape)])
      .save(to: path, as: .safetensors, layers: [layer])
  }

  private func index(_ map: [String: String], _ path: String) throws {
    let text = try JSONEncoder().encode(["weight_map": map])
    try text.write(to: URL(fileURLWithPath: path))
  }

  @Test func allFilesAreOneNetwork() throws {
    let folder = try TemporaryFolder()
    try part(Self.first, folder.file("m-1.safetensors"))
    try part(Self.second, folder.file("m-2.safetensors"))
    let path = folder.file("m.safetensors.index.json")
    try index(["a.weight": "m-1.safetensors", "b.weight": "m-2.safetensors"], path)
    let file = try CheckpointFile(path: path)
    #expect(file.layout == .safetensors)
    #expect(
      try file.tensors([Self.first, Self.second])
        == ["a.weight": ramp([2, 3]), "b.weight": ramp([1, 2])])
    #expect(
      file.paths == [path, folder.file("m-1.safetensors"), folder.file("m-2.safetensors")])
    // Another file, another digest, whichever of them it is.
    let digest = try file.sha256()
    try Checkpoint(parameters: ["b.weight": Tensor(shape: [1, 2], values: [5, 6])])
      .save(to: folder.file("m-2.safetensors"), as: .safetensors, layers: [Self.second])
    #expect(try CheckpointFile(path: path).sha256() != digest)
  }

  @Test(arguments: ["/etc/passwd", "../m-1.safetensors", "..", "", "sub/m-1.safetensors"])
  func filesOutsideItsFolderAreRefused(name: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.safetensors.index.json")
    try index(["a.weight": name], path)
    #expect(
      failure { _ = try CheckpointFile(path: path) }
        == "m.safetensors.index.json: names the file \"\(name)\", which is not one of its own folder"
    )
  }

  @Test func indexAndFilesMustAgree() throws {
    let folder = try TemporaryFolder()
    try part(Self.first, folder.file("m-1.safetensors"))
    let path = folder.file("m.safetensors.index.json")
    try index(["b.weight": "m-1.safetensors"], path)
    #expect(
      failure { _ = try CheckpointFile(path: path) } == """
        m.safetensors.index.json: /a.weight is in m-1.safetensors, where the index does not have it
        m.safetensors.index.json: /b.weight is not in m-1.safetensors, where the index has it
        """)
    try index(["a.weight": "m-2.safetensors"], path)
    #expect(
      failure { _ = try CheckpointFile(path: path) }
        == "m-2.safetensors: cannot be opened: No such file or directory")
    try Data("[]".utf8).write(to: URL(fileURLWithPath: path))
    #expect(
      failure { _ = try CheckpointFile(path: path) }?.hasPrefix(
        "m.safetensors.index.json: is not the index of a network in several safetensors files: ")
        == true)
    try Data(#"{"weight_map": {"a": "x", "a": "y"}}"#.utf8).write(to: URL(fileURLWithPath: path))
    #expect(
      failure { _ = try CheckpointFile(path: path) }?.contains("\"a\" stands twice") == true)
  }
}
