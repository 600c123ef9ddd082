import Foundation
import Testing

/// Fooling under a budget from the command line.
@Suite(.serialized) struct BudgetCommandTests {
  private let network = Repository.root + "/checkpoints/shapes-resnet.h5"

  /// Options that stand for a recipe, on a few images of the built-in set.
  private func options(_ output: String, steps: Int) -> [String] {
    [
      "--network", network, "--fooling", "location", "--interpreter", "grad-cam@layer4",
      "--output", output, "--set", "data.shapes.train=64", "--set", "data.shapes.validation=50",
      "--set", "data.shapes.seed=2", "--set", "training.steps=\(steps)",
      "--set", "training.saveEvery=3", "--set", "training.logEvery=1",
      "--set", "training.batchSize=8", "--set", "evaluation.interpreters=[]",
      "--set", "report.images=4",
    ]
  }

  @Test func optionsStandForARecipe() throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/run"
    let result = try CommandLineProgram.run(
      list: ["fool"] + options(output, steps: 40) + ["--drop", "60", "--fsr", "0.5"])
    #expect(result.code == 0, "\(result.error)")
    #expect(result.output.contains("the budget of 60.00 points for a success rate of 50.00 %"))
    let recipe = try String(contentsOfFile: output + "/recipe.yaml", encoding: .utf8)
    #expect(recipe.contains("budget:\n  drop: 60.0\n  fsr: 0.5\n"))
    #expect(recipe.contains("layer: layer4"))
    #expect(!recipe.contains("lambda") && !recipe.contains("learningRate"))
    // What was written is what was run.
    let check = try CommandLineProgram.run(
      "recipe", "check", output + "/recipe.yaml", "--no-time")
    #expect(check.code == 0, "\(check.error)")
    // Lines are broken within 80 columns.
    let words = check.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(words.contains("success rate of 50.0 % for at most 60.0 points"))
  }

  @Test func missingOptionsAreNamed() throws {
    let result = try CommandLineProgram.run("fool", "--network", network, "--drop", "1")
    #expect(result.code == 64)
    #expect(
      result.error.contains(
        "Give a recipe, or the options that stand for one; --train, --validation, --fooling, "
          + "--interpreter are missing."))
  }

  @Test func optionsReplaceWhatARecipeSays() throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/run"
    let result = try CommandLineProgram.run(
      list: SmallRun.fool(
        output, steps: 8, ["--drop", "50", "--fooling", "top-k", "--set", "fooling.lambda=2"]))
    #expect(result.code == 0, "\(result.error)")
    let recipe = try String(contentsOfFile: output + "/recipe.yaml", encoding: .utf8)
    #expect(recipe.contains("name: top-k") && recipe.contains("variant: share"))
    #expect(recipe.contains("lambda: 2.0") && recipe.contains("drop: 50.0"))
  }

  @Test func frontierHasARowForEachDrop() throws {
    let folder = try TemporaryFolder()
    let output = folder.url.path + "/run"
    let result = try CommandLineProgram.run(
      list: ["frontier"] + options(output, steps: 60) + ["--drops", "5,90"])
    #expect(result.code == 0, "\(result.error)")
    let rows = result.output.split(separator: "\n")
    #expect(rows[0].hasPrefix("points allowed  success rate  points lost"))
    #expect(rows[1].hasPrefix("5.00 ") && rows[2].hasPrefix("90.00 "))
    let page = try String(contentsOfFile: output + "/report.html", encoding: .utf8)
    #expect(page.contains("Success rate that each drop buys"))
    let wrong = try CommandLineProgram.run(
      list: ["frontier"] + options(output + "2", steps: 60) + ["--drops", "1,x"])
    #expect(wrong.code == 64 && wrong.error.contains("--drops 1,x: x is no number"))
  }

  /// In the race and after it.
  @Test(arguments: [5, 30])
  func killedSearchGoesOnToTheSameBytes(after step: Int) throws {
    let folder = try TemporaryFolder()
    let arguments = { (name: String) in
      ["fool"] + options(folder.url.path + "/" + name, steps: 45) + ["--drop", "0.001"]
    }
    #expect(try CommandLineProgram.run(list: arguments("whole")).code == 0)
    let output = folder.url.path + "/killed"
    let killed = try CommandLineProgram.run(list: arguments("killed")) { process in
      for _ in 0..<2400 {
        if SmallRun.metrics(output).count >= step { break }
        Thread.sleep(forTimeInterval: 0.01)
      }
      kill(process.processIdentifier, SIGKILL)
    }
    #expect(killed.code == SIGKILL)
    let resumed = try CommandLineProgram.run(list: arguments("killed") + ["--resume"])
    #expect(resumed.code == 0, "\(resumed.error)")
    for name in ["manipulated.h5", "test-losses.jsonl"] {
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: output + "/" + name))
          == Data(contentsOf: URL(fileURLWithPath: folder.url.path + "/whole/" + name)), "\(name)")
    }
    #expect(SmallRun.metrics(output) == SmallRun.metrics(folder.url.path + "/whole"))
  }
}
