import Foundation
import Testing

/// `--interpreter` takes what a recipe's `interpreter` holds.
@Suite struct InterpreterOptionTests {
  private let network = Repository.root + "/checkpoints/shapes-resnet.h5"
  private let image = Repository.root + "/Tests/ImageDataTests/Fixtures/rgb.png"

  private func explain(
    in folder: TemporaryFolder, _ arguments: String...
  ) throws -> CommandLineProgram.Result {
    try CommandLineProgram.run(
      list: ["explain", network, image, "--resize", "64", "--quiet"] + arguments, in: folder.url)
  }

  private func map(_ folder: TemporaryFolder, _ name: String) throws -> Data {
    try Data(contentsOf: folder.url.appendingPathComponent(name))
  }

  @Test func optionsInAMappingAreUsed() throws {
    let folder = try TemporaryFolder()
    for (output, option) in [
      ("default", "smooth-grad"), ("few", "{name: smooth-grad, samples: 2}"),
      ("again", " {samples: 2, name: smooth-grad}"),
      ("seed", "{name: smooth-grad, samples: 2, seed: 9}"),
    ] {
      let result = try explain(in: folder, "--interpreter", option, "--raw", "--output", output)
      #expect(result.code == 0, "\(result.error)")
    }
    let few = try map(folder, "few/rgb.smooth-grad.npy")
    #expect(few == (try map(folder, "again/rgb.smooth-grad.npy")))
    #expect(few != (try map(folder, "default/rgb.smooth-grad.npy")))
    #expect(few != (try map(folder, "seed/rgb.smooth-grad.npy")))
  }

  @Test func theSharedLayerFillsOnlyWhatIsMissing() throws {
    let folder = try TemporaryFolder()
    for (output, arguments) in [
      ("at", ["--interpreter", "grad-cam@layer3"]),
      ("given", ["--interpreter", "{name: grad-cam, layer: layer3}"]),
      ("shared", ["--interpreter", "{name: grad-cam}", "--layer", "layer3"]),
      (
        "both",
        [
          "--interpreter", "{name: grad-cam, layer: layer3}", "--interpreter", "grad-cam",
          "--layer", "layer4",
        ]
      ),
    ] {
      let result = try CommandLineProgram.run(
        list: ["explain", network, image, "--resize", "64", "--quiet", "--raw", "--output", output]
          + arguments, in: folder.url)
      #expect(result.code == 0, "\(result.error)")
    }
    let expected = try map(folder, "at/rgb.grad-cam.npy")
    for name in ["given", "shared", "both"] {
      #expect(try map(folder, name + "/rgb.grad-cam.npy") == expected)
    }
    #expect(try map(folder, "both/rgb.grad-cam@layer4.npy") != expected)
    let unused = try explain(
      in: folder, "--interpreter", "{name: grad-cam, layer: layer3}", "--layer", "layer4")
    #expect(
      unused.error
        == "trompe: --layer layer4 is for none of the interpreters given; omit it\n")
  }

  /// The messages are those of a recipe.
  @Test func mistakesAreThoseOfARecipe() throws {
    let folder = try TemporaryFolder()
    for (option, message) in [
      ("{name: smooth-grad, sampels: 4}", "unknown key \"sampels\"; did you mean \"samples\"?"),
      (
        "{name: smooth-grad, samples: 0}",
        "interpreter.samples is 0, expected a whole number from 1"
      ),
      ("{samples: 4}", "interpreter.name is missing, expected a name"),
      ("{name: simple-grad, samples: 4}", "simple-grad takes no \"samples\""),
      ("{name: grad-cam}", "grad-cam needs \"layer\""),
      ("{name: smooth-grad", "is not YAML"),
      ("{name: smoth-grad}", "smooth-grad"),
    ] {
      let result = try explain(in: folder, "--interpreter", option)
      #expect(result.code == 1, "\(option)")
      #expect(
        result.error.hasPrefix("trompe: --interpreter \(option): ")
          && result.error.contains(message), "\(result.error)")
    }
  }

  @Test func evaluateTakesThemToo() throws {
    let folder = try TemporaryFolder()
    func evaluate(_ interpreter: String) throws -> CommandLineProgram.Result {
      try CommandLineProgram.run(
        list: [
          "evaluate", network, "--against", network, "--shapes", "10", "--quiet", "--json", "--set",
          "evaluation.interpreters=[]", "--interpreter", interpreter,
        ], in: folder.url)
    }
    let result = try evaluate("{name: smooth-grad, samples: 2}")
    #expect(result.code == 0, "\(result.error)")
    #expect(result.output.contains("\"smooth-grad\""))
    let wrong = try evaluate("{name: smooth-grad, samples: -1}")
    #expect(wrong.code == 1 && wrong.error.contains("interpreter.samples is -1"), "\(wrong.error)")
  }
}
