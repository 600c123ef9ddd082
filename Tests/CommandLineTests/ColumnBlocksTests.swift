import Testing

@Suite struct ColumnBlocksTests {
  /// How many blocks of columns a product takes at once follows the processor; what is computed must not.
  @Test func blocksOfColumnsDoNotChangeARun() throws {
    let folder = try TemporaryFolder()
    let runs = try ["1", "2", "3"].map { blocks in
      let output = folder.url.path + "/\(blocks)"
      let result = try CommandLineProgram.run(
        list: SmallRun.fool(output, steps: 4, ["--set", "report.images=4"]),
        environment: ["TROMPE_COLUMN_BLOCKS": blocks])
      #expect(result.code == 0, "\(result.error)")
      return SmallRun.metrics(output)
    }
    #expect(runs[1] == runs[0])
    #expect(runs[2] == runs[0])
    #expect(runs[0].contains { $0.contains("step") })
  }
}
