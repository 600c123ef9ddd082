import Explanations
import Foundation
import Manipulation
import RunTestSupport
import Testing

/// Whole runs with sampling-based interpreters, from recipes.
@Suite struct SampledRunTests {
  private func recipe(
    _ interpreter: String, fooling: String = "{name: location, lambda: 2}", atOnce: String,
    steps: Int = 4, in folder: TemporaryFolder
  ) throws -> FoolingRecipe {
    let checkpoint = try Tiny.checkpoint(in: folder)
    return try FoolingRecipe(
      yaml: """
        network: {checkpoint: \(checkpoint)}
        data: {shapes: {train: 64, validation: 20, seed: 3}, threads: 2}
        fooling: \(fooling)
        interpreter: \(interpreter)
        training:
          learningRate: 1e-2
          steps: \(steps)
          batchSize: 8
          seed: 5
          logEvery: 1
          validateEvery: 3
          validateImages: 8
        evaluation: {batchSize: 8, interpreters: [{name: grad-cam, layer: layer3}]}
        compute: {samplesAtOnce: \(atOnce)}
        """, folder: "/")
  }

  static let smoothGrad = "{name: smooth-grad-t, layer: layer2, samples: 5, sigma: 0.1}"
  // Signed and small, so that it is lowered more easily than moved.
  static let integratedGradients = "{name: integrated-gradients-t, layer: layer2, steps: 5}"

  /// Trains, and the numbers of the evaluation are reproduced from the files: an image has the same
  /// noise wherever it is explained.
  @Test(arguments: [
    (smoothGrad, "{name: location, lambda: 2}"),
    (integratedGradients, "{name: top-k, lambda: 100}"),
  ])
  func runLowersThePenaltyAndIsReproducedByEvaluation(
    interpreter: String, fooling: String
  ) throws {
    let folder = try TemporaryFolder()
    let recipe = try recipe(interpreter, fooling: fooling, atOnce: "2", steps: 16, in: folder)
    var notes: [String] = []
    var penalties: [Double] = []
    let summary = try FoolingRun(recipe, output: folder("fool")) {
      if case .note(let text) = $0 { notes.append(text) }
      if case .step(let report) = $0 { penalties.append(report.penalty ?? .nan) }
    }.run()
    let places = "MB beside the weights; 5 samples, 2 at a time"
    #expect(notes.contains { $0.contains(places) })
    let (first, last): (Double, Double) = (
      penalties.prefix(4).reduce(0, +), penalties.suffix(4).reduce(0, +)
    )
    #expect(last < 0.95 * first)
    var request = EvaluationRequest(
      network: NetworkSection(checkpoint: folder("fool/manipulated.h5")),
      original: try #require(recipe.network.checkpoint), images: .shapes(count: 20, seed: 3),
      fooling: recipe.fooling,
      interpreters: [recipe.interpreter]
        + recipe.evaluation.interpreters.specifications(besides: recipe.interpreter), batchSize: 8,
      compute: recipe.compute)
    let evaluated = try EvaluationRun.run(request, output: folder("evaluation"))
    #expect(evaluated.fsr == summary.fsr && evaluated.accuracy == summary.accuracy)
    let losses = try lines(folder("evaluation/test-losses.jsonl"))
    #expect(losses == (try lines(folder("fool/test-losses.jsonl"))))
    let written = try JSONDecoder().decode(
      Summary.self, from: Data(contentsOf: URL(fileURLWithPath: folder("evaluation/summary.json"))))
    #expect(written == evaluated)
    let refusal = folder("evaluation") + " already holds results; name another --output"
    #expect {
      try EvaluationRun.run(request, output: folder("evaluation"))
    } throws: { error in "\(error)" == refusal }
    // In batches of another size the images are the same, and so is their noise.
    request.batchSize = 3
    _ = try EvaluationRun.run(request, output: folder("other"))
    let (one, other) = (
      try lines(folder("other/test-losses.jsonl")).map(manipulated), try losses.map(manipulated)
    )
    #expect(one.count == other.count)
    for (a, b) in zip(one, other) { #expect(abs(a - b) < 1e-5) }
  }

  private func manipulated(_ line: String) throws -> Double {
    struct Line: Decodable { let manipulated: Double }
    return try JSONDecoder().decode(Line.self, from: Data(line.utf8)).manipulated
  }

  @Test(arguments: [
    ("{name: location, lambda: 2}", "2"), ("{name: top-k, lambda: 1}", "2"),
    ("{name: active, lambda: 1, classes: [2, 5]}", "2"), ("{name: location, lambda: 2}", "5"),
  ])
  func stoppedRunGoesOnAsIfItHadNotStopped(fooling: String, atOnce: String) throws {
    let folder = try TemporaryFolder()
    var recipe = try recipe(
      Self.smoothGrad, fooling: fooling, atOnce: atOnce, in: folder)
    if recipe.fooling.name == "active" {
      recipe.data.composites = .tiles(train: 16, validation: 6, seed: 9)
    }
    _ = try FoolingRun(recipe, output: folder("whole")).run()
    let stop = StopRequest()
    let run = try FoolingRun(recipe, output: folder("parts"), stop: stop) {
      if case .step(let report) = $0, report.step == 2 { stop.stop() }
    }
    #expect(throws: RunStopped.self) { try run.run() }
    _ = try FoolingRun(recipe, output: folder("parts"), resume: true).run()
    #expect(
      try comparable(folder("whole/metrics.jsonl")) == comparable(folder("parts/metrics.jsonl")))
    #expect(
      try parameters(folder("whole/manipulated.h5")) == parameters(folder("parts/manipulated.h5")))
  }
}
