import Attacks
import Foundation
import Manipulation
import Networks
import Testing

/// The recipe files of the project itself.
@Suite struct RecipeFileTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../recipes").standardizedFileURL.path

  private static func files(under folder: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder)
      .filter { $0.hasSuffix(".yaml") && !$0.hasSuffix(".base.yaml") }.sorted().map {
        folder + "/" + $0
      }
  }

  /// Every file is a recipe whose fooling, interpreter and network exist.
  @Test func allAreValid() throws {
    let files = try Self.files(under: Self.folder)
    #expect(files.count >= 24)
    for file in files {
      let text = try String(contentsOfFile: file, encoding: .utf8)
      #expect(text.contains("trompe "), "\(file) does not say how it is run")
      let kind = try RecipeKind(ofRecipe: file)
      if kind == .study {
        _ = try StudyRecipe(contentsOf: file)
        continue
      }
      if kind == .attack {
        let recipe = try AttackRecipe(contentsOf: file)
        _ = try recipe.attack.objectives(height: 32, width: 32)
        continue
      }
      if kind == .influence {
        _ = try InfluenceRecipe(contentsOf: file)
        continue
      }
      guard kind == .fooling else {
        _ = try TrainingRecipe(contentsOf: file)
        continue
      }
      let recipe = try FoolingRecipe(contentsOf: file)
      // Classes that are numbers are outputs.
      let names =
        ((recipe.fooling.classes ?? []) + [recipe.fooling.effect.label].compactMap(\.self))
        .filter { Int($0) == nil } + (0..<1000).map { "\($0)" }
      _ = try recipe.fooling.fooling(classNames: names)
      let interpreter = try recipe.interpreter.interpreter()
      // A method at the input has no target layer.
      if let layer = interpreter.targetLayer, var specification = recipe.network.architecture {
        (specification.height, specification.width) = (224, 224)
        let architecture = try specification.architecture()
        #expect(
          architecture.activationNames.contains(layer), "\(file): no layer \(layer)")
      }
    }
  }

  /// A recipe gives nothing that the recipe which it extends gives as well.
  @Test func noneRepeatsWhatItExtends() throws {
    for file in try Self.files(under: Self.folder) {
      let yaml = try String(contentsOfFile: file, encoding: .utf8)
      guard yaml.contains("\nextends: ") else { continue }
      let folder = (file as NSString).deletingLastPathComponent
      let whole = try Self.resolved(yaml, folder)
      let lines = yaml.split(separator: "\n", omittingEmptySubsequences: false)
      // Entries of one line: without one of them, the recipe is another one.
      for (index, line) in lines.enumerated()
      where line.contains(": ") && !line.contains("#") && !line.hasPrefix("extends") {
        var fewer = lines
        fewer.remove(at: index)
        let rest = try? Self.resolved(fewer.joined(separator: "\n"), folder)
        #expect(rest != whole, "\(file): \(line) changes nothing")
      }
    }
  }

  private static func resolved(_ yaml: String, _ folder: String) throws -> String {
    if let recipe = try? FoolingRecipe(yaml: yaml, folder: folder) { return recipe.resolvedYAML() }
    if let recipe = try? AttackRecipe(yaml: yaml, folder: folder) { return recipe.resolvedYAML() }
    if let recipe = try? InfluenceRecipe(yaml: yaml, folder: folder) {
      return recipe.resolvedYAML()
    }
    return try TrainingRecipe(yaml: yaml, folder: folder).resolvedYAML()
  }

  /// Learning rate and λ of each published setting. Heo, Joo, Moon 2019, table of the appendix.
  @Test(
    arguments: [
      ("vgg19", [(1e-6, 1), (1e-6, 1), (5e-7, 1), (3e-7, 0.4), (2e-6, 0.25), (1e-6, 0.25)]),
      ("resnet50", [(2e-6, 2), (2e-6, 2), (1e-6, 1), (3e-6, 6), (5e-7, 0.25), (2e-6, 0.25)]),
      (
        "densenet121", [(1e-6, 4), (2e-6, 2), (4e-7, 1.5), (3e-7, 4), (6e-7, 0.5), (1e-7, 1)]
      ),
    ] as [(String, [(Double, Double)])])
  func publishedSettings(network: String, settings: [(Double, Double)]) throws {
    var rest = (settings + [(1e-5, 10), (1e-5, 10)])[...]
    for fooling in ["location", "top-k", "center-mass", "active"] {
      for interpreter in ["lrp-t", "grad-cam"] {
        let recipe = try FoolingRecipe(
          contentsOf: "\(Self.folder)/published/\(network)-\(fooling)-\(interpreter).yaml")
        let (rate, lambda) = rest.removeFirst()
        #expect(recipe.training.learningRate == rate)
        #expect(recipe.fooling.lambda == lambda)
        #expect(recipe.fooling.name == fooling && recipe.interpreter.name == interpreter)
        #expect(recipe.training.batchSize == (fooling == "active" ? 4 : 8))
      }
    }
  }
}
