import Attacks
import Checkpoints
import Explanations
import Foundation
import ImageData
import Manipulation
import Perturbation
import RunTestSupport
import TensorGraph
import TestSupport
import Testing

/// `trompe study` on the built-in network and images.
@Suite struct StudyRunTests {
  private static let checkpoint = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../checkpoints/shapes-resnet.h5").standardizedFileURL.path
  private static let images = 12
  private static let seed: UInt64 = 7

  private let folder: TemporaryFolder
  /// Not quite the built-in network.
  private let other: String

  init() throws {
    folder = try TemporaryFolder()
    other = folder("other.h5")
    let network = try LoadedNetwork(NetworkSection(checkpoint: Self.checkpoint))
    var random = RandomGenerator(seed: 1)
    for name in network.parameters.names where name.hasSuffix("weight") {
      network.parameters.withValues(of: name) { values in
        for index in values.indices { values[index] *= Float(1 + 0.3 * random.normal()) }
      }
    }
    try network.save(to: other)
  }

  private func recipe(
    _ studies: [String], seed: UInt64 = 3, weights: [Double] = [0, 0.5],
    inputs: [Double] = [0.5, 0],
    aopc: StudySection.AOPC = .init(images: 6, regionSize: 16, steps: 5),
    faithfulness: MetricsSection = MetricsSection()
  ) -> StudyRecipe {
    StudyRecipe(
      data: DataSection(
        source: .shapes(train: 10, validation: Self.images, seed: Self.seed), threads: 2),
      fooling: FoolingSpecification(name: "location", lambda: 1),
      interpreter: InterpreterSpecification(name: "grad-cam", layer: "layer4"),
      attack: AttackSpecification(methods: ["random-sign"], iterations: 2, images: 3),
      study: StudySection(
        studies: studies,
        checkpoints: [
          .init(name: "plain", file: Self.checkpoint),
          .init(name: "other", file: other, original: "plain"),
        ], seed: seed, aopc: aopc, weightNoise: .init(strengths: weights, draws: 2),
        inputNoise: .init(strengths: inputs, draws: 2), faithfulness: faithfulness),
      evaluation: EvaluationSection(
        batchSize: 8, interpreters: [InterpreterSpecification(name: "simple-grad")]),
      report: ReportSection(images: 2))
  }

  /// What a study found, as `summary.json` has it: a list of objects.
  private func numbers(_ summary: StudySummary, _ study: String) throws -> [[String: JSONValue]] {
    guard case .array(let entries) = try #require(summary.studies[study]) else { return [] }
    return entries.compactMap { if case .object(let values) = $0 { values } else { nil } }
  }

  private func number(_ value: JSONValue?, _ key: String? = nil) -> Double {
    switch value {
    case .number(let number): number
    case .integer(let number): Double(number)
    case .object(let values): key.map { number(values[$0]) } ?? .nan
    default: .nan
    }
  }

  @Test func metricsRateEachNetworkAndItsOriginal() throws {
    var road = MetricSpecification("road")
    road.percentages = [20, 60]
    let metrics = MetricsSection(
      metrics: [road, MetricSpecification("mprt"), MetricSpecification("sparseness")], images: 5,
      seed: 2)
    let recipe = recipe(["faithfulness"], faithfulness: metrics)
    let summary = try StudyRun(recipe, output: folder("study")).run()
    guard case .object(let numbers) = try #require(summary.studies["faithfulness"]),
      case .array(let compared) = try #require(numbers["compared"]),
      case .array(let networks) = try #require(numbers["networks"]),
      case .object(let pair) = try #require(compared.first),
      case .array(let found) = try #require(pair["metrics"])
    else {
      Issue.record("\(summary.studies)")
      return
    }
    #expect(networks.count == 2 && compared.count == 1)
    #expect(pair["network"] == .text("other") && pair["original"] == .text("plain"))
    #expect(found.count == 3)
    #expect(try lines(folder("study/studies/faithfulness.jsonl")).count == 2 * 3 * 5)
    let page = try Page(String(contentsOfFile: folder("study/report.html"), encoding: .utf8))
    // ROAD and MPRT have curves.
    #expect(page.all("svg").count == 2)
    let again = try StudyRecipe(contentsOf: folder("study/recipe.yaml"))
    #expect(again == recipe)
    // The same choices give the same numbers, whatever was measured before.
    let repeated = try StudyRun(recipe, output: folder("again")).run()
    #expect(
      repeated.studies["faithfulness"].map(withoutSeconds)
        == summary.studies["faithfulness"].map(withoutSeconds))
  }

  private func withoutSeconds(_ value: JSONValue) -> JSONValue {
    switch value {
    case .object(let values):
      .object(values.filter { $0.key != "seconds" }.mapValues(withoutSeconds))
    case .array(let values): .array(values.map(withoutSeconds))
    default: value
    }
  }

  @Test func allStudiesLandInOneReport() throws {
    let recipe = recipe(["aopc", "weight-noise", "input-noise", "attack", "transfer"])
    let summary = try StudyRun(recipe, output: folder("study")).run()
    let written = try JSONDecoder().decode(
      StudySummary.self,
      from: Data(contentsOf: URL(fileURLWithPath: folder("study/summary.json"))))
    #expect(written == summary)
    #expect(summary.networks.map(\.name) == ["plain", "other"])
    #expect(summary.networks[1].original == "plain" && summary.networks[0].original == nil)
    #expect(Set(summary.studies.keys) == Set(recipe.study.studies))

    // Each network by its own heatmaps and the other's in two orders, and at random.
    #expect(try lines(folder("study/studies/aopc.jsonl")).count == 2 * (2 * 2 + 1) * 6)
    #expect(try numbers(summary, "aopc").count == 10)
    for name in ["weight-noise", "input-noise"] {
      // Without noise there is nothing to draw twice.
      #expect(
        try lines(folder("study/studies/\(name).jsonl")).count == 2 * (1 + 2) * Self.images)
    }
    #expect(try lines(folder("study/studies/transfer.jsonl")).count == 2 * 2 * Self.images)
    for name in ["plain", "other"] {
      #expect(try lines(folder("study/studies/attack/\(name)/attacks.jsonl")).count == 3)
    }

    let page = try Page(String(contentsOfFile: folder("study/report.html"), encoding: .utf8))
    #expect(page.all("section").count == 2 + 5)
    #expect(page.all("svg").count == 2 + 2 + 2 + 2)
    // One more where heatmaps have vanished.
    #expect([11, 12].contains(page.all("table").count))
    #expect(!page.all("polygon", class: "band").isEmpty)
    #expect(page.all("p", class: "headline").isEmpty)

    let again = try StudyRecipe(contentsOf: folder("study/recipe.yaml"))
    #expect(again == recipe)
    #expect(
      throws: RunError(
        "\(folder("study")) already holds a run; continue it with --resume, or name another --output"
      )
    ) { try StudyRun(recipe, output: folder("study")) }
    #expect(
      throws: RunError(
        "\(folder("study")) holds a study; its report is \(folder("study/report.html"))")
    ) { try RunReports.html(of: [folder("study")]) }
  }

  /// Success rates, accuracies and every score are those of `trompe evaluate`, bit for bit.
  @Test(arguments: ["weight-noise", "input-noise"])
  func zeroNoiseIsThePlainEvaluation(study: String) throws {
    let summary = try StudyRun(recipe([study]), output: folder("study")).run()
    let plain = try EvaluationRun.run(
      EvaluationRequest(
        network: NetworkSection(checkpoint: other), original: Self.checkpoint,
        images: .shapes(count: Self.images, seed: Self.seed),
        fooling: FoolingSpecification(name: "location", lambda: 1),
        interpreters: [InterpreterSpecification(name: "grad-cam", layer: "layer4")], batchSize: 8),
      output: folder("plain"))
    let points = try numbers(summary, study)
    #expect(points.count == 4)
    for (network, fsr, accuracy) in [
      ("plain", plain.fsrOriginal, plain.accuracy.original),
      ("other", plain.fsr, plain.accuracy.manipulated),
    ] {
      let point = try #require(
        points.first { $0["network"] == .text(network) && number($0["strength"]) == 0 })
      #expect(number(point["fsr"], "mean") == fsr["grad-cam"])
      #expect(number(point["top1"], "mean") == accuracy.top1)
      #expect(number(point["top5"], "mean") == accuracy.top5)
      #expect(number(point["draws"]) == 1 && number(point["fsr"], "deviation") == 0)
    }
    struct Line: Decodable {
      let network: String
      let strength: Double
      let image: String
      let testLoss: Double
    }
    struct Known: Decodable {
      let image: String
      let original: Double
      let manipulated: Double
    }
    func decoded<Value: Decodable>(_ file: String) throws -> [Value] {
      try lines(folder(file)).map { try JSONDecoder().decode(Value.self, from: Data($0.utf8)) }
    }
    let losses: [Line] = try decoded("study/studies/\(study).jsonl")
    let known: [Known] = try decoded("plain/test-losses.jsonl")
    for image in known {
      for (network, loss) in [("plain", image.original), ("other", image.manipulated)] {
        let own = losses.filter { $0.network == network && $0.image == image.image }
        #expect(own.filter { $0.strength == 0 }.map(\.testLoss) == [loss])
        #expect(own.filter { $0.strength > 0 }.allSatisfy { $0.testLoss != loss })
      }
    }
    // Noise is noise: two draws are not the same.
    let noisy = losses.filter { $0.network == "other" && $0.strength > 0 }.map(\.testLoss)
    #expect(noisy.count == 2 * Self.images && Set(noisy).count > Self.images)
  }

  @Test func sameSeedGivesTheSameNumbers() throws {
    let studies = ["aopc", "weight-noise", "input-noise"]
    for (name, seed) in [("a", 3), ("b", 3), ("c", 4)] {
      _ = try StudyRun(recipe(studies, seed: UInt64(seed)), output: folder(name)).run()
    }
    for study in studies {
      func text(_ run: String) throws -> [String] {
        try lines(folder("\(run)/studies/\(study).jsonl"))
      }
      #expect(try text("a") == text("b"))
      #expect(try text("a") != text("c"))
    }
  }

  /// The same curve by hand, one image at a time.
  @Test func areaIsThatOfTheNetwork() throws {
    let aopc = StudySection.AOPC(
      images: 3, regionSize: 16, steps: 4, fill: .mean, orders: [.mostRelevantFirst])
    var recipe = recipe(["aopc"], aopc: aopc)
    recipe.study.checkpoints.removeLast()
    let summary = try StudyRun(recipe, output: folder("study")).run()
    let network = try LoadedNetwork(NetworkSection(checkpoint: Self.checkpoint), kernels: .plain)
    let program = try EvaluationProgram(
      network, interpreters: [("grad-cam", GradCAM(layer: "layer4"))], batchSize: 1)
    let source = ShapesDataset(count: Self.images, seed: Self.seed, split: .validation)
    let normalizer = Normalizer(network.preprocessing)
    var areas: [Double] = []
    for place in 0..<3 {
      let position = place * Self.images / 3
      var image = try network.preprocessing.prepare(source.image(at: position), name: "")
      let label = source.label(at: position)
      func probability() throws -> Double {
        try program.run(images: normalizer(image), labels: [Int32(label)])
        let powers = program.logits.values.map { exp(Double($0)) }
        return powers[label] / powers.reduce(0, +)
      }
      var scores = [try probability()]
      let map = program.heatmaps(0, count: 1)[0]
      let grid = RegionGrid(imageSize: image.size, regionSize: 16)
      let relevance = grid.relevance(of: map)
      let order = (0..<grid.count).sorted { relevance[$0] > relevance[$1] }
      var mean = [0, 0, 0]
      for (sample, value) in image.pixels.enumerated() { mean[sample % 3] += Int(value) }
      let color = mean.map { UInt8((Double($0) / Double(image.size.area)).rounded()) }
      for region in order.prefix(4) {
        let (rows, columns) = grid.pixels(of: region)
        for y in rows {
          for x in columns {
            image[x, y] = Image.Pixel(red: color[0], green: color[1], blue: color[2])
          }
        }
        scores.append(try probability())
      }
      areas.append(scores.reduce(0) { $0 + scores[0] - $1 } / 5)
    }
    let found = number(try numbers(summary, "aopc")[0]["aopc"])
    // Batches of another size sum in another order.
    #expect(abs(found - areas.reduce(0, +) / 3) < 1e-4)
    #expect(abs(found) > 0.01)
  }

  @Test func whatIsFinishedIsKept() throws {
    let recipe = recipe(["aopc", "input-noise", "weight-noise"])
    let stop = StopRequest()
    let run = try StudyRun(recipe, output: folder("study"), stop: stop) { event in
      if case .saved(let path) = event, path.hasSuffix("aopc.json") { stop.stop() }
    }
    #expect { try run.run() } throws: { error in
      "\(error)".contains("finished studies are kept, go on with the same command and --resume")
    }
    #expect(Runs.isResumable(folder("study")))
    let before = try lines(folder("study/studies/aopc.jsonl"))
    let page = try Page(String(contentsOfFile: folder("study/report.html"), encoding: .utf8))
    #expect(page.all("p", class: "headline")[0].text.contains("input-noise, weight-noise"))
    #expect(
      throws: RunError(
        "\(folder("study")) already holds studies; continue with --resume, or name another --output"
      )
    ) { try StudyRun(recipe, output: folder("study")) }
    var changed = recipe
    changed.study.seed += 1
    #expect { try StudyRun(changed, output: folder("study"), resume: true).run() } throws: {
      "\($0)".contains("was begun with another recipe")
    }
    var notes: [String] = []
    let summary = try StudyRun(recipe, output: folder("study"), resume: true) { event in
      if case .note(let text) = event { notes.append(text) }
    }.run()
    #expect(notes.contains("aopc is finished already"))
    #expect(try lines(folder("study/studies/aopc.jsonl")) == before)
    #expect(!Runs.isResumable(folder("study")))
    let whole = try StudyRun(recipe, output: folder("whole")).run()
    #expect(whole.studies == summary.studies && whole.findings == summary.findings)
  }

  @Test func aForecastCountsTheWork() throws {
    let recipe = recipe(["aopc", "weight-noise", "attack", "transfer"])
    let plan = try StudyForecast(recipe, measures: false)
    #expect(plan.parts.map(\.name) == recipe.study.studies && plan.seconds == nil)
    #expect(
      plan.parts[0].work == "10 curves of 5 steps, 6 images: \((10 * 5 + 2) * 6) classifications")
    #expect(plan.parts[1].work == "\(1 + 2 * 3) evaluations of 12 images")
    #expect(try StudyForecast(recipe).seconds ?? 0 > 0)
  }

  // MARK: Mistakes

  private func complaint(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return ""
  }

  @Test func networksThatDoNotFitAreNamed() throws {
    var recipe = recipe(["aopc"])
    recipe.study.checkpoints[1].file = folder("none.h5")
    #expect(
      complaint { _ = try StudyRun(recipe, output: folder("a")).run() }
        .contains(folder("none.h5")))
    recipe.study.checkpoints[1].file =
      URL(fileURLWithPath: Self.checkpoint)
      .deletingLastPathComponent().path + "/shapes-vgg.h5"
    let text = complaint { _ = try StudyRun(recipe, output: folder("b")).run() }
    #expect(text.contains("the networks of a study have one architecture"), "\(text)")
    for name in ["a", "b"] {
      #expect(!FileManager.default.fileExists(atPath: folder(name + "/recipe.yaml")))
    }
  }

  private static let smallest = """
    data: {validation: images}
    fooling: {name: location}
    interpreter: {name: grad-cam, layer: layer4}
    study:
      studies: [aopc, weight-noise]
      checkpoints: [{name: plain, file: a.h5}, {name: fooled, file: b.h5, original: plain}]
    """

  @Test func theSmallestRecipe() throws {
    let recipe = try StudyRecipe(yaml: Self.smallest, folder: "/a")
    #expect(
      recipe.study.checkpoints == [
        .init(name: "plain", file: "/a/a.h5"),
        .init(name: "fooled", file: "/a/b.h5", original: "plain"),
      ])
    #expect(
      recipe.study
        == .init(
          studies: ["aopc", "weight-noise"], checkpoints: recipe.study.checkpoints))
    #expect(recipe.evaluation.interpreters == .transfer(.singlePass))
    #expect(recipe.study.aopc.regionSize == 9 && recipe.study.aopc.steps == 100)
    #expect(try StudyRecipe(yaml: recipe.resolvedYAML(), folder: "/b") == recipe)
  }

  @Test(
    arguments: [
      ("aopc, weight-noise", "aopc, weight-nose", "unknown study \"weight-nose\": did you mean"),
      ("aopc, weight-noise", "aopc, aopc", "\"aopc\" is given twice"),
      ("[aopc, weight-noise]", "[]", "study.studies is a list of 0, expected a list of 1 to 100"),
      ("weight-noise]", "attack]", "attack is missing: the study attack attacks images"),
      (
        "fooling: {name: location}", "", "fooling is missing: the study weight-noise tests heatmaps"
      ),
      (
        "[{name: plain", "[] # [{name: plain",
        "study.checkpoints is a list of 0, expected a list of"
      ),
      ("  checkpoints:", "  # checkpoints:", "study.checkpoints is missing"),
      ("file: b.h5, ", "", "study.checkpoints[1].file is missing"),
      (
        "original: plain", "original: plane", "study.checkpoints[1].original is \"plane\", expected"
      ),
      ("name: fooled", "name: plain", "the name of another one too"),
      ("original: plain", "fooling: {name: top-k}", "say which by original"),
      ("name: fooled", "name: a/b", "expected letters, digits, - and _ only"),
      ("studies: [", "weightNoise: {strengths: [-0.1]}\n  studies: [", "entry 1 of 1 is -0.1, "),
      (
        "studies: [", "inputNoise: {strengths: []}\n  studies: [", "is a list of 0, expected a list"
      ),
      ("studies: [", "inputNoise: {strengths: [1, 1]}\n  studies: [", "has a number twice"),
      ("studies: [", "aopc: {fill: black}\n  studies: [", "expected uniform or mean or blur"),
      ("studies: [", "aopc: {steps: 0}\n  studies: [", "a whole number from 1"),
      ("studies: [", "images: 0\n  studies: [", "a whole number from 1"),
      ("study:", "network: {checkpoint: a.h5}\nstudy:", "a study lists its networks in"),
      ("study:", "training: {steps: 1}\nstudy:", "a study has no training"),
      ("layer4}", "layer4, leyer: 1}", "unknown key \"leyer\""),
    ])
  func mistakesAreNamed(old: String, new: String, expected: String) {
    let yaml = Self.smallest.replacingOccurrences(of: old, with: new)
    let text = complaint { _ = try StudyRecipe(yaml: yaml, folder: "/a") }
    #expect(text.contains(expected), "\(text)")
  }

  @Test func otherCommandsSendStudiesWhereTheyBelong() {
    #expect(
      complaint { _ = try TrainingRecipe(yaml: Self.smallest, folder: "/a") }
        .contains("makes this a recipe for studies of networks: use trompe study"))
    #expect(
      complaint { _ = try FoolingRecipe(yaml: Self.smallest, folder: "/a") }
        .contains("study is for trompe study"))
    #expect(
      complaint { _ = try StudyRecipe(yaml: "data: {shapes: {}}", folder: "/a") }
        .contains("has no study, so there is nothing to do"))
  }
}
