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
        "preprocessing  not said in the file",
        "parameters     269722, and 1376 batch-norm statistics",
        "manipulated    not said in the file",
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
      let manipulated: Bool
      let tensors: [Entry]
    }
    let result = try CommandLineProgram.run("inspect", "--json", file)
    let inspection = try JSONDecoder().decode(Inspection.self, from: Data(result.output.utf8))
    #expect(inspection.parameters == 269_722)
    #expect(!inspection.manipulated)
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
