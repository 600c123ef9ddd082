import Explanations
import Foundation
import ImageData
import Manipulation
import RunTestSupport
import TensorGraph
import TensorReference
import Testing

/// One map for all images, and outputs held to those of the original network.
@Suite struct TargetMapTests {
  /// Literals of two images and two classes: logits (0, log 3) and (0, 0), the original's probabilities
  /// (½, ½) and (¼, ¾).
  @Test(
    arguments: [
      // Each of the four numbers is ¼ away.
      (TargetMap.OutputGoal.match, false, 0.0625),
      // (KL((½, ½) ‖ (¼, ¾)) + KL((¼, ¾) ‖ (½, ½))) / 2
      (.divergence, false, 0.5 * (0.5 * log(4.0 / 3) + 0.25 * log(0.5) + 0.75 * log(1.5))),
      // Labels of their own have probabilities (½, ¾) and (½, ½).
      (.match, true, (0 + 0.0625 + 0.0625 + 0.0625) / 4),
      (
        .divergence, true,
        0.5
          * (0.5 * log(4.0 / 3)
            + 2 * (0.25 * log(0.5) + 0.75 * log(1.5)))
      ),
    ])
  func outputLossesMatchHandComputation(
    outputs: TargetMap.OutputGoal, areLabels: Bool, expected: Double
  ) throws {
    var graph = GraphBuilder()
    let logits = try graph.placeholder("z", shape: [2, 2])
    let original = try graph.placeholder("p", shape: [2, 2])
    let fooling = TargetMap(target: .random(seed: 0), outputs: outputs)
    let loss = try #require(
      try fooling.outputLoss(original: original, logits: logits, areLabels: areLabels, in: &graph))
    let gradient = try graph.gradient(of: loss, with: [logits])[0]
    let inputs = [
      "z": ReferenceArray(shape: [2, 2], values: [0, log(3), 0, 0]),
      "p": ReferenceArray(shape: [2, 2], values: [0.5, 0.5, 0.25, 0.75]),
    ]
    let results = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [loss, gradient]), placeholders: inputs)
    #expect(abs(results[0].values[0] - expected) < 1e-12)
    let slopes = try FiniteDifferences.gradient(
      of: graph.graph(outputs: [loss]), with: .placeholder("z"), placeholders: inputs)
    for (a, b) in zip(results[1].values, slopes.values) { #expect(abs(a - b) < 1e-9) }
  }

  @Test func outputsOfZeroProbabilityHaveAFiniteDivergence() throws {
    var graph = GraphBuilder()
    let logits = try graph.placeholder("z", shape: [1, 2])
    let original = try graph.placeholder("p", shape: [1, 2])
    let loss = try #require(
      try TargetMap(target: .random(seed: 0), outputs: .divergence)
        .outputLoss(original: original, logits: logits, areLabels: false, in: &graph))
    let result = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [loss]),
      placeholders: [
        "z": ReferenceArray(shape: [1, 2], values: [0, 0]),
        "p": ReferenceArray(shape: [1, 2], values: [0, 1]),
      ])[0]
    #expect(abs(result.values[0] - log(2)) < 1e-12)
  }

  @Test(
    arguments: [
      ("target: original", "target-map shows one map for all images"),
      ("label: 3", "takes no \"label\""),
      ("outputs: probabilities", "labels or match or divergence"),
      ("target: image", "needs an \"image\""),
    ])
  func whatContradictsItselfIsNamed(fooling: String, expected: String) {
    let text = """
      network: {checkpoint: a.h5}
      data: {shapes: {train: 8, validation: 8}}
      fooling: {name: target-map, lambda: 1, \(fooling)}
      interpreter: {name: simple-grad}
      training: {learningRate: 1e-3, steps: 1}
      """
    let error = #expect(throws: (any Error).self) {
      try FoolingRecipe(yaml: text, folder: "/").fooling.fooling(classNames: ["a", "b"])
    }
    #expect(error.map { "\($0)".contains(expected) } == true, "\(String(describing: error))")
  }

  @Test(arguments: [TargetMap.OutputGoal.match, .divergence, .labels])
  func runIsReproducedByEvaluation(outputs: TargetMap.OutputGoal) throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 80)
    recipe.fooling = FoolingSpecification(name: "target-map", lambda: 1)
    recipe.fooling.outputs = outputs
    recipe.training.learningRate = 2e-3
    let summary = try FoolingRun(recipe, output: folder("fool")).run()
    let result = try #require(summary.targetMap)
    let likeness = try #require(result.explanations["grad-cam"])
    #expect(likeness.pearson.manipulated > likeness.pearson.original + 0.1, "\(likeness)")
    #expect(likeness.mse.manipulated < likeness.mse.original)
    #expect(result.outputDivergence > 0)
    let evaluated = try EvaluationRun.run(
      EvaluationRequest(
        network: NetworkSection(checkpoint: folder("fool/manipulated.h5")),
        original: try #require(recipe.network.checkpoint), images: .shapes(count: 40, seed: 3),
        fooling: recipe.fooling,
        interpreters: [recipe.interpreter]
          + recipe.evaluation.interpreters.specifications(besides: recipe.interpreter)))
    #expect(evaluated.targetMap == summary.targetMap && evaluated.fsr == summary.fsr)
    let unchanged = try EvaluationRun.run(
      EvaluationRequest(
        network: NetworkSection(checkpoint: recipe.network.checkpoint),
        original: try #require(recipe.network.checkpoint), images: .shapes(count: 40, seed: 3),
        fooling: recipe.fooling, interpreters: [recipe.interpreter], further: []))
    #expect(unchanged.targetMap?.outputDivergence == 0)
  }
}
