import Foundation
import Testing

/// In a jail or a container without /proc.
@Suite struct NoProcTests {
  /// Runs the program with an empty folder over /proc; nil where nobody may do that.
  private func run(_ arguments: [String], in folder: TemporaryFolder) throws
    -> CommandLineProgram.Result?
  {
    let result = try CommandLineProgram.run(
      list: arguments, in: folder.url,
      through: ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /proc && exec \"$0\" \"$@\""])
    // Sanitizers read the maps of their process.
    let cannot = ["unshare:", "mount:", "sh: ", "Sanitizer"].contains { result.error.contains($0) }
    return cannot ? nil : result
  }

  @Test func theSameIsDoneWithoutIt() throws {
    let folder = try TemporaryFolder()
    guard let version = try run(["--version"], in: folder) else { return }
    #expect(version.code == 0 && version.output.hasPrefix("trompe "), "\(version.error)")
    let fooled = try run(SmallRun.fool("without", steps: 3), in: folder)
    #expect(fooled?.code == 0, "\(fooled?.error ?? "")")
    let with = try CommandLineProgram.run(list: SmallRun.fool("with", steps: 3), in: folder.url)
    #expect(with.code == 0, "\(with.error)")
    for name in ["manipulated.h5", "test-losses.jsonl"] {
      let files = ["with", "without"].map { folder.url.appendingPathComponent("\($0)/\(name)") }
      #expect(try Data(contentsOf: files[0]) == Data(contentsOf: files[1]), "\(name)")
    }
    let wrong = try run(["fool", "none.yaml"], in: folder)
    #expect(wrong?.code == 1 && wrong?.error == "trompe: none.yaml: no such file\n")
  }
}
