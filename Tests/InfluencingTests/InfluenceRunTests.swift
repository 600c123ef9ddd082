import Attacks
import Foundation
import ImageData
import Influence
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import TensorReference
import TestSupport
import Testing

/// `trompe influence` on the built-in network and images.
@Suite struct InfluenceRunTests {
  private static let checkpoint = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../checkpoints/shapes-resnet.h5").standardizedFileURL.path

  private func recipe(_ influence: InfluenceSection) -> InfluenceRecipe {
    InfluenceRecipe(
      network: NetworkSection(checkpoint: Self.checkpoint),
      data: DataSection(source: .shapes(train: 60, validation: 30, seed: 7), threads: 2),
      influence: influence, evaluation: EvaluationSection(batchSize: 8),
      report: ReportSection(images: 2))
  }

  private func records(_ folder: String) throws -> [InfluenceRecord] {
    try lines(folder + "/influences.jsonl").map {
      try JSONDecoder().decode(InfluenceRecord.self, from: Data($0.utf8))
    }
  }

  @Test func directionBeatsRandomSignsAndNumbersAreThoseOfThePictures() throws {
    let folder = try TemporaryFolder()
    let section = InfluenceSection(
      trainImages: 50, images: 6, epsilons: [1, 4], seed: 3)
    let recipe = recipe(section)
    let summary = try InfluenceRun(recipe, output: folder("a")).run()
    let records = try records(folder("a"))
    #expect(records.count == 6 * 2 * 2 && summary.results.count == 4 && summary.images == 6)
    #expect(summary.solver == .direct && summary.trainImages == 50)

    // Everything again from the pictures, by what the influence of a last layer is made of.
    let network = try LoadedNetwork(recipe.network, kernels: .plain)
    let program = try FeatureProgram(network, batchSize: 1)
    let normalizer = Normalizer(network.preprocessing)
    func append(_ image: Image, _ label: Int, to set: inout SoftmaxRegression) throws {
      let (features, logits) = try program.run(normalizer(image))
      set.append(
        features: features.values.map(Double.init), logits: logits.values.map(Double.init),
        label: label)
    }
    let empty = SoftmaxRegression(
      classes: program.classes, featureCount: program.featureCount, hasBias: program.hasBias)
    var set = empty
    let train = Subset(
      ShapesDataset(count: 60, seed: 7, split: .train), randomCount: 50, seed: 3)
    for place in 0..<50 { try append(train.image(at: place), train.label(at: place), to: &set) }
    let factor = try #require(
      CholeskyFactor(set.hessian(damping: 0.01), size: set.weightCount))
    let source = ShapesDataset(count: 30, seed: 7, split: .validation)
    func influences(_ image: Image, _ label: Int) throws -> [Double] {
      var one = empty
      try append(image, label, to: &one)
      return set.slopes(along: factor.solve(one.gradient(of: 0))).map { -$0 }
    }
    for record in records {
      let position = try #require((0..<30).first { source.name(at: $0) == record.image })
      let label = source.label(at: position)
      let clean = try network.preprocessing.prepare(source.image(at: position), name: "")
      let picture = try Image(contentsOf: folder("a/" + record.picture))
      let distance = PixelBall.distance(picture.pixels, clean.pixels)
      #expect(distance == record.distance && Double(distance) <= record.epsilon && distance > 0)
      let (before, after) = (try influences(clean, label), try influences(picture, label))
      for (values, ranking) in [(before, record.clean), (after, record.perturbed)] {
        let sorted = values.sorted()
        let scale = abs(sorted[0])
        for place in 0..<5 {
          #expect(abs(ranking.helpful[place].influence - sorted[place]) < 1e-3 * scale)
          #expect(abs(ranking.harmful[place].influence - sorted[49 - place]) < 1e-3 * scale)
        }
        let position = try #require(
          (0..<50).first { train.name(at: $0) == ranking.helpful[0].image })
        #expect(abs(values[position] - sorted[0]) < 1e-3 * scale)
      }
      let targets = before.indices.sorted { before[$0] < before[$1] }.prefix(3)
      let sum = targets.reduce(0) { $0 + after[$1] }
      #expect(abs(sum - record.targetInfluence.perturbed) < 1e-3 * max(abs(sum), 1e-6))
    }
    func result(_ method: String, _ epsilon: Double) throws -> InfluenceSummary.Result {
      try #require(
        summary.results.first { $0.method == method && $0.epsilon == epsilon })
    }
    let (random, directed) = (try result("random-sign", 4), try result("gradient-sign", 4))
    #expect(directed.targetInfluenceLeft < random.targetInfluenceLeft - 0.1)
    #expect(try directed.targetInfluenceLeft < result("gradient-sign", 1).targetInfluenceLeft)

    let written = try JSONDecoder().decode(
      InfluenceSummary.self,
      from: Data(contentsOf: URL(fileURLWithPath: folder("a/summary.json"))))
    #expect(written == summary)
    let again = try InfluenceRecipe(contentsOf: folder("a/recipe.yaml"))
    #expect(again.influence == section && again.network == recipe.network)
    let page = try Page(String(contentsOfFile: folder("a/report.html"), encoding: .utf8))
    #expect(page.all("article").count == 2 && page.all("tr").count == 1 + 4)
    #expect(page.all("svg").count == 4)
    // An image and five helpful and harmful ones, as it was and by two methods.
    #expect(page.all("img").count == 2 * 3 * 11)

    _ = try InfluenceRun(recipe, output: folder("b")).run()
    #expect(try lines(folder("a/influences.jsonl")) == lines(folder("b/influences.jsonl")))
  }

  /// The last layer in closed form, directly and by conjugate gradients, and as any layer by passes over
  /// the images: the same influences.
  @Test func allWaysToTheInfluencesOfALastLayerAgree() throws {
    let folder = try TemporaryFolder()
    let layer = try FeatureProgram(
      LoadedNetwork(NetworkSection(checkpoint: Self.checkpoint)), batchSize: 1
    ).layer
    var all: [[InfluenceRecord]] = []
    for (name, layers, solver) in [
      ("direct", nil, InfluenceSolver.direct), ("closed", nil, .conjugateGradients),
      ("passes", [layer], nil),
    ] as [(String, [String]?, InfluenceSolver?)] {
      let section = InfluenceSection(
        layers: layers, solver: solver, damping: 0.05, tolerance: 1e-6, trainImages: 20, images: 2,
        epsilons: [2], seed: 5)
      let summary = try InfluenceRun(recipe(section), output: folder(name)).run()
      #expect(summary.layers == [layer])
      #expect((summary.mostProducts == 0) == (solver == .direct))
      #expect(summary.largestResidual <= 1e-6)
      all.append(try records(folder(name)))
    }
    for other in all.dropFirst() {
      for (a, b) in zip(all[0], other) {
        #expect(a.image == b.image && a.method == b.method)
        for (x, y) in zip(a.clean.helpful + a.clean.harmful, b.clean.helpful + b.clean.harmful) {
          // Single precision leaves two digits of 1 − p where p is 0.99999.
          #expect(abs(x.influence - y.influence) < 0.03 * abs(a.clean.helpful[0].influence))
        }
      }
    }
  }

  /// Through a convolution and its batch norm, whose Hessian is not positive without damping.
  @Test func anyLayersHaveInfluence() throws {
    let network = try LoadedNetwork(NetworkSection(checkpoint: Self.checkpoint))
    let names = network.architecture.parameters.map(\.layer)
    let layers = [try #require(names.last { $0.contains("conv") })]
    let folder = try TemporaryFolder()
    var section = InfluenceSection(
      layers: layers, damping: 1, iterations: 40, trainImages: 10, images: 1, epsilons: [2])
    let summary = try InfluenceRun(recipe(section), output: folder("a")).run()
    #expect(summary.solver == .conjugateGradients && summary.layers == layers)
    #expect(summary.mostProducts > 0 && summary.largestResidual <= 1e-4)
    section.layers = ["nothing"]
    let error = #expect(throws: RunError.self) {
      try InfluenceRun(recipe(section), output: folder("b")).run()
    }
    #expect("\(try #require(error))".contains("has no layer \"nothing\" with weights"))
  }

  /// The program's products with the Hessian in the weights against differences of the gradient in double
  /// precision.
  @Test func productsInWeightsAreDifferencesOfTheGradient() throws {
    let network = try LoadedNetwork(
      NetworkSection(
        architecture: ArchitectureSpecification(
          family: "resnet-style", classes: 3, height: 8, width: 8, widths: [4], blocks: [1])),
      kernels: .plain, seed: 2)
    let trained = network.architecture.parameters.filter(\.isTrainable)
    let layers = [trained[0].layer, trained[1].layer, try #require(trained.last).layer]
    var random = RandomGenerator(seed: 1)
    let shape = Shape([2] + network.architecture.inputShape.dimensions)
    let images = (0..<shape.count * 3 / 2).map { _ in Float(random.normal()) }
    let labels: [Int32] = [2, 0, 1]
    let derivatives = try WeightDerivatives(
      network, layers: layers, batchSize: 3)
    let vector = (0..<derivatives.count).map { _ in random.normal() }
    // The third image does not count.
    let product = try derivatives.product(images: images, labels: labels, valid: 2, vector)
    let slopes = try derivatives.slopes(images: images, labels: labels, valid: 2, along: vector)
    let gradient = try derivatives.gradient(images: images, labels: labels, valid: 2)
    let sum = slopes.reduce(0, +)
    #expect(slopes.count == 2 && abs(sum - dot(gradient, vector)) < 1e-4 * (1 + abs(sum)))
    let first = try derivatives.gradient(images: images, labels: labels, valid: 1)
    #expect(abs(slopes[0] - dot(first, vector)) < 1e-4 * (1 + abs(sum)))

    var graph = GraphBuilder()
    let input = try graph.placeholder("images", shape: shape)
    let lowered = try NetworkGraph(network.architecture, input: input, in: &graph)
    let classes = try graph.constant(
      Tensor(shape: [2, 3], values: [0, 0, 1, 1, 0, 0]))
    let loss = try graph.negate(
      graph.sum(graph.multiply(classes, graph.logSoftmax(lowered.logits))))
    let outputs = try graph.gradient(
      of: loss, with: derivatives.parameters.map { lowered.parameters[$0.name]! })
    var (begin, ways) = (0, [FiniteDifferences.Input: ReferenceArray]())
    for parameter in derivatives.parameters {
      let end = begin + parameter.shape.count
      ways[.parameter(parameter.name)] = ReferenceArray(
        shape: parameter.shape, values: vector[begin..<end].map { Double(Float($0)) })
      begin = end
    }
    // So small a step that masks of ReLUs stay as they are.
    let expected = try FiniteDifferences.directional(
      graph.graph(outputs: outputs), along: ways,
      placeholders: [
        "images": ReferenceArray(Tensor(shape: shape, values: Array(images.prefix(shape.count))))
      ],
      parameters: Dictionary(
        uniqueKeysWithValues: network.parameters.names.map {
          ($0, ReferenceArray(network.parameters[$0]))
        }), step: 1e-6
    ).flatMap(\.values)
    let error = zip(product, expected).map { ($0 - $1) * ($0 - $1) }.reduce(0, +)
    let size = dot(expected, expected)
    #expect(expected.count == product.count && size > 0)
    // Single precision.
    #expect((error / size).squareRoot() < 1e-4, "\((error / size).squareRoot())")

    // And how a change of the first image changes its slope.
    let derivative = try derivatives.imageDerivative(
      images: images, labels: labels, valid: 2, along: vector)
    let way = (0..<shape.count / 2).map { _ in random.normal() }
    func slope(_ step: Double) throws -> Double {
      let moved = images.enumerated().map { place, value in
        place < way.count ? value + Float(step * way[place]) : value
      }
      return try derivatives.slopes(images: moved, labels: labels, valid: 2, along: vector)[0]
    }
    let found = dot(derivative.prefix(way.count).map(Double.init), way)
    let difference = try (slope(1e-3) - slope(-1e-3)) / 2e-3
    #expect(abs(found - difference) < 0.02 * max(abs(difference), 1), "\(found) \(difference)")
    #expect(derivative.suffix(way.count).allSatisfy { $0 == 0 })
  }

  /// Influences of the network's own last layer, trained to its minimum, against actually training it
  /// again without each image.
  @Test func influencesAgreeWithRetrainingTheLastLayer() throws {
    let damping = 0.02
    let network = try LoadedNetwork(
      NetworkSection(checkpoint: Self.checkpoint), kernels: .plain)
    let program = try FeatureProgram(network, batchSize: 1)
    let normalizer = Normalizer(network.preprocessing)
    func features(_ split: ShapesDataset.Split, _ count: Int) throws -> SoftmaxRegression {
      var set = SoftmaxRegression(
        classes: program.classes, featureCount: program.featureCount, hasBias: program.hasBias)
      let source = ShapesDataset(count: count, seed: 11, split: split)
      for place in 0..<count {
        let (features, logits) = try program.run(normalizer(source.image(at: place)))
        set.append(
          features: features.values.map(Double.init), logits: logits.values.map(Double.init),
          label: source.label(at: place))
      }
      return set
    }
    let (train, test) = (try features(.train, 30), try features(.validation, 4))
    /// Newton steps with the Hessian of all images, which every minimum is close to.
    func fitted(without: Int?, from start: [Double]) throws -> [Double] {
      var weights = start
      for _ in 0..<100 {
        let now = train.with(weights: weights)
        var gradient = weights.map { damping * $0 }
        for image in 0..<train.count where image != without {
          for (place, value) in now.gradient(of: image).enumerated() {
            gradient[place] += value / Double(train.count)
          }
        }
        var solver = ConjugateGradients(gradient, tolerance: 1e-8)
        while !solver.isComplete {
          solver.advance(
            zip(now.product(solver.vector), solver.vector).map { $0 + damping * $1 })
        }
        for place in weights.indices { weights[place] -= solver.solution[place] }
        if solver.solution.map(abs).max()! < 1e-5 { return weights }
      }
      Issue.record("no minimum after 100 steps")
      return weights
    }
    let weights = try fitted(without: nil, from: [Double](repeating: 0, count: train.weightCount))
    let (now, then) = (train.with(weights: weights), test.with(weights: weights))
    let retrained = try (0..<train.count).map {
      test.with(weights: try fitted(without: $0, from: weights))
    }
    for image in 0..<test.count {
      var solver = ConjugateGradients(then.gradient(of: image), tolerance: 1e-8)
      while !solver.isComplete {
        solver.advance(zip(now.product(solver.vector), solver.vector).map { $0 + damping * $1 })
      }
      let expected = now.slopes(along: solver.solution).map { $0 / Double(train.count) }
      let actual = retrained.map { $0.loss(of: image) - then.loss(of: image) }
      let means = [expected, actual].map { $0.reduce(0, +) / Double($0.count) }
      let (x, y) = (expected.map { $0 - means[0] }, actual.map { $0 - means[1] })
      let correlation = dot(x, y) / (dot(x, x) * dot(y, y)).squareRoot()
      #expect(correlation > 0.9, "\(correlation)")
    }
  }

  // MARK: Recipes

  private let smallest = """
    network: {checkpoint: net.h5}
    data: {train: train, validation: images}
    influence: {}
    """

  @Test func defaultsAreThePapers() throws {
    let recipe = try InfluenceRecipe(yaml: smallest, folder: "/r")
    #expect(recipe.influence == InfluenceSection())
    #expect(recipe.influence.damping == 0.01 && recipe.influence.targets == 3)
    let again = try InfluenceRecipe(yaml: recipe.resolvedYAML(), folder: "/")
    #expect(again == recipe)
    #expect(try RecipeKind(ofRecipe: Self.file("shapes-influence.yaml")) == .influence)
  }

  private static func file(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../recipes/" + name).standardizedFileURL.path
  }

  @Test(arguments: [
    ("training.steps=1", "an influence has no training"),
    ("influence.solver=direct", ""),
    ("influence.layers=[a, a]", "influence.layers has a name twice"),
    ("influence.trainImages=4", "influence.top is 5, more than the 4 of influence.trainImages"),
    ("influence.damping=-1", "influence.damping is -1, expected a number"),
    ("data.train=", "data.train is missing"),
    ("interpreter.name=simple-grad", "an influence has no interpreter"),
  ])
  func mistakesAreNamed(setting: String, message: String) {
    do {
      _ = try InfluenceRecipe(yaml: smallest, folder: "/r", settings: [setting])
      #expect(message.isEmpty)
    } catch { #expect(!message.isEmpty && "\(error)".contains(message), "\(error)") }
  }
}
