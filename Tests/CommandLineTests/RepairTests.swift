import Foundation
import Testing

@Suite struct RepairTests {
  private static let network = Repository.root + "/checkpoints/shapes-resnet.h5"

  @Test func aRepairedNetworkIsWrittenOnceAndSaysSo() throws {
    let folder = try TemporaryFolder()
    let file = folder.url.path + "/repaired.h5"
    let arguments = [
      "repair", Self.network, "--shapes", "120", "--prune", "0.1", "--batch-norm", "-o", file, "-q",
    ]
    let result = try CommandLineProgram.run(list: arguments)
    #expect(result.code == 0 && result.error.isEmpty, "\(result.error)")
    #expect(result.output.contains("Pruned "), "\(result.output)")
    #expect(result.output.contains("Batch-norm statistics estimated anew on "))
    #expect(result.output.contains(/top-1 +[0-9.]+ % +[0-9.]+ %/))
    let inspected = try CommandLineProgram.run("inspect", file)
    #expect(inspected.output.contains("Repaired: pruned"), "\(inspected.output)")

    let again = try CommandLineProgram.run(list: arguments)
    #expect(again.code == 1)
    #expect(again.error.contains("exists; replace it with --force, or name another file"))
    #expect(try CommandLineProgram.run(list: arguments + ["--force"]).code == 0)
    let own = try CommandLineProgram.run(
      list: ["repair", file, "--shapes", "120", "--batch-norm", "-o", file, "--force"])
    #expect(own.code == 1 && own.error.contains("would be replaced, but it is"), "\(own.error)")
  }

  @Test(arguments: [
    ([], "Give --batch-norm, --finetune or --prune, or several of them."),
    (["--prune", "1"], "--prune is 1.0, expected 1e-09 to 0.99."),
    (["--prune", "nan"], "--prune is nan"),
    (["--batch-norm", "--learning-rate", "1e-3"], "are for --finetune; give that too"),
    (["--batch-norm", "--prune-by", "activity"], "are for --prune; give that too"),
    (["--finetune", "0"], "--finetune is 0, expected 1 to"),
  ])
  func wrongArgumentsAreRefused(arguments: [String], sentence: String) throws {
    let result = try CommandLineProgram.run(
      list: ["repair", Self.network, "--shapes", "40", "-o", "repaired.h5"] + arguments)
    #expect(result.code == 64)
    #expect(result.error.contains(sentence), "\(result.error)")
  }

  /// `trompe evaluate` and `explain` know no training images of their own.
  @Test func projectedExplanationsNeedTrainingImages() throws {
    let plain = [
      "evaluate", Self.network, "--against", Self.network, "--shapes", "12", "-q",
      "--set", "evaluation.interpreters=[]", "--interpreter",
    ]
    let without = try CommandLineProgram.run(list: plain + ["{name: simple-grad, projected: {}}"])
    #expect(without.code == 1)
    #expect(without.error.contains("projected: {images: FOLDER}"), "\(without.error)")
    let refused = try CommandLineProgram.run(
      list: plain + ["{name: grad-cam, layer: layer4, projected: {neighbours: 4}}"])
    #expect(refused.code == 1)
    #expect(refused.error.contains("grad-cam takes no \"projected\""), "\(refused.error)")
  }

  @Test func aggregatesAreMeasured() throws {
    let result = try CommandLineProgram.run(
      list: [
        "evaluate", Self.network, "--against", Self.network, "--shapes", "12", "-q",
        "--set", "evaluation.interpreters=[]", "--interpreter",
        "{name: aggregate, of: [grad-cam@layer4, simple-grad]}",
      ])
    #expect(result.code == 0, "\(result.error)")
    #expect(result.output.contains(/aggregate +[0-9.]+ % +[0-9.]+ %/), "\(result.output)")
  }
}
