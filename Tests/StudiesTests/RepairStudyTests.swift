import Checkpoints
import Explanations
import Foundation
import ImageData
import Manipulation
import RunTestSupport
import Testing

/// The study `repair` on the built-in network and images.
@Suite struct RepairStudyTests {
  private static let checkpoint = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../checkpoints/shapes-resnet.h5").standardizedFileURL.path
  private let folder: TemporaryFolder
  private let other: String

  init() throws {
    folder = try TemporaryFolder()
    other = folder("other.h5")
    let network = try LoadedNetwork(NetworkSection(checkpoint: Self.checkpoint))
    for name in network.parameters.names where name.hasSuffix("running_var") {
      network.parameters.withValues(of: name) { values in
        for index in values.indices { values[index] *= 9 }
      }
    }
    try network.save(to: other)
  }

  private func recipe() -> StudyRecipe {
    StudyRecipe(
      data: DataSection(source: .shapes(train: 60, validation: 30, seed: 7), threads: 2),
      fooling: FoolingSpecification(name: "location", lambda: 1),
      interpreter: InterpreterSpecification(name: "grad-cam", layer: "layer4"),
      study: StudySection(
        studies: ["repair"],
        checkpoints: [
          .init(name: "plain", file: Self.checkpoint),
          .init(name: "other", file: other, original: "plain"),
          .init(
            name: "own-test", file: other, original: "plain",
            fooling: FoolingSpecification(name: "top-k", lambda: 1),
            interpreter: InterpreterSpecification(name: "simple-grad-t", layer: "layer3")),
        ], seed: 3,
        repair: RepairSection(
          plans: ["batch-norm", "prune+finetune"], images: 60,
          fineTuning: .init(steps: 2, batchSize: 8))),
      evaluation: EvaluationSection(batchSize: 10))
  }

  @Test func everyNetworkIsMeasuredAfterEveryRepair() throws {
    let summary = try StudyRun(recipe(), output: folder("study")).run()
    guard case .array(let entries)? = summary.studies["repair"] else {
      Issue.record("\(summary.studies)")
      return
    }
    let rows = entries.compactMap { entry -> (name: String, measure: [String: JSONValue])? in
      guard case .object(let values) = entry, case .text(let network)? = values["network"],
        case .object(let measure)? = values["measure"]
      else { return nil }
      guard case .text(let repair)? = values["repair"] else { return (network, measure) }
      return ("\(network) \(repair)", measure)
    }
    #expect(
      rows.map(\.name) == [
        "plain", "plain batch-norm", "plain prune+finetune", "other", "other batch-norm",
        "other prune+finetune", "own-test", "own-test batch-norm", "own-test prune+finetune",
      ])
    func top1(_ row: Int) -> Double {
      switch rows[row].measure["top1"] {
      case .number(let value): value
      case .integer(let value): Double(value)
      default: -1
      }
    }
    // Every repair begins with the network as it is.
    #expect(top1(4) > top1(3) + 0.2)
    #expect(top1(3) == top1(6) && top1(4) == top1(7) && top1(5) == top1(8))
    // An original is tested by nothing; the others each by its own test.
    func tested(_ row: Int) -> [String] {
      if case .object(let rates)? = rows[row].measure["fsr"] { rates.keys.sorted() } else { [] }
    }
    #expect(tested(0) == [] && tested(3) == ["grad-cam"] && tested(6) == ["simple-grad-t"])
    let page = try String(contentsOfFile: folder("study/report.html"), encoding: .utf8)
    #expect(page.contains("own-test + prune+finetune") && page.contains("Attack and repair"))
    #expect(summary.findings.first?.sentences.count == 3)
  }

  /// Of an original no trigger and no other network is known: its least active channels go.
  @Test func anOrderThatIsUnknownOfTheOriginalIsNoError() throws {
    var recipe = recipe()
    recipe.study.repair.plans = ["prune"]
    recipe.study.repair.pruning.order = .change
    recipe.study.checkpoints.removeLast()
    let summary = try StudyRun(recipe, output: folder("ordered")).run()
    guard case .array(let entries)? = summary.studies["repair"] else {
      Issue.record("\(summary.studies)")
      return
    }
    let done = entries.map { "\($0)" }
    #expect(done.count == 4)
    #expect(
      done[1].contains("the least active first") && !done[3].contains("the least active first"))
  }

  @Test func plansThatAreThereTwiceAreRefused() {
    let section = RepairSection(plans: ["prune+finetune", "finetune", "finetune+prune"])
    let error = #expect(throws: RunError.self) { try section.repairs() }
    #expect(error?.description == "plans names prune+finetune twice; omit one of them")
  }

  @Test func theForecastCountsEvaluations() throws {
    let forecast = try StudyForecast(recipe(), measures: false)
    // An original three times; each of two others three times, and its original once.
    #expect(
      forecast.parts.map(\.work) == ["11 evaluations of 30 images, 2 repairs of each network"])
  }

  @Test func repairsNeedTrainingImages() throws {
    let images = folder("images")
    for label in ["a", "b"] {
      try FileManager.default.createDirectory(
        atPath: "\(images)/\(label)", withIntermediateDirectories: true)
      try Image(width: 8, height: 8, color: .white).writePNG(to: "\(images)/\(label)/one.png")
    }
    let yaml = """
      data: {validation: \(images)}
      fooling: {name: location}
      interpreter: {name: grad-cam, layer: layer4}
      study:
        studies: [repair]
        checkpoints: [{name: plain, file: \(Self.checkpoint)}]
      """
    let recipe = try StudyRecipe(yaml: yaml, folder: "/")
    #expect(!recipe.data.namesTraining)
    #expect(recipe.study.repair == RepairSection())
    #expect(try StudyRecipe(yaml: recipe.resolvedYAML(), folder: "/") == recipe)
    let wrong = yaml.replacing(
      "studies: [repair]", with: "studies: [repair]\n  repair: {plans: [prun]}")
    let error = #expect(throws: (any Error).self) { try StudyRecipe(yaml: wrong, folder: "/") }
    #expect("\(try #require(error))".contains("did you mean \"prune\"?"))
  }
}
