import Attacks
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import Similarity
import TensorGraph
import TensorRuntime
import TestSupport
import Testing

/// `trompe attack` on the built-in network and images.
@Suite struct AttackRunTests {
  private static let checkpoint = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../checkpoints/shapes-resnet.h5").standardizedFileURL.path

  private func recipe(
    _ methods: [String], epsilons: [Double] = [4], iterations: Int = 8, seed: UInt64 = 1,
    interpreter: InterpreterSpecification = .init(name: "simple-grad")
  ) -> AttackRecipe {
    AttackRecipe(
      network: NetworkSection(checkpoint: Self.checkpoint),
      data: DataSection(source: .shapes(train: 10, validation: 60, seed: 7), threads: 2),
      interpreter: interpreter,
      attack: AttackSpecification(
        methods: methods, epsilons: epsilons, stepSize: 1, iterations: iterations, images: 6,
        seed: seed, region: methods.contains("targeted") ? [0, 0, 0.5, 0.5] : nil),
      evaluation: EvaluationSection(batchSize: 4), report: ReportSection(images: 3))
  }

  private func records(_ folder: String) throws -> [AttackRecord] {
    try lines(folder + "/attacks.jsonl").map {
      try JSONDecoder().decode(AttackRecord.self, from: Data($0.utf8))
    }
  }

  /// The mean over draws of what a picture nearby gives; the further, the less alike. It does not depend on
  /// the batch, and draws of one seed are the same.
  @Test func randomImagesNearbyAreCompared() throws {
    let folder = try TemporaryFolder()
    func similarities(_ draws: Int, batch: Int = 4, name: String) throws -> AttackSummary {
      var recipe = recipe(["random-sign"], epsilons: [1, 16], iterations: 1)
      recipe.attack.randomDraws = draws
      recipe.evaluation.batchSize = batch
      return try AttackRun(recipe, output: folder(name)).run()
    }
    let few = try #require(try similarities(2, name: "few").randomSimilarities)
    let many = try #require(try similarities(5, name: "many").randomSimilarities)
    #expect(many.map(\.epsilon) == [1, 16] && many.allSatisfy { $0.draws == 5 })
    let names = Set(SimilarityMeasures.all(topK: 1).map(\.name))
    for similarity in few + many {
      #expect(Set(similarity.means.keys) == names && Set(similarity.deviations.keys) == names)
    }
    for result in [few, many] {
      #expect(result[0].means["cosineDistance"]! < result[1].means["cosineDistance"]!)
      #expect(result[0].means["topKIntersection"]! > result[1].means["topKIntersection"]!)
      #expect(result[0].means["cosineDistance"]! > 1e-6)
    }
    #expect(few[1].means != many[1].means)
    let again = try #require(try similarities(5, batch: 3, name: "again").randomSimilarities)
    for (a, b) in zip(many, again) {
      for name in names { #expect(abs(a.means[name]! - b.means[name]!) < 1e-3, "\(name)") }
    }
    let none = try similarities(0, name: "none")
    #expect(none.randomSimilarities == nil)
    let page = try String(contentsOfFile: folder("many/report.html"), encoding: .utf8)
    #expect(page.contains("Likeness to random images nearby"))
  }

  /// Every number is that of the written picture, explained by the network itself.
  @Test func picturesAreWithinTheBallAndGiveTheReportedNumbers() throws {
    let folder = try TemporaryFolder()
    let recipe = recipe(["random-sign", "top-k", "mass-center", "targeted"], epsilons: [1, 4])
    let summary = try AttackRun(recipe, output: folder("attack")).run()
    let records = try records(folder("attack"))
    #expect(records.count == 4 * 2 * 6 && summary.images == 6 && summary.results.count == 8)

    let network = try LoadedNetwork(recipe.network, kernels: .plain)
    let program = try EvaluationProgram(
      network, interpreters: [("simple-grad", SimpleGrad())], batchSize: 1)
    let source = ShapesDataset(count: 60, seed: 7, split: .validation)
    let normalizer = Normalizer(network.preprocessing)
    let measures = SimilarityMeasures.all(topK: summary.topK)
    func explain(_ image: Image, _ label: Int) throws -> (logits: [Float], map: Heatmap) {
      try program.run(images: normalizer(image), labels: [Int32(label)])
      return (program.logits.values, program.heatmaps(0, count: 1)[0].relevance)
    }
    for record in records {
      let position = try #require((0..<60).first { source.name(at: $0) == record.image })
      let label = source.label(at: position)
      let clean = try network.preprocessing.prepare(source.image(at: position), name: "")
      let picture = try Image(contentsOf: folder("attack/" + record.picture))
      let distance = PixelBall.distance(picture.pixels, clean.pixels)
      #expect(distance == record.distance && Double(distance) <= record.epsilon)
      let (before, after) = (try explain(clean, label), try explain(picture, label))
      let best = after.logits.indices.max { after.logits[$0] < after.logits[$1] }
      #expect(record.keepsLabel && best == label)
      #expect(record.succeeded == (record.iteration != nil) && record.succeeded == (distance > 0))
      for measure in measures {
        // Batches of another size sum in another order, which can exchange pixels of the top.
        let tolerance = measure.name == "topKIntersection" ? 2.5 / Double(summary.topK) : 1e-3
        let found = measure(before.map, after.map)
        #expect(
          abs(found - (record.measures[measure.name] ?? .nan)) < tolerance, "\(measure.name)")
      }
    }
    for result in summary.results {
      let own = records.filter { $0.method == result.method && $0.epsilon == result.epsilon }
      #expect(own.count == 6 && result.keptLabels == 1)
      for (name, mean) in result.means {
        let expected = own.reduce(0) { $0 + $1.measures[name]! } / 6
        #expect(abs(mean - expected) < 1e-12)
      }
      #expect(result.largestDistance == own.map(\.distance).max())
    }

    // Attacks with a direction beat the one without, and go further with more room.
    func mean(_ method: String, _ epsilon: Double, _ measure: String) throws -> Double {
      let result = summary.results.first { $0.method == method && $0.epsilon == epsilon }
      return try #require(result?.means[measure])
    }
    let random = try mean("random-sign", 4, "topKIntersection")
    #expect(try mean("top-k", 4, "topKIntersection") < random - 0.1)
    #expect(
      try mean("top-k", 4, "topKIntersection") < mean("top-k", 1, "topKIntersection"))
    #expect(
      try mean("mass-center", 4, "centerShift") > 2 * mean("random-sign", 4, "centerShift"))

    let written = try JSONDecoder().decode(
      AttackSummary.self,
      from: Data(contentsOf: URL(fileURLWithPath: folder("attack/summary.json"))))
    #expect(written == summary)
    let again = try AttackRecipe(contentsOf: folder("attack/recipe.yaml"))
    #expect(again.attack == recipe.attack && again.interpreter == recipe.interpreter)
    let page = try Page(String(contentsOfFile: folder("attack/report.html"), encoding: .utf8))
    #expect(page.all("article").count == 3)
    #expect(page.all("tr").count == 1 + 8)
    #expect(page.all("svg").count == measures.count + 1)
    // Photograph and explanation, as it was and by four attacks.
    #expect(page.all("img").count == 3 * 2 * 5)
  }

  /// Each image gets the map of the next one, or all that of a file.
  @Test func mapsComeNearerToTheirTargets() throws {
    let folder = try TemporaryFolder()
    var recipe = recipe(["target-map"], epsilons: [255], iterations: 40)
    recipe.attack.finalBeta = 30
    let summary = try AttackRun(recipe, output: folder("next")).run()
    let records = try records(folder("next"))
    let means = try #require(summary.results[0].target)
    #expect(means.perturbed["mse"]! < 0.8 * means.clean["mse"]!)
    #expect(means.perturbed["pearson"]! > means.clean["pearson"]! + 0.1)
    #expect(means.perturbed["ssim"]! > means.clean["ssim"]!)
    #expect(summary.results[0].keptLabels == 1)

    let network = try LoadedNetwork(recipe.network, kernels: .plain)
    let program = try EvaluationProgram(
      network, interpreters: [("simple-grad", SimpleGrad())], batchSize: 1)
    let source = ShapesDataset(count: 60, seed: 7, split: .validation)
    let normalizer = Normalizer(network.preprocessing)
    func explain(_ image: Image, _ label: Int) throws -> (logits: [Float], map: Heatmap) {
      try program.run(images: normalizer(image), labels: [Int32(label)])
      return (program.logits.values, program.heatmaps(0, count: 1)[0].relevance)
    }
    func clean(_ name: String) throws -> (image: Image, label: Int) {
      let position = try #require((0..<60).first { source.name(at: $0) == name })
      return (
        try network.preprocessing.prepare(source.image(at: position), name: ""),
        source.label(at: position)
      )
    }
    for (place, record) in records.enumerated() {
      let target = try #require(record.target)
      #expect(target.image == records[(place + 1) % records.count].image)
      let (image, label) = try clean(record.image)
      let (other, otherLabel) = try clean(target.image)
      let picture = try Image(contentsOf: folder("next/" + record.picture))
      let (before, after) = (try explain(image, label), try explain(picture, label))
      let aim = try explain(other, otherLabel).map
      for measure in SimilarityMeasures.toTarget {
        for (map, values) in [(before.map, target.clean), (after.map, target.perturbed)] {
          let found = measure(map, aim)
          #expect(abs(found - values[measure.name]!) < 1e-3 * max(1, abs(found)))
        }
      }
      let samples = zip(picture.pixels, image.pixels).map { Double($0) - Double($1) }
      let square = samples.reduce(0) { $0 + $1 * $1 } / Double(samples.count)
      #expect(abs(square - target.imageMSE) < 1e-9)
      let logits = zip(after.logits, before.logits).map { Double($0 - $1) }
      let change = logits.reduce(0) { $0 + $1 * $1 } / Double(logits.count)
      #expect(abs(change - target.logitMSE) < 1e-3 * max(1, change))
    }
    let page = try Page(String(contentsOfFile: folder("next/report.html"), encoding: .utf8))
    // As it was, the target and the attack.
    #expect(page.all("img").count == 3 * 2 * 3 && page.all("tr").count == 2 * 2)

    recipe.attack.target = folder("next/" + records[0].picture)
    recipe.attack.iterations = 2
    _ = try AttackRun(recipe, output: folder("file")).run()
    for record in try self.records(folder("file")) {
      #expect(record.target?.image == recipe.attack.target)
    }
  }

  @Test func sameSeedGivesTheSameBits() throws {
    let folder = try TemporaryFolder()
    for (name, seed) in [("a", 1), ("b", 1), ("other", 2)] {
      _ = try AttackRun(
        recipe(["random-sign", "top-k"], iterations: 3, seed: UInt64(seed)), output: folder(name)
      ).run()
    }
    #expect(try records(folder("a")) == records(folder("b")))
    #expect(try records(folder("a")) != records(folder("other")))
  }

  /// What keeps no label is not accepted: with one class forbidden there is nothing to find.
  @Test func imagesThatCannotBeAttackedStayAsTheyWere() throws {
    let folder = try TemporaryFolder()
    var recipe = recipe(["top-k"], epsilons: [1], iterations: 1)
    // Too small a step to change a byte.
    recipe.attack.stepSize = 0.25
    let summary = try AttackRun(recipe, output: folder("attack")).run()
    for record in try records(folder("attack")) {
      #expect(record.distance == 0 && !record.succeeded && record.keepsLabel)
      #expect(record.measures["topKIntersection"] == 1 && record.measures["centerShift"] == 0)
      #expect(record.confidence.clean == record.confidence.perturbed)
    }
    #expect(summary.results[0].succeeded == 0 && summary.results[0].keptLabels == 1)
  }

  /// Samples one after the other, by two passes, or unrolled in one graph: one derivative.
  @Test(arguments: ["integrated-gradients", "smooth-grad"])
  func chunksOfSamplesGiveTheDerivativeOfAll(name: String) throws {
    let network = try LoadedNetwork(NetworkSection(checkpoint: Self.checkpoint), kernels: .plain)
    let isPath = name == "integrated-gradients"
    let interpreter = try InterpreterSpecification(
      name: name, samples: isPath ? nil : 5, steps: isPath ? 5 : nil
    ).interpreter()
    let size = network.architecture.inputShape
    let shape = Shape([2] + size.dimensions)
    let pixels = size[0] * size[1]
    var random = RandomGenerator(seed: 3)
    let images = (0..<shape.count).map { _ in Float(random.normal()) }
    let references = (0..<2 * pixels).map { _ in Float(random.integer(below: 2)) }
    let labels: [Int32] = [1, 4]

    var graph = GraphBuilder()
    let input = try graph.placeholder("images", shape: shape)
    let lowered = try NetworkGraph(
      network.architecture, input: input,
      rectifier: .softplus(beta: graph.scalar(3)), in: &graph)
    var marks = [Float](repeating: 0, count: 2 * network.architecture.classes)
    for (row, label) in labels.enumerated() {
      marks[row * network.architecture.classes + Int(label)] = 1
    }
    let classes = try graph.constant(
      Tensor(shape: [2, network.architecture.classes], values: marks))
    let relevance = try graph.relevance(
      of: interpreter.heatmap(of: lowered, classes: classes, in: &graph))
    let mask = try graph.constant(
      Tensor(shape: [2, size[0], size[1]], values: references))
    let objective = TopKRelevance(topK: 9)
    let target = try #require(
      try objective.objective(
        of: relevance, logits: { _ in lowered.logits }, reference: mask, in: &graph))
    let derivative = try graph.gradient(of: target, with: [input])
    let whole = try Executable(
      graph.graph(outputs: derivative), parameters: network.parameters,
      kernels: .plain)
    try whole.run(["images": .floats(images)])
    let expected = whole.output(0).values

    for atOnce in [1, 2, 5] {
      let direction = try #require(
        try AttackDirection(
          network, interpreter: interpreter, objective: objective, batchSize: 2,
          samplesAtOnce: atOnce))
      let found = try direction.run(
        images: images, labels: labels, references: references, beta: 3, identities: [0, 1]
      ).values
      let scale = expected.map(abs).max() ?? 0
      // Derivatives of absolute values of float sums in another order.
      let wrong = zip(found, expected).count { abs($0 - $1) > 1e-3 * scale }
      #expect(scale > 0 && Double(wrong) < 1e-3 * Double(found.count), "\(wrong) of \(found.count)")
    }
  }

  // MARK: Recipes

  private let smallest = """
    network: {checkpoint: net.h5}
    data: {validation: images}
    interpreter: {name: simple-grad}
    attack: {methods: [top-k, random-sign]}
    """

  private func complaint(_ yaml: String) -> String {
    do {
      _ = try AttackRecipe(yaml: yaml, name: "r.yaml", folder: "/a")
      return ""
    } catch { return "\(error)" }
  }

  @Test func defaultsAreThePapers() throws {
    let recipe = try AttackRecipe(yaml: smallest, folder: "/a")
    #expect(
      recipe.attack
        == AttackSpecification(
          methods: ["top-k", "random-sign"], epsilons: [8], stepSize: 0.5, iterations: 300,
          checkEvery: 1, k: nil, beta: AttackSpecification.defaultBeta, images: 128, seed: 0))
    #expect(recipe.data.source == .folders(train: "/a/images", validation: "/a/images"))
    let again = try AttackRecipe(yaml: recipe.resolvedYAML(), folder: "/b")
    #expect(again == recipe)
  }

  @Test(
    arguments: [
      ("", "\nfooling: {name: location, lambda: 1}", "r.yaml:5: an attack has no fooling"),
      ("", "\ntraining: {steps: 1}", "r.yaml:5: an attack has no training"),
      ("{methods: [top-k, random-sign]}", "{epsilon: [8]}", "attack.methods is missing"),
      ("[top-k, random-sign]", "[]", "attack.methods is a list"),
      ("[top-k, random-sign]", "[top-k, topp]", "unknown attack \"topp\""),
      ("random-sign]", "random-sign], epsilon: 8", "attack.epsilon is 8, expected a list of"),
      ("random-sign]", "random-sign], epsilon: [0.5]", "from 1 to 255"),
      ("random-sign]", "random-sign], epsilon: [8, 8]", "attack.epsilon has a number twice"),
      ("random-sign]", "random-sign], alpha: 1", "unknown key \"alpha\""),
      ("random-sign]", "random-sign], region: [0, 0, 1, 1]", "attack.region is for targeted"),
      ("random-sign]", "random-sign], finalBeta: 9", "attack.finalBeta is for target-map"),
      ("simple-grad", "simple-gard", "did you mean \"simple-grad\""),
      ("{validation: images}", "{train: images}", "data.validation is missing"),
      ("network: {checkpoint: net.h5}", "network: {}", "network.checkpoint is missing"),
      (
        "attack: {methods: [top-k, random-sign]}", "", "has no attack, so there is nothing to do"
      ),
    ])
  func mistakesAreNamed(old: String, new: String, expected: String) {
    let yaml = old.isEmpty ? smallest + new : smallest.replacingOccurrences(of: old, with: new)
    #expect(complaint(yaml).contains(expected), "\(complaint(yaml))")
  }

  @Test func otherCommandsSendAttacksWhereTheyBelong() {
    func message(_ body: () throws -> Void) -> String {
      do { try body() } catch { return "\(error)" }
      return ""
    }
    #expect(
      message { _ = try TrainingRecipe(yaml: smallest, folder: "/a") }
        .contains("makes this a recipe for attacks on images: use trompe attack"))
    #expect(
      message {
        _ = try FoolingRecipe(
          yaml: smallest + "\nfooling: {name: location, lambda: 1}", folder: "/a")
      }.contains("attack is for trompe attack"))
  }
}
