import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import TensorRuntime
import Testing

/// What is wrong with a recipe, in words.
@Suite struct RecipeErrorTests {
  private let recipes = RecipeReadingTests()

  // MARK: Errors

  @Test(arguments: [
    (
      "learningRate: 5e-5", "learningRate: -1",
      "r.yaml:7: training.learningRate is -1, expected a number above 0 and up to 3.4e38"
    ),
    (
      "learningRate: 5e-5", "learningRate: .inf",
      "r.yaml:7: training.learningRate is .inf, expected a number above 0 and up to 3.4e38"
    ),
    (
      "learningRate: 5e-5", "learningRate: nan",
      "r.yaml:7: training.learningRate is nan, expected a number above 0 and up to 3.4e38"
    ),
    (
      "learningRate: 5e-5", "learningRate: 1e999",
      "r.yaml:7: training.learningRate is 1e999, expected a number above 0 and up to 3.4e38"
    ),
    (
      "learningRate: 5e-5", "learningRate: 0x1p3",
      "r.yaml:7: training.learningRate is 0x1p3, expected a number above 0 and up to 3.4e38"
    ),
    (
      "  learningRate: 5e-5\n", "",
      "r.yaml:6: training.learningRate is missing, expected a number above 0 and up to 3.4e38"
    ),
    (
      "steps: 500", "steps: \"500\"",
      "r.yaml:8: training.steps is the text \"500\", expected a whole number from 1 to 100000000"
    ),
    (
      "steps: 500", "steps: 5.5",
      "r.yaml:8: training.steps is 5.5, expected a whole number from 1 to 100000000"
    ),
    (
      "steps: 500", "steps: [1]",
      "r.yaml:8: training.steps is a list of 1, expected a whole number from 1 to 100000000"
    ),
    (
      "steps: 500", "steps: 99999999999999999999",
      "r.yaml:8: training.steps is 99999999999999999999, expected a whole number from 1 to 100000000"
    ),
    (
      "  steps: 500", "",
      "r.yaml:6: training.steps is missing, expected a whole number of steps; or give training.epochs"
    ),
    (
      "steps: 500", "steps: 500\n  epochs: 2",
      "r.yaml:9: training has both steps and epochs: give one"
    ),
    (
      "steps: 500", "steps: 500\n  steps: 2", "r.yaml:8: \"steps\" is given twice in the same place"
    ),
    (
      "steps: 500", "steps: 500\n  momentum: 0.9",
      "r.yaml:9: training.momentum is for sgd, but the optimizer is adam"
    ),
    (
      "steps: 500", "steps: 500\n  warmupSteps: 501",
      "r.yaml:9: training.warmupSteps is 501, more than the 500 steps of training"
    ),
    (
      "steps: 500", "steps: 500\n  batchSize: 5000",
      "r.yaml:9: training.batchSize is 5000, expected a whole number from 1 to 4096"
    ),
    (
      "steps: 500", "steps: 500\n  optimizer: adamw",
      "r.yaml:9: training.optimizer is adamw, expected adam or sgd"
    ),
    (
      "steps: 500", "steps: 500\n  beta1: 1",
      "r.yaml:9: training.beta1 is 1, expected a number from 0 to below 1"
    ),
    (
      "interpreter:", "interpretr:",
      "r.yaml:5: unknown key \"interpretr\"; did you mean \"interpreter\"?"
    ),
    (
      "interpreter:", "batchSize: 3\ninterpreter:",
      "r.yaml:5: unknown key \"batchSize\"; did you mean \"training.batchSize\"?"
    ),
    (
      "steps: 500", "steps: 500\n  zzzz: 1",
      "r.yaml:9: unknown key \"zzzz\"; the keys of training are optimizer, learningRate, weightDecay, momentum, nesterov, beta1, beta2, epsilon, schedule, warmupSteps, steps, epochs, batchSize, seed, logEvery, validateEvery, validateImages, saveEvery, keepStates, distillation, freezeBatchNorm, adversarial, regularizers"
    ),
    (
      "name: location", "name: locaton",
      "r.yaml:4: fooling: unknown fooling \"locaton\": did you mean \"location\"? Valid names, closest first: location, top-k, active, trigger, target-map, center-mass"
    ),
    (
      "grad-cam, layer: layer4", "grad-cam",
      "r.yaml:5: interpreter: grad-cam needs \"layer\": the activation at which to explain, e.g. the last convolutional block (grad-cam@LAYER); trompe inspect FILE --layers lists a network's"
    ),
    (
      "train: images/train, ", "",
      "r.yaml:3: data.train is missing, expected a folder with one folder for each class"
    ),
    (
      "data: {", "data: {shapes: {}, ",
      "r.yaml:3: data has both shapes and train: give either shapes or train and validation\nr.yaml:3: data has both shapes and validation: give either shapes or train and validation"
    ),
    (
      "data: {", "data: {augmentation: flop, ",
      "r.yaml:3: data.augmentation is flop, expected none, flip, or a mapping with randomResizedCrop, pad or flip"
    ),
    (
      "data: {", "data: {augmentation: {randomResizedCrop: {scale: [1, 0.5]}}, ",
      "r.yaml:3: data.augmentation.randomResizedCrop.scale is a list of 2, expected [from, to], two numbers above 0 and up to 1 in ascending order"
    ),
    (
      "data: {", "data: {composites: {train: 20}, ",
      "r.yaml:3: data.composites is for active fooling, but fooling.name is location: take it out"
    ),
    (
      "  checkpoint: ../checkpoints/net.h5", "  classNames: [a, a]",
      "r.yaml:1: network.checkpoint is missing, expected the path of the file to start from\nr.yaml:2: network.classNames has a name twice"
    ),
    (
      "net.h5", "net.h5\n  preprocessing: {resize: 100, crop: 101}",
      "r.yaml:3: network.preprocessing.crop is 101x101, larger than the 100x100 after resizing"
    ),
    (
      "net.h5", "net.h5\n  preprocessing: {mean: [1, 2]}",
      "r.yaml:3: network.preprocessing.mean: mean is [1.0, 2.0], expected three numbers, or one for gray images"
    ),
    (
      "net.h5", "net.h5\n  architecture: {family: vgg-style, classes: 10}",
      "r.yaml:3: network.architecture: vgg-style needs \"plan\", 1 to 1000 numbers of channels and \"M\" for max pools, e.g. [32, \"M\", 64, \"M\"]"
    ),
    (
      "net.h5", "net.h5\n  architecture: {family: resnet18}",
      "r.yaml:3: network.architecture.classes is missing, expected a whole number from 1 to 1048576"
    ),
    (
      "data: {", "data: [",
      "r.yaml:3: is not YAML: while parsing a flow sequence, did not find expected ',' or ']'"
    ),
    ("network:", "network: 3\nx:", "r.yaml:1: network is 3, expected a mapping of keys to values"),
    (
      "interpreter:", "interp\u{1B}reter:",
      "r.yaml:5: is not YAML: control characters are not allowed"
    ),
    (
      "interpreter:", "\"interp\\eretre\":",
      "r.yaml:5: unknown key \"interp\\u{1b}retre\"; did you mean \"interpreter\"?"
    ),
    (
      "interpreter:", "? [a]\n: 1\ninterpreter:",
      "r.yaml:5: a list or mapping stands where a key is expected"
    ),
  ])
  func problemsAreNamedWithTheirLine(old: String, new: String, expected: String) {
    let found = recipes.complaint(recipes.smallest(old, new)).split(separator: "\n").map(
      String.init)
    // Some mistakes entail others; those named must be there, first and in this order.
    #expect(
      Array(found.prefix(expected.split(separator: "\n").count))
        == expected.split(separator: "\n").map(String.init))
  }

  @Test func compositesAreForActiveFoolingAlone() throws {
    let active = "fooling={name: active, lambda: 1, classes: [a, b]}"
    let recipe = try recipes.read(
      recipes.smallest("data: {", "data: {composites: {train: 20, seed: 4}, "), [active])
    #expect(recipe.data.composites == .tiles(train: 20, validation: 200, seed: 4))
    // A recipe that was made otherwise is written without what it does not use.
    var location = recipe
    location.fooling = FoolingSpecification(name: "location", lambda: 1)
    #expect(try recipes.read(location.resolvedYAML()).data.composites == .paper)
    let text = """
      network: {architecture: {family: resnet18, classes: 2}}
      data: {train: a, validation: b, composites: {seed: 4}}
      training: {learningRate: 1, steps: 1}
      """
    #expect {
      try TrainingRecipe(yaml: text, name: "t.yaml", folder: "/")
    } throws: { error in
      "\(error)".hasPrefix(
        "t.yaml:2: data.composites is for active fooling, but this recipe trains a classifier")
    }
  }

  @Test func allProblemsAreInOneMessageInTheOrderOfTheFile() {
    let text = recipes.complaint(
      recipes.smallest("steps: 500", "steps: 0").replacingOccurrences(
        of: "lambda: 4", with: "lambda: x"),
      ["compute.threads=0"])
    #expect(
      text == """
        r.yaml:4: fooling.lambda is x, expected a number of at least 0 and up to 3.4e38
        r.yaml:8: training.steps is 0, expected a whole number from 1 to 100000000
        --set compute.threads=0: compute.threads is 0, expected a whole number from 1 to 1024
        """)
  }

  @Test func eachCommandKnowsTheOthersRecipes() throws {
    #expect(
      throws: RecipeError([
        "t.yaml: has neither fooling nor interpreter, so it trains a classifier: use trompe train, or add both sections"
      ])
    ) {
      try FoolingRecipe(yaml: "network: {}", name: "t.yaml", folder: "/")
    }
    #expect(
      throws: RecipeError([
        "f.yaml:4: fooling makes this a recipe for fooling explanations: use trompe fool, or take fooling and interpreter out"
      ])
    ) {
      try TrainingRecipe(yaml: recipes.smallest, name: "f.yaml", folder: "/")
    }
    #expect(
      throws: RecipeError([
        "t.yaml:1: network has neither checkpoint nor architecture; give the file to start from, or an architecture to start from random weights"
      ])
    ) {
      try TrainingRecipe(
        yaml: "network: {}\ndata: {shapes: {}}\ntraining: {learningRate: 1, steps: 1}",
        name: "t.yaml", folder: "/")
    }
  }

  // MARK: Files

  @Test func filesThatAreNoRecipesAreRefusedPlainly() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("recipes-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func message(_ data: Data) throws -> String {
      try data.write(to: URL(fileURLWithPath: folder + "/r.yaml"))
      do {
        _ = try FoolingRecipe(contentsOf: folder + "/r.yaml")
        return ""
      } catch {
        return "\(error)".replacingOccurrences(of: folder + "/", with: "")
      }
    }
    #expect(
      try message(Data())
        == "r.yaml: is not a recipe: expected keys such as network, data and training")
    #expect(
      try message(Data("hello".utf8))
        == "r.yaml: is not a recipe: expected keys such as network, data and training")
    #expect(try message(Data([0xFF, 0x00])) == "r.yaml: is not text in UTF-8")
    #expect(
      try message(Data([0xFF, 0xFE, 0x6E, 0x00]))
        == "r.yaml: is not text in UTF-8 but in UTF-16; save it as UTF-8")
    #expect(
      try message(Data(repeating: 0x20, count: 2 << 20))
        == "r.yaml: is larger than 1048576 bytes, so it is no recipe")
    #expect(
      try message(Data("a: 1\n---\nb: 2".utf8)).hasPrefix(
        "r.yaml:2: is not YAML: expected a single document"))
    #expect(throws: RecipeError(["\(folder)/none.yaml: no such file"])) {
      try FoolingRecipe(contentsOf: folder + "/none.yaml")
    }
    #expect(throws: RecipeError(["\(folder): is a folder, expected a recipe file"])) {
      try FoolingRecipe(contentsOf: folder)
    }
  }

  @Test func pathsCountFromTheRecipesFolder() throws {
    let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
      .appendingPathComponent("recipes-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(
      atPath: folder + "/deep/er", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data(recipes.smallest.utf8).write(to: URL(fileURLWithPath: folder + "/deep/er/r.yaml"))
    // Through a link, `..` still means the parent of the true folder.
    try FileManager.default.createSymbolicLink(
      atPath: folder + "/link", withDestinationPath: folder + "/deep/er")
    for path in ["/deep/er/r.yaml", "/link/r.yaml"] {
      let recipe = try FoolingRecipe(contentsOf: folder + path)
      #expect(recipe.network.checkpoint == folder + "/deep/checkpoints/net.h5")
    }
  }

  /// Each line stands for nine of the line before: a few hundred bytes for more than 10^18 nodes.
  @Test func aliasesCannotExplode() {
    let lines = (0..<20).map { level in
      let item = level == 0 ? "lol" : "*a\(level - 1)"
      return "a\(level): &a\(level) [" + [String](repeating: item, count: 9).joined(separator: ",")
        + "]"
    }
    #expect(
      recipes.complaint(lines.joined(separator: "\n"))
        == "r.yaml:3: more than 16 aliases (*name): write the values out")
    // The worst that sixteen can do: each doubles.
    let doubling = (0..<9).map { level in
      level == 0 ? "a0: &a0 [x]" : "? &a\(level) [*a\(level - 1), *a\(level - 1)]\n: 1"
    }
    #expect(recipes.complaint(doubling.joined(separator: "\n")).hasPrefix("r.yaml:"))
  }

  @Test func nestingIsBounded() {
    let deep = String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
    #expect(recipes.complaint("network: \(deep)").contains("is too large for a recipe"))
    #expect(
      recipes.complaint("network: " + String(repeating: "[", count: 200_000)).contains("not YAML"))
  }

  /// Damaged files give an error or a recipe, never a crash.
  @Test func damagedRecipesAreReported() throws {
    var generator = RandomGenerator(seed: 5)
    let original = Array(recipes.smallest.utf8)
    let marks = Array("{[&*:-#'\"\n,}]!|>%@`?".utf8)
    for _ in 0..<2000 {
      var bytes = original
      for _ in 0...generator.integer(below: 4) {
        let place = generator.integer(below: bytes.count)
        switch generator.integer(below: 3) {
        case 0: bytes[place] = UInt8(generator.integer(below: 128))
        case 1: bytes.remove(at: place)
        default: bytes.insert(marks[generator.integer(below: marks.count)], at: place)
        }
      }
      guard let text = String(validating: bytes, as: UTF8.self) else { continue }
      let message = recipes.complaint(text)
      #expect(message.isEmpty || message.hasPrefix("r.yaml"))
    }
  }
}
