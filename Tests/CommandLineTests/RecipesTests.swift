import Foundation
import Testing

@Suite struct RecipesTests {

  /// The project's own: each says in a sentence what it does.
  @Test func recipesAreListedWithALineEach() throws {
    let result = try CommandLineProgram.run("recipes", in: Repository.url)
    #expect(result.code == 0 && result.error == "")
    #expect(
      result.output.contains(
        """
        recipes/shapes-location-gradcam.yaml
          The main job on the built-in set by given numbers: Grad-CAM of the small
          residual network is moved onto a frame along the border.
        recipes/shapes-resnet.yaml
          Trains the small residual network in checkpoints/shapes-resnet.h5 from
          scratch on the built-in set.

        """), "\(result.output)")
    #expect(result.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    let json = try CommandLineProgram.run("recipes", "--json", in: Repository.url).output
    let entries = try #require(
      try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: String]])
    #expect(entries.count >= 24)
    for entry in entries {
      let summary = try #require(entry["summary"])
      #expect(summary.hasSuffix(".") && summary.count > 20, "\(entry)")
      let command =
        summary.hasPrefix("Trains ") || summary.contains(" fine-tuned ")
        ? "train"
        : summary.hasPrefix("Attacks ")
          ? "attack"
          : summary.hasPrefix("Influences ")
            ? "influence" : summary.hasPrefix("Studies ") ? "study" : "fool"
      #expect(entry["command"] == "trompe " + command, "\(entry)")
    }
  }

  @Test func recipesOfAnotherFolder() throws {
    let folder = try TemporaryFolder()
    try folder.write("fooling: {}\n", to: "b.yaml")
    try folder.write(
      "#A first (by one et al. 2019), e.g. this.\n# Second. Third\n\n# Fourth.\nnetwork: {}\n",
      to: "a.yml")
    try folder.write("# Nothing\n", to: "notes.txt")
    let result = try CommandLineProgram.run("recipes", ".", in: folder.url)
    #expect(result.output == "a.yml\n  A first (by one et al. 2019), e.g. this.\nb.yaml\n")
    let none = try CommandLineProgram.run("recipes", "none", in: folder.url)
    #expect(
      none.error == "trompe: none: no such folder; name the folder of your recipes\n"
        && none.code == 1)
  }

  @Test func checkSaysWhatARunTakes() throws {
    let recipe = Repository.root + "/recipes/shapes-location-gradcam.yaml"
    let arguments = [
      "recipe", "check", recipe, "--set", "data.shapes.train=64", "--set",
      "data.shapes.validation=50", "--set", "training.steps=40",
    ]
    let folder = try TemporaryFolder()
    let result = try CommandLineProgram.run(list: arguments, in: folder.url)
    #expect(result.code == 0, "\(result.error)")
    for line in ["steps       40 of ", "memory      ", "time        about "] {
      #expect(result.output.contains("\n\(line)"), "\(result.output)")
    }
    #expect(result.output.hasSuffix("\n\nThe recipe can be run; nothing was written.\n"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
    let plan = try CommandLineProgram.run(
      list: arguments + ["--no-time", "--json"], in: folder.url)
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(plan.output.utf8)) as? [String: Any])
    #expect(json["steps"] as? Int == 40 && json["time"] == nil)
    #expect((json["memory"] as? [String: Int])?["training"] ?? 0 > 1_000_000)
    let wrong = try CommandLineProgram.run(
      list: arguments + ["--set", "interpreter.layer=layer9"], in: folder.url)
    #expect(wrong.code == 1)
    #expect(wrong.error.contains("no layer \"layer9\": did you mean \"layer"), "\(wrong.error)")
  }

  @Test func checkOfAnAttack() throws {
    let arguments = [
      "recipe", "check", Repository.root + "/recipes/shapes-attack.yaml", "--set",
      "attack.images=4", "--set", "evaluation.batchSize=4",
    ]
    let result = try CommandLineProgram.run(list: arguments)
    #expect(result.code == 0 && result.output.contains("\nimages "), "\(result)")
    #expect(result.output.contains("\ntime ") && result.output.contains("at most about "))
    let plan = try CommandLineProgram.run(list: arguments + ["--no-time"])
    #expect(plan.code == 0 && !plan.output.contains("at most about "), "\(plan)")
  }

  @Test func checkOfAStudy() throws {
    let arguments = [
      "recipe", "check", "recipes/shapes-study.yaml", "--set",
      "study.checkpoints=[{name: plain, file: checkpoints/shapes-resnet.h5}]", "--set",
      "study.studies=[aopc, weight-noise]", "--set", "study.images=20", "--set",
      "study.aopc.images=8",
    ]
    let result = try CommandLineProgram.run(list: arguments, in: Repository.url)
    #expect(result.code == 0 && result.output.contains("\nnetworks      plain\n"), "\(result)")
    #expect(result.output.contains("\naopc          3 curves of 40 steps, 8 images"), "\(result)")
    #expect(result.output.contains("\ntime          about "), "\(result)")
    let plan = try CommandLineProgram.run(list: arguments + ["--no-time"], in: Repository.url)
    #expect(plan.code == 0 && !plan.output.contains("about "), "\(plan)")
  }

  @Test func checkOfATrainingRecipe() throws {
    let result = try CommandLineProgram.run(
      "recipe", "check", Repository.root + "/recipes/shapes-resnet.yaml", "--no-time")
    #expect(result.code == 0 && result.output.contains(": standard training\n"), "\(result)")
    #expect(!result.output.contains("\ntime "))
  }
}
