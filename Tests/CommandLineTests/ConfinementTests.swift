import Foundation
import Testing

/// What a recipe or a file says cannot make the program write anywhere but in its output folder.
struct ConfinementTests {
  private let network = Repository.root + "/checkpoints/shapes-resnet.h5"

  /// Every file and folder below `folder` with the time of its last change, but those below `output`.
  private func outside(_ output: String, in folder: String) throws -> [String: Date] {
    var found: [String: Date] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
      guard name != output, !name.hasPrefix(output + "/") else { continue }
      let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
      if attributes[.type] as? FileAttributeType == .typeDirectory { continue }
      found[name] = attributes[.modificationDate] as? Date
    }
    return found
  }

  /// Names that lead elsewhere if they were taken for paths.
  @Test func namesInRecipesAndFilesLeadNowhere() throws {
    let folder = try TemporaryFolder()
    let root = folder.url.path
    let work = root + "/a/b"
    try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: work + "/..picture.png",
      withDestinationPath: Repository.root + "/Tests/ImageDataTests/Fixtures/rgb.png")
    let names = (0..<8).map { "\"../../../name\($0)\"" } + ["\"/\(root)/absolute\"", "\"a/../..\""]
    let recipe = try folder.write(
      """
      network: {checkpoint: \(network), classNames: [\(names.joined(separator: ", "))]}
      data: {shapes: {train: 16, validation: 10, seed: 2}}
      fooling: {name: location, lambda: 1}
      interpreter: {name: grad-cam, layer: layer4}
      training: {learningRate: 1e-3, steps: 2, batchSize: 8, saveEvery: 1}
      evaluation: {interpreters: [{name: grad-cam, layer: layer3}]}
      """, to: "a/b/..recipe.yaml")
    func run(_ arguments: String...) throws -> CommandLineProgram.Result {
      try CommandLineProgram.run(
        list: arguments, in: URL(fileURLWithPath: work, isDirectory: true))
    }
    let before = try outside("a/b/out", in: root)
    let fooled = try run("fool", recipe, "--output", "out")
    #expect(fooled.code == 0, "\(fooled.error)")
    let evaluated = try run(
      "evaluate", "out/manipulated.h5", "--against", network, "--shapes", "10", "--interpreter",
      "grad-cam@layer4", "--output", "out/evaluation", "--set",
      "network.classNames=[\(names.joined(separator: ", "))]")
    #expect(evaluated.code == 0, "\(evaluated.error)")
    let explained = try run(
      "explain", "out/manipulated.h5", "..picture.png", "--interpreter", "grad-cam@layer4",
      "--interpreter", "grad-cam@layer3", "--output", "out/pictures")
    #expect(explained.code == 0, "\(explained.error)")
    let reported = try run("report", "out", "--output", "out/page.html")
    #expect(reported.code == 0, "\(reported.error)")
    let layer = try run(
      "fool", recipe, "--output", "out/other", "--set", "interpreter.layer=../../../layer4")
    #expect(layer.code == 1 && layer.error.contains("../../../layer4"))
    #expect(try outside("a/b/out", in: root) == before)
    let page = try String(contentsOfFile: work + "/out/report.html", encoding: .utf8)
    #expect(page.contains("../../../name"))
  }

  /// What a network file says is read, not done: no layers with code, no files beside it.
  @Test(arguments: [
    ("external-link.h5", "is a link into another file, which is refused"),
    ("external-storage.h5", "has its data in another file, which is refused"),
    ("virtual.h5", "is a virtual dataset, which is refused"),
    ("soft-link.h5", "is a soft link, which is refused"),
  ])
  func networksReadNoOtherFile(name: String, reason: String) throws {
    let file = Repository.root + "/Tests/CheckpointsTests/Fixtures/" + name
    for arguments in [
      ["inspect", file],
      [
        "explain", file, Repository.root + "/Tests/ImageDataTests/Fixtures/rgb.png",
        "--interpreter",
        "simple-grad",
      ],
    ] {
      let result = try CommandLineProgram.run(list: arguments)
      #expect(result.code == 1 && result.error.contains(reason), "\(result.error)")
    }
  }

  /// Aliases of aliases: text of a few hundred bytes that stands for billions of entries.
  @Test func recipesThatUnfoldWithoutEndAreRefused() throws {
    let folder = try TemporaryFolder()
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...12 {
      let list = [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(list)]\n"
    }
    text += "fooling: *a12\ninterpreter: {name: grad-cam}\n"
    let recipe = try folder.write(text, to: "recipe.yaml")
    let begin = Date()
    let result = try CommandLineProgram.run("fool", recipe, "--output", folder.url.path + "/out")
    #expect(result.code == 1 && result.error.hasPrefix("trompe: "))
    #expect(Date().timeIntervalSince(begin) < 60)
    #expect(!FileManager.default.fileExists(atPath: folder.url.path + "/out"))
  }
}
