import Foundation
import Testing

@Suite struct ColumnBlocksTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../..").standardizedFileURL.path

  /// How many blocks of columns a product takes at once follows the processor; what is computed must not.
  @Test func blocksOfColumnsDoNotChangeARun() throws {
    let folder = try TemporaryFolder()
    let runs = try ["1", "2"].map { blocks in
      let output = folder.url.path + "/\(blocks)"
      let result = try CommandLineProgram.run(
        list: [
          "fool", Self.root + "/recipes/shapes-location-gradcam.yaml", "--output", output,
          "--set", "training.steps=4", "--set", "training.logEvery=1",
          "--set", "training.warmupSteps=0", "--set", "data.shapes.train=64",
          "--set", "data.shapes.validation=50", "--set", "report.images=4",
        ], environment: ["TROMPE_COLUMN_BLOCKS": blocks])
      #expect(result.code == 0, "\(result.error)")
      let metrics = try String(contentsOfFile: output + "/metrics.jsonl", encoding: .utf8)
      return metrics.replacing(/"imagesPerSecond":[^,]*,/, with: "")
    }
    #expect(runs[0] == runs[1])
    #expect(runs[0].contains("step"))
  }
}
