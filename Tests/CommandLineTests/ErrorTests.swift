import Foundation
import Testing

/// Everything that is wrong is said in plain sentences, and nothing is left behind.
@Suite struct ErrorTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func expectFailure(_ arguments: String..., saying expected: String) throws {
    let result = try CommandLineProgram.run(list: arguments, in: folder.url)
    #expect(result == .init(code: 1, output: "", error: expected))
    #expect(!FileManager.default.fileExists(atPath: folder.url.path + "/runs"))
  }

  @Test func missingRecipe() throws {
    try expectFailure("fool", "none.yaml", saying: "trompe: none.yaml: no such file\n")
    try expectFailure("train", ".", saying: "trompe: .: is a folder, expected a recipe file\n")
  }

  @Test func unknownKeyWithLineAndSuggestion() throws {
    try folder.write(
      """
      network:
        checkpoint: net.h5
      data: {shapes: {}}
      fooling: {name: location, lambda: 4}
      interpreter: {name: grad-cam, layer: layer4}
      training: {learningRate: -1, stepps: 100, steps: 100}
      """, to: "r.yaml")
    try expectFailure(
      "fool", "r.yaml",
      saying: """
        trompe: r.yaml:6: unknown key "stepps"; did you mean "steps"?
        trompe: r.yaml:6: training.learningRate is -1, expected a number above 0 and up to 3.4e38

        """)
    try expectFailure(
      "fool", "r.yaml", "--set", "training={learningRate: 1, steps: 0}",
      saying:
        "trompe: --set training={learningRate: 1, steps: 0}: training.steps is 0, expected a whole "
        + "number from 1 to 100000000\n")
  }

  /// Of a list it is the entry that is wrong, not the list.
  @Test func emptyClassNamesAreNamed() throws {
    let recipe = Repository.root + "/recipes/shapes-location-gradcam.yaml"
    func expect(_ setting: String, _ sentence: String) throws {
      try expectFailure(
        "fool", recipe, "--set", setting, saying: "trompe: --set \(setting): \(sentence)\n")
    }
    try expect(
      "network.classNames=[a, b, \"\", d]",
      "network.classNames: entry 3 of 4 is the text \"\", expected a name")
    try expect(
      "fooling={name: active, lambda: 1, classes: [a, ~]}",
      "fooling.classes: entry 2 of 2 is empty, expected a name")
  }

  @Test func recipeOfTheOtherCommand() throws {
    try folder.write("network: {}\ndata: {shapes: {}}\n", to: "r.yaml")
    try expectFailure(
      "fool", "r.yaml",
      saying: "trompe: r.yaml: has neither fooling nor interpreter, so it trains a classifier: use "
        + "trompe train, or add both sections\n")
    try folder.write("fooling: {}\n", to: "r.yaml")
    try expectFailure(
      "train", "r.yaml",
      saying: "trompe: r.yaml:1: fooling makes this a recipe for fooling explanations: use trompe "
        + "fool, or take fooling and interpreter out\n")
  }

  @Test func networksOfAStudyThatAreNotThere() throws {
    try folder.write(
      """
      data: {shapes: {validation: 8}}
      interpreter: {name: simple-grad}
      study: {studies: [aopc], checkpoints: [{name: plain, file: none.h5}]}
      """, to: "s.yaml")
    let result = try CommandLineProgram.run("study", "s.yaml", "-o", "out", in: folder.url)
    #expect(result.code == 1 && result.output == "")
    #expect(
      result.error
        == "trompe: \(folder.url.path)/none.h5: cannot be opened: No such file or directory\n")
    #expect(!FileManager.default.fileExists(atPath: folder.url.path + "/out/recipe.yaml"))
    try expectFailure(
      "study", "s.yaml", "--set", "study.studies=[aopk]",
      saying:
        "trompe: --set study.studies=[aopk]: study.studies: unknown study \"aopk\": did you mean "
        + "\"aopc\"? Valid names, closest first: aopc, attack, repair, transfer, input-noise, "
        + "faithfulness, weight-noise\n"
    )
  }

  @Test func brokenYAML() throws {
    try folder.write("network: [\n", to: "r.yaml")
    try expectFailure(
      "fool", "r.yaml",
      saying:
        "trompe: r.yaml:2: is not YAML: while parsing a flow node, did not find expected node "
        + "content\n")
  }

  @Test func filesThatAreNoCheckpoints() throws {
    try expectFailure(
      "inspect", "none.h5", saying: "trompe: none.h5: cannot be opened: No such file or directory\n"
    )
    try folder.write("hello", to: "text.h5")
    try expectFailure(
      "inspect", "text.h5",
      saying:
        "trompe: text.h5: is no HDF5 file, no safetensors file and none that torch.save wrote\n")
  }

  @Test func optionsOfEvaluateAreNamed() throws {
    let arguments = ["evaluate", "a.h5", "--against", "b.h5", "--shapes", "10", "--interpreter"]
    func error(_ more: String...) throws -> String {
      let result = try CommandLineProgram.run(list: arguments + more, in: folder.url)
      #expect(result.code == 1)
      #expect(result.output == "")
      return result.error
    }
    #expect(
      try error("grad-camm").hasPrefix(
        "trompe: unknown interpreter \"grad-camm\": did you mean \"grad-cam\"?"))
    #expect(
      try error("simple-grad", "--layer", "layer4")
        == "trompe: --layer layer4 is for none of the interpreters given; omit it\n")
    #expect(
      try error("simple-grad", "--resize", "0")
        == "trompe: --resize 0: network.preprocessing.resize is 0, expected a side, [width, height] "
        + "or {shorterSide: length}, each 1 to 16384, or none\n")
    #expect(
      try error("simple-grad", "--k", "10")
        == "trompe: --fooling location: fooling: location takes no \"k\"; that is for top-k\n")
    #expect(
      try error("simple-grad", "--fooling", "top-k", "--k", "200")
        == "trompe: --k 200: fooling.k is 200, expected a number above 0 and up to 100\n")
    #expect(
      try error("simple-grad", "--fooling", "active", "--swap", "church")
        == "trompe: --swap church: fooling.classes is a list of 1, expected a list of 2 names\n")
    #expect(
      try error("simple-grad", "--fooling", "top-k", "--composites", "9")
        == "trompe: --composites is for active fooling, but --fooling is top-k\n")
    #expect(
      try error("simple-grad", "--set", "training.steps=1")
        == "trompe: --set training.steps=1: an evaluation has no training\n")
  }
}
