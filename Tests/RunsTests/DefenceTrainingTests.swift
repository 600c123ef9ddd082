import Defences
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import TensorRuntime
import Testing

/// Training with regularizers and on adversarial images, and explanations by softplus.
@Suite struct DefenceTrainingTests {
  private static let checkpoint = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../checkpoints/shapes-resnet.h5").standardizedFileURL.path

  private func recipe(
    _ regularizers: [RegularizerSpecification], steps: Int = 4, freezes: Bool = true
  ) -> TrainingRecipe {
    TrainingRecipe(
      network: NetworkSection(checkpoint: Self.checkpoint),
      data: DataSection(source: .shapes(train: 64, validation: 16, seed: 3), threads: 2),
      training: TrainingSection(
        learningRate: 1e-3, duration: .steps(steps), batchSize: 8, seed: 5, logEvery: 1,
        saveEvery: 0, regularizers: regularizers, freezesBatchNorm: freezes))
  }

  @Test(arguments: RegularizerKind.all.map(\.name))
  func regularizedTrainingLowersThePenalty(name: String) throws {
    let folder = try TemporaryFolder()
    // With batch statistics as well: it runs, and its numbers are finite.
    for freezes in [true, false] {
      let recipe = recipe(
        [RegularizerSpecification(name: name, weight: 0.5)], steps: freezes ? 12 : 2,
        freezes: freezes)
      var penalties: [Double] = []
      _ = try ClassifierTrainingRun(recipe, output: folder("\(name)-\(freezes)")) {
        if case .step(let report) = $0 {
          let penalty: Double = report.penalty ?? .nan
          penalties.append(penalty)
          let difference: Double = report.loss - report.crossEntropy - penalty
          #expect(abs(difference) < 1e-4 * report.loss)
        }
      }.run()
      #expect(penalties.allSatisfy { $0.isFinite && $0 > 0 })
      // SSR's penalty is small where the softmax is saturated, which large steps undo: see below.
      guard freezes, name != "ssr" else { continue }
      let (first, last) = (penalties.prefix(4), penalties.suffix(4))
      // An angle is bounded, and changes slowly.
      let share = name == "gradient-angle" ? 0.95 : 0.7
      #expect(last.reduce(0, +) < share * first.reduce(0, +), "\(name): \(penalties)")
    }
  }

  /// Small steps on the same eight images.
  @Test func gradientDescentLowersTheLargestEigenvalue() throws {
    let folder = try TemporaryFolder()
    var recipe = recipe([RegularizerSpecification(name: "ssr", weight: 0.5, iterations: 20)])
    recipe.data.source = .shapes(train: 8, validation: 8, seed: 3)
    recipe.training.optimizer = .sgd(momentum: 0, weightDecay: 0, nesterov: false)
    recipe.training.duration = .steps(12)
    var penalties: [Double] = []
    _ = try ClassifierTrainingRun(recipe, output: folder("run")) {
      if case .step(let report) = $0 { penalties.append(report.penalty ?? .nan) }
    }.run()
    #expect(penalties.count == 12 && penalties[11] < 0.7 * penalties[0], "\(penalties)")
  }

  @Test func frozenBatchNormsKeepTheirStatistics() throws {
    let folder = try TemporaryFolder()
    let regularizers = [RegularizerSpecification(name: "ssr", weight: 0.1, iterations: 2)]
    for name in ["a", "b"] {
      _ = try ClassifierTrainingRun(recipe(regularizers), output: folder(name)).run()
    }
    let (before, after) = (
      try parameters(Self.checkpoint), try parameters(folder("a/network.h5"))
    )
    #expect(try after == parameters(folder("b/network.h5")), "the same seed gives the same bits")
    for (name, values) in after {
      #expect((values == before[name]) == name.contains("running_"), "\(name)")
    }
    let again = try TrainingRecipe(contentsOf: folder("a/recipe.yaml"))
    #expect(again.training == recipe(regularizers).training)
  }

  @Test(arguments: [AdversarialSection.Norm.linf, .l2])
  func adversarialImagesStayInTheBallAndRaiseTheLoss(norm: AdversarialSection.Norm) throws {
    let network = try LoadedNetwork(NetworkSection(checkpoint: Self.checkpoint))
    let source = ShapesDataset(count: 4, seed: 2, split: .validation)
    let normalizer = Normalizer(network.preprocessing)
    let images = (0..<4).flatMap { normalizer(source.image(at: $0)) }
    let labels = (0..<4).map { Int32(source.label(at: $0)) }
    let section = AdversarialSection(
      norm: norm, epsilon: norm == .linf ? 4 : 300, stepSize: norm == .linf ? 1 : 75)
    let adversary = try AdversarialImages(network, section, batchSize: 4)
    let changed = try adversary.perturbed(images, labels: labels, seed: 1, step: 2)
    #expect(try changed == adversary.perturbed(images, labels: labels, seed: 1, step: 2))
    #expect(try changed != adversary.perturbed(images, labels: labels, seed: 1, step: 3))

    let preprocessing = network.preprocessing
    func pixel(_ value: Float, _ place: Int) -> Double {
      Double(
        (value * preprocessing.standardDeviation[place % 3] + preprocessing.mean[place % 3]) * 255)
    }
    let samples = images.count / 4
    for image in 0..<4 {
      let places = image * samples..<(image + 1) * samples
      let changes = places.map { pixel(changed[$0], $0) - pixel(images[$0], $0) }
      let size =
        norm == .linf
        ? changes.map(abs).max()! : changes.reduce(0) { $0 + $1 * $1 }.squareRoot()
      // Pixels of 255 in single precision.
      #expect(size <= section.epsilon + 1e-2 && size > section.epsilon / 2, "\(size)")
      #expect(places.allSatisfy { (-1e-3...255.001).contains(pixel(changed[$0], $0)) })
    }
    let program = try TrainingProgram.classifier(network, batchSize: 4, freezesBatchNorm: true)
    func loss(_ images: [Float]) throws -> Double {
      try program.run([
        TrainingProgram.images: .floats(images), TrainingProgram.labels: .indices(labels),
      ])
      return program.losses.crossEntropy
    }
    #expect(try loss(changed) > loss(images) + 0.05)
  }

  @Test func adversarialTrainingRuns() throws {
    let folder = try TemporaryFolder()
    var recipe = recipe([], steps: 2)
    recipe.training.adversarial = AdversarialSection(epsilon: 8, stepSize: 2, iterations: 2)
    var (losses, plain): ([Double], [Double]) = ([], [])
    _ = try ClassifierTrainingRun(recipe, output: folder("pgd")) {
      if case .step(let report) = $0 { losses.append(report.loss) }
    }.run()
    recipe.training.adversarial = nil
    _ = try ClassifierTrainingRun(recipe, output: folder("plain")) {
      if case .step(let report) = $0 { plain.append(report.loss) }
    }.run()
    #expect(losses[0] > plain[0])
  }

  // MARK: Softplus at explanation time

  @Test func softplusExplanationsTendToThoseOfReLU() throws {
    let network = try LoadedNetwork(NetworkSection(checkpoint: Self.checkpoint))
    let source = ShapesDataset(count: 2, seed: 2, split: .validation)
    let normalizer = Normalizer(network.preprocessing)
    let images = (0..<2).flatMap { normalizer(source.image(at: $0)) }
    let labels = (0..<2).map { Int32(source.label(at: $0)) }
    for name in ["simple-grad", "uni-grad", "deep-lift"] {
      func interpreter(_ beta: Double?) throws -> any Interpreter {
        try InterpreterSpecification(
          name: name, samples: name == "uni-grad" ? 3 : nil, softplus: beta
        ).interpreter()
      }
      let program = try EvaluationProgram(
        network,
        interpreters: [
          ("relu", interpreter(nil)), ("sharp", interpreter(1e4)), ("soft", interpreter(2)),
        ], batchSize: 2)
      try program.run(images: images, labels: labels)
      let maps = (0..<3).map { program.heatmaps($0, count: 2).flatMap(\.values) }
      func distance(_ a: [Float], _ b: [Float]) -> Float {
        let squares = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return (squares / a.reduce(0) { $0 + $1 * $1 }).squareRoot()
      }
      #expect(distance(maps[0], maps[1]) < 0.05, "\(name): \(distance(maps[0], maps[1]))")
      #expect(distance(maps[0], maps[2]) > 0.2, "\(name): \(distance(maps[0], maps[2]))")
    }
  }

  @Test(
    arguments: [
      ("regularizers: [{name: ssr}]", "training.regularizers[0].weight is missing"),
      ("regularizers: [{name: srr, weight: 1}]", "unknown regularizer \"srr\""),
      ("regularizers: ssr", "training.regularizers is ssr, expected a list"),
      ("regularizers: [{name: ssr, weight: 1, rate: 2}]", "unknown key \"rate\""),
      ("adversarial: {epsilon: 8}", "training.adversarial.stepSize is missing"),
      (
        "adversarial: {norm: l3, epsilon: 8, stepSize: 2}",
        "training.adversarial.norm is l3, expected linf or l2"
      ),
    ])
  func mistakesAreNamed(line: String, expected: String) {
    func complaint(_ yaml: String) -> String {
      do {
        _ = try TrainingRecipe(yaml: yaml, folder: "/")
        return ""
      } catch { return "\(error)" }
    }
    let text = """
      network: {checkpoint: a.h5}
      data: {shapes: {train: 8}}
      training:
        learningRate: 1
        steps: 1
        \(line)
      """
    #expect(complaint(text).contains(expected), "\(complaint(text))")
  }
}
