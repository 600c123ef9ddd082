import Foundation
import Manipulation
import Testing

/// `extends: FILE`.
@Suite struct RecipeExtensionTests {
  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("extends-\(UUID().uuidString)")

  private static let base = """
    network: {checkpoint: nets/net.h5}
    data: {train: images/train, validation: images/val, augmentation: {pad: 4, flip: 0.5}}
    interpreter: {layer: layer4}
    training:
      learningRate: 1e-4
      epochs: 3
    evaluation: {interpreters: [{name: simple-grad}], batchSize: 50}
    control: true
    """

  private func write(_ files: [String: String]) throws {
    for (name, text) in files {
      let file = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
  }

  private func recipe(_ name: String, _ settings: [String] = []) throws -> FoolingRecipe {
    try FoolingRecipe(
      contentsOf: folder.appendingPathComponent(name).path, settings: settings)
  }

  private func complaint(_ name: String, _ settings: [String] = []) -> String {
    do {
      _ = try recipe(name, settings)
      return "no error"
    } catch {
      return "\(error)".replacingOccurrences(of: folder.path + "/", with: "")
    }
  }

  /// The same as one file with everything, its paths counted from the extended file's folder.
  @Test func mappingsAreMergedAndPathsCountFromTheirOwnFile() throws {
    try write([
      "base/common.yaml": Self.base,
      "runs/mine.yaml": """
      extends: ../base/common.yaml
      data: {validation: val}
      fooling: {name: location, lambda: 2}
      interpreter: {name: grad-cam}
      training: {steps: 10}
      evaluation: {interpreters: []}
      """,
    ])
    let whole = try FoolingRecipe(
      yaml: """
        network: {checkpoint: ../base/nets/net.h5}
        data: {train: ../base/images/train, validation: val, augmentation: {pad: 4, flip: 0.5}}
        interpreter: {name: grad-cam, layer: layer4}
        fooling: {name: location, lambda: 2}
        training: {learningRate: 1e-4, steps: 10}
        evaluation: {interpreters: [], batchSize: 50}
        control: true
        """, folder: folder.appendingPathComponent("runs").resolvingSymlinksInPath().path)
    let extended = try recipe("runs/mine.yaml")
    #expect(extended == whole)
    // What is saved with a run stands alone.
    #expect(!extended.resolvedYAML().contains("extends:"))
    #expect(try FoolingRecipe(yaml: extended.resolvedYAML(), folder: "/") == whole)
  }

  @Test func nullTakesAnEntryAwayAndSettingsComeLast() throws {
    try write([
      "base.yaml": Self.base,
      "mine.yaml": """
      extends: base.yaml
      control: null
      fooling: {name: location, lambda: 2}
      interpreter: {name: grad-cam}
      """,
    ])
    #expect(try recipe("mine.yaml").control == false)
    let set = try recipe("mine.yaml", ["training.steps=7", "control=true"])
    #expect(set.training.duration == .steps(7))
    #expect(set.control)
    #expect(
      complaint("mine.yaml", ["extends=other.yaml"])
        == "--set extends=other.yaml: extends is for recipe files: name the extending file instead")
  }

  @Test func problemsNameTheFileWhereTheyStand() throws {
    try write([
      "base.yaml": Self.base.replacingOccurrences(of: "1e-4", with: "-1"),
      "mine.yaml": """
      extends: base.yaml
      fooling: {name: location, lambda: -2}
      interpreter: {name: grad-cam}
      """,
    ])
    #expect(
      complaint("mine.yaml") == """
        mine.yaml:2: fooling.lambda is -2, expected a number of at least 0 and up to 3.4e38
        base.yaml:5: training.learningRate is -1, expected a number above 0 and up to 3.4e38
        """)
  }

  @Test func circlesLongChainsAndWhatIsNoRecipeAreRefused() throws {
    try write([
      "self.yaml": "extends: self.yaml\n",
      "a.yaml": "extends: b.yaml\n", "b.yaml": "control: true\nextends: ./a.yaml\n",
      "lost.yaml": "extends: nowhere.yaml\n", "list.yaml": "extends: [a, b]\n",
      "text.yaml": "extends: word.yaml\n", "word.yaml": "word\n",
      "folder.yaml": "extends: .\n", "device.yaml": "extends: /dev/zero\n",
      "broken.yaml": "extends: half.yaml\n", "half.yaml": "network: {\n",
    ])
    for index in 0..<12 { try write(["\(index).yaml": "extends: \(index + 1).yaml\n"]) }
    try write(["12.yaml": Self.base])
    #expect(
      complaint("self.yaml") == "self.yaml:1: extends self.yaml, which extends this file in turn")
    #expect(complaint("a.yaml") == "b.yaml:2: extends ./a.yaml, which extends this file in turn")
    #expect(
      complaint("0.yaml")
        == "8.yaml:1: extends 9.yaml, the 9th file in a row: merge some of them")
    #expect(
      complaint("lost.yaml")
        == "lost.yaml:1: extends what cannot be read: nowhere.yaml: no such file")
    #expect(
      complaint("list.yaml") == "list.yaml:1: extends is a list of 2, expected the path of a recipe"
    )
    #expect(
      complaint("text.yaml")
        == "text.yaml:1: extends word.yaml, which is not a recipe: expected keys such as network "
        + "and data")
    #expect(complaint("folder.yaml") == "folder.yaml:1: extends ., which is not a file")
    #expect(complaint("device.yaml") == "device.yaml:1: extends /dev/zero, which is not a file")
    #expect(complaint("broken.yaml").hasPrefix("half.yaml:"))
  }

  /// A recipe of before the renaming computes the same; whoever reads it is told.
  @Test func formerNamesOfKeysAreReadWithANote() throws {
    try write([
      "base/common.yaml": Self.base + "\ncompute: {winograd: true, threads: 3}",
      "runs/mine.yaml": """
      extends: ../base/common.yaml
      fooling: {name: location, lambda: 2}
      interpreter: {name: grad-cam}
      training: {steps: 10}
      """,
      "runs/own.yaml": """
      extends: mine.yaml
      compute: {winograd: false}
      """,
      "runs/both.yaml": """
      extends: mine.yaml
      compute: {winograd: false, kernels: own}
      """,
      "runs/wrong.yaml": """
      extends: mine.yaml
      compute: {winograd: 4}
      """,
    ])
    func read(_ name: String, _ settings: [String] = []) throws -> (ComputeSection, [String]) {
      var notes: [String] = []
      let recipe = try FoolingRecipe(
        contentsOf: folder.appendingPathComponent(name).path, settings: settings,
        note: { notes.append($0) })
      return (recipe.compute, notes)
    }
    func note(_ value: String) -> String {
      "compute.winograd is read as compute.kernels: \(value)"
    }
    var (compute, notes) = try read("runs/mine.yaml")
    #expect(compute == ComputeSection(threads: 3, kernels: .own) && notes == [note("own")])
    (compute, notes) = try read("runs/own.yaml")
    #expect(compute == ComputeSection(threads: 3, kernels: .onednn))
    #expect(notes == [note("onednn"), note("own")])
    (compute, notes) = try read("runs/own.yaml", ["compute.kernels=own"])
    #expect(compute.kernels == .own)
    (compute, notes) = try read("runs/mine.yaml", ["compute.winograd=false"])
    #expect(compute.kernels == .onednn)
    #expect(complaint("runs/both.yaml").contains("unknown key \"winograd\""))
    #expect(
      complaint("runs/wrong.yaml").contains("compute.kernels is 4, expected own or onednn"))
  }

  /// A run of another version resumes: what it has saved is of the same recipe.
  @Test func savedRecipesWithFormerNamesAreTheSame() throws {
    try write(["base.yaml": Self.base + "\nfooling: {name: location, lambda: 2}"])
    for (kernels, winograd) in [("own", "true"), ("onednn", "false")] {
      let written = try recipe(
        "base.yaml", ["compute.kernels=\(kernels)", "interpreter.name=grad-cam"]
      ).resolvedYAML()
      let former = written.replacing("  kernels: \(kernels)\n", with: "  winograd: \(winograd)\n")
      #expect(former != written && RecipeRenaming.present(former) == written)
      #expect(RecipeRenaming.present(written) == written)
    }
    // A key of that name elsewhere stays.
    #expect(RecipeRenaming.present("data:\n  winograd: true") == "data:\n  winograd: true")
  }
}
