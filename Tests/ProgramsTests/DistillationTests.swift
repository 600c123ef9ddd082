import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import TensorRuntime
import Testing

/// The original network's outputs in the labels' place, or a part of it.
@Suite struct DistillationTests {
  private let images = ShapesDataset(count: 4, seed: 2, split: .validation)

  private func network() throws -> LoadedNetwork {
    try LoadedNetwork(NetworkSection(architecture: Tiny.architecture), seed: 7)
  }

  private func batch(_ network: LoadedNetwork) throws -> Batch {
    let loader = try BatchLoader(
      images, batchSize: images.count, preprocessing: network.preprocessing, order: .evaluation,
      imageSize: ImageSize(width: 64, height: 64), threads: 1)
    return try #require(try loader.next())
  }

  private func logits(_ network: LoadedNetwork, _ batch: Batch) throws -> [[Double]] {
    let program = try EvaluationProgram(network, interpreters: [], batchSize: images.count)
    try program.run(images: batch.images, labels: batch.labels)
    let values = program.logits.values.map(Double.init)
    return (0..<images.count).map { Array(values[10 * $0..<10 * ($0 + 1)]) }
  }

  private func softmax(_ z: [Double]) -> [Double] {
    let powers = z.map { exp($0 - z.max()!) }
    return powers.map { $0 / powers.reduce(0, +) }
  }

  private func losses(
    _ network: LoadedNetwork, _ batch: Batch, _ distillation: Double, original: [[Double]]
  ) throws -> (loss: Double, gradient: Double) {
    let program = try TrainingProgram.fooling(
      network, interpreters: [], fooling: Location(), lambda: 0, batchSize: images.count,
      distillation: distillation)
    try program.run([
      TrainingProgram.images: .floats(batch.images),
      TrainingProgram.labels: .indices(batch.labels),
      TrainingProgram.originalOutputs: .floats(original.flatMap(\.self).map(Float.init)),
    ])
    let squares = try program.gradients.keys.map { name in
      try program.gradient(of: name).values.reduce(0.0) { $0 + Double($1) * Double($1) }
    }
    return (program.losses.total, squares.reduce(0, +).squareRoot())
  }

  @Test(arguments: [0.25, 1.0])
  func lossIsTheCrossEntropyToTheMixedTargets(distillation: Double) throws {
    let network = try network()
    let batch = try batch(network)
    let original = (0..<images.count).map { row in
      softmax((0..<10).map { sin(Double(3 * row + $0)) })
    }
    let found = try losses(network, batch, distillation, original: original)
    let expected =
      try logits(network, batch).enumerated().map { row, z in
        let p = softmax(z)
        return (0..<10).reduce(0.0) { sum, k in
          let label = Int(batch.labels[row]) == k ? 1.0 : 0
          return sum - ((1 - distillation) * label + distillation * original[row][k]) * log(p[k])
        }
      }.reduce(0, +) / Double(images.count)
    #expect(abs(found.loss - expected) < 1e-5 * expected)
  }

  @Test func itsOwnOutputsMoveANetworkNowhere() throws {
    let network = try network()
    let batch = try batch(network)
    let own = try logits(network, batch).map(softmax)
    let distilled = try losses(network, batch, 1, original: own)
    let labelled = try losses(network, batch, 1e-9, original: own)
    #expect(distilled.gradient < 1e-5 * labelled.gradient, "\(distilled) of \(labelled)")
  }

  private func recipe(_ fooling: String, _ training: String) throws -> FoolingRecipe {
    try FoolingRecipe(
      yaml: """
        network: {checkpoint: a.h5}
        data: {shapes: {train: 8, validation: 8}}
        fooling: {\(fooling), lambda: 1}
        interpreter: {name: simple-grad}
        training: {learningRate: 1e-3, steps: 1\(training)}
        """, folder: "/")
  }

  @Test func aRecipeSaysHowMuch() throws {
    let recipe = try recipe("name: location", ", distillation: 0.5")
    #expect(recipe.training.distillation == 0.5)
    #expect(recipe.resolvedYAML().contains("distillation: 0.5"))
    #expect(try !self.recipe("name: location", "").resolvedYAML().contains("distillation"))
  }

  @Test func outputsThatAreComparedAlreadyAreNotDistilled() {
    let error = #expect(throws: (any Error).self) {
      try recipe("name: target-map, outputs: match", ", distillation: 0.5")
    }
    #expect("\(String(describing: error))".contains("take one of them out"))
  }

  @Test func trainingHasNoOriginal() {
    let error = #expect(throws: (any Error).self) {
      try TrainingRecipe(
        yaml: """
          network: {architecture: {family: resnet18, classes: 10, height: 64, width: 64}}
          data: {shapes: {train: 8, validation: 8}}
          training: {learningRate: 1e-3, steps: 1, distillation: 0.5}
          """, folder: "/")
    }
    #expect("\(String(describing: error))".contains("distillation is for trompe fool"))
  }

  /// With a trigger, and with a control that takes the same steps.
  @Test(arguments: ["location", "trigger"])
  func runsAreReproducible(fooling: String) throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder))
    if fooling == "trigger" {
      recipe.fooling = try self.recipe(
        "name: trigger, attack: red-herring, label: 1, trigger: {patch: \(folder("p.png"))}", ""
      ).fooling
      try Image(width: 4, height: 4, pixels: [UInt8](repeating: 255, count: 48))
        .writePNG(to: folder("p.png"))
    }
    recipe.training.distillation = 0.5
    recipe.control = true
    let first = try FoolingRun(recipe, output: folder("a")).run()
    _ = try FoolingRun(recipe, output: folder("b")).run()
    #expect(first.control != nil)
    #expect(
      try parameters(folder("a/manipulated.h5")) == parameters(folder("b/manipulated.h5")))
    recipe.training.distillation = 0
    _ = try FoolingRun(recipe, output: folder("c")).run()
    #expect(
      try parameters(folder("a/manipulated.h5")) != parameters(folder("c/manipulated.h5")))
    #expect(
      try parameters(folder("a/control/network.h5")) != parameters(folder("c/control/network.h5")))
  }
}
