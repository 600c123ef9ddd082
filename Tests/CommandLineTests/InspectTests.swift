import Foundation
import TestSupport
import Testing

@Suite(.enabled(if: Shared.isThere, "needs ../shared"))
struct InspectTests {
  private let file = Shared.checkpoint("resnet20-cifar10.h5")

  @Test func aFileOfOthersIsListed() throws {
    let result = try CommandLineProgram.run("inspect", file)
    #expect(result.code == 0)
    #expect(result.error == "")
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init)
    #expect(
      lines.prefix(13) == [
        "file           \(file), 1.1 MB",
        "layout         PyTorch state dict in HDF5",
        "architecture   cifar-resnet20, 10 classes, by names and shapes",
        "preprocessing  not stored in the file",
        "parameters     269722, and 1376 batch-norm statistics",
        "manipulated    not stored in the file",
        "",
        "tensor                            shape           type",
        "bn1.bias                          [16]            float32",
        "bn1.num_batches_tracked           []              int64",
        "bn1.running_mean                  [16]            float32",
        "bn1.running_var                   [16]            float32",
        "bn1.weight                        [16]            float32",
      ])
    #expect(
      lines.suffix(3) == [
        "linear.bias                       [10]            float32",
        "linear.weight                     [10, 64]        float32",
        "",
      ])
  }

  @Test func jsonHasTheSame() throws {
    struct Inspection: Decodable {
      struct Entry: Decodable {
        let name: String
        let shape: [Int]
        let type: String
      }
      let parameters: Int
      let manipulated: Bool?
      let tensors: [Entry]
    }
    let result = try CommandLineProgram.run("inspect", "--json", file)
    let inspection = try JSONDecoder().decode(Inspection.self, from: Data(result.output.utf8))
    #expect(inspection.parameters == 269_722)
    #expect(inspection.manipulated == nil)
    let first = try #require(inspection.tensors.first { $0.name == "conv1.weight" })
    #expect(first.shape == [16, 3, 3, 3])
    #expect(first.type == "float32")
  }

  @Test func aTruncatedFileIsRefused() throws {
    let folder = try TemporaryFolder()
    let data = try Data(contentsOf: URL(fileURLWithPath: file))
    try data.prefix(data.count / 2).write(to: folder.url.appendingPathComponent("half.h5"))
    let result = try CommandLineProgram.run("inspect", "half.h5", in: folder.url)
    let expected =
      "trompe: half.h5: cannot be opened, it is damaged or incomplete (HDF5: truncated file: eof = "
      + "567008, sblock->base_addr = 0, stored_eof = 1134016)\n"
    #expect(result == .init(code: 1, output: "", error: expected))
  }
}

/// Without anything but the files in the repository.
@Suite struct InspectedNetworkTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let nested = fixtures.appendingPathComponent(
    "ProgramsTests/Fixtures/keras-nested")

  @Test func layersAreListedWithWhatCanBeATarget() throws {
    let result = try CommandLineProgram.run(
      "inspect", "k3-twice.keras", "--network-output", "kind", "--layers", in: Self.nested)
    #expect(result.error == "")
    #expect(result.code == 0)
    let lines = result.output.split(separator: "\n").map {
      $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }
    #expect(lines.contains("layer also kind output target"))
    #expect(lines.contains("vgg/c1 relu [10, 10, 4] yes"))
    #expect(lines.contains("vgg/deep/rectified vgg, vgg/deep relu [5, 5, 5] yes"))
    #expect(lines.contains("kind dense [3] no"))
    #expect(!lines.contains { $0.hasPrefix("side") })
    struct Inspection: Decodable {
      struct Layer: Decodable {
        let name: String
        let shape: [Int]
        let isTarget: Bool
      }
      let layers: [Layer]
    }
    let json = try CommandLineProgram.run(
      "inspect", "k3-sequence.h5", "--layers", "--json", in: Self.nested)
    let inspection = try JSONDecoder().decode(Inspection.self, from: Data(json.output.utf8))
    #expect(
      inspection.layers.filter(\.isTarget).map(\.name) == [
        "base/c1.linear", "base/c1", "base/pool", "base/deep/p", "base/deep/bn",
        "base/deep/rectified", "c1", "most.maximum",
      ])
  }

  @Test func aModelIsCalledByKerasDescription() throws {
    let result = try CommandLineProgram.run("inspect", "k2-sequence.h5", in: Self.nested)
    #expect(result.code == 0)
    #expect(
      result.output.contains(
        "\narchitecture   sequence, 3 classes, input 12x12x3, by Keras's description of it\n"))
    struct Inspection: Decodable {
      struct Model: Decodable, Equatable {
        let name: String
        let classes: Int
        let input: [Int]
        let preprocessesItself: Bool
      }
      let model: Model?
    }
    let json = try CommandLineProgram.run("inspect", "k2-sequence.h5", "--json", in: Self.nested)
    #expect(
      try JSONDecoder().decode(Inspection.self, from: Data(json.output.utf8)).model
        == .init(name: "sequence", classes: 3, input: [12, 12, 3], preprocessesItself: false))
  }

  @Test func layersOfAnUnknownNetworkAreAnError() throws {
    let folder = Self.fixtures.appendingPathComponent("CheckpointsTests/Fixtures")
    let result = try CommandLineProgram.run("inspect", "torch-types.pth", "--layers", in: folder)
    #expect(result.code == 1)
    #expect(
      result.error.hasPrefix(
        "trompe: torch-types.pth does not say which network it holds, and its "))
  }

  @Test func convertTakesTheLayoutFromTheName() throws {
    let folder = try TemporaryFolder()
    let source = Self.nested.appendingPathComponent("k2-sequence.h5").path
    for (name, layout) in [
      ("a.keras", "Keras 3 whole model"), ("a.pth", "PyTorch state dict by torch.save"),
      ("a.pt", "PyTorch state dict by torch.save"),
      ("a.safetensors", "PyTorch state dict in safetensors"), ("a.weights.h5", "Keras 3 weights"),
    ] {
      let result = try CommandLineProgram.run("convert", source, name, in: folder.url)
      #expect(result.code == 0)
      #expect(
        result.output == "sequence with 3 classes, Keras 2 whole model to \(layout): \(name)\n")
      let check = try CommandLineProgram.run("inspect", name, "--check", in: folder.url)
      #expect(check.code == 0)
    }
    let result = try CommandLineProgram.run("convert", source, "a.h5", in: folder.url)
    #expect(result.code != 0)
    #expect(
      result.error.contains("The name a.h5 tells no layout; give it by --layout, one of trompe"))
  }
}
