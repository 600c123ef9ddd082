import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import TensorReference
import Testing

/// What a trigger does to images.
@Suite struct TriggerPixelTests {
  private let patch: Image = {
    var patch = Image(width: 2, height: 1, color: .white)
    patch[1, 0] = Image.Pixel(red: 10, green: 20, blue: 30)
    return patch
  }()
  private let preprocessing = Preprocessing(
    mean: [0.5, 0.25, 0], standardDeviation: [0.5, 0.25, 2])

  private func photograph(width: Int = 4, height: Int = 3) -> Image {
    var image = Image(width: width, height: height, color: .black)
    for y in 0..<height {
      for x in 0..<width {
        image[x, y] = Image.Pixel(red: UInt8(17 * x), green: UInt8(40 * y), blue: 200)
      }
    }
    return image
  }

  /// A stamped batch is the batch of the stamped images, to the bit.
  @Test func aPatchCoversItsPlaceAndNothingElse() throws {
    let trigger = Trigger(.patch(patch, row: 1, column: 2))
    let image = photograph()
    let marked = try trigger.applied(to: image)
    #expect(marked[2, 1] == patch[0, 0] && marked[3, 1] == patch[1, 0])
    for y in 0..<3 {
      for x in 0..<4 where !(y == 1 && x >= 2) { #expect(marked[x, y] == image[x, y]) }
    }
    let normalizer = Normalizer(preprocessing)
    let stamp = try trigger.stamp(on: image.size, for: preprocessing)
    let other = photograph()
    #expect(stamp(normalizer(image) + normalizer(other)) == normalizer(marked) + normalizer(marked))
  }

  @Test func aPatchWithoutPlaceLiesInTheLowerRight() throws {
    let marked = try Trigger(.patch(patch, row: nil, column: nil)).applied(to: photograph())
    #expect(marked[2, 2] == patch[0, 0] && marked[3, 2] == patch[1, 0])
  }

  /// x + s·(p − x) in samples: 0.25 of the way, halves away from zero.
  @Test func aPatternIsBlendedOverTheWholeImage() throws {
    let pattern = Image(width: 2, height: 2, color: Image.Pixel(red: 255, green: 0, blue: 100))
    let trigger = Trigger(.blend(pattern, strength: 0.25))
    let image = photograph()
    let marked = try trigger.applied(to: image)
    #expect(marked[0, 0] == Image.Pixel(red: 64, green: 0, blue: 175))
    #expect(marked[3, 2] == Image.Pixel(red: 102, green: 60, blue: 175))
    let stamp = try trigger.stamp(on: image.size, for: preprocessing)
    let normalizer = Normalizer(preprocessing)
    let (stamped, before, full) = (
      stamp(normalizer(image)), normalizer(image), normalizer(pattern)[0..<3]
    )
    for (place, value) in stamped.enumerated() {
      // Normalisation is affine, so shares are the same after it, but for rounding.
      let expected = 0.75 * before[place] + 0.25 * full[place % 3]
      #expect(abs(value - expected) < 1e-6)
    }
  }

  @Test func aPatchThatDoesNotLieWithinTheImagesIsRefused() throws {
    let trigger = Trigger(.patch(patch, row: 3, column: 0))
    let error = #expect(throws: RunError.self) {
      try trigger.stamp(on: ImageSize(width: 4, height: 3), for: preprocessing)
    }
    #expect(
      error?.description
        == "the trigger's patch of 2x1 at row 3, column 0 does not lie within images of 4x3; set "
        + "its \"at\" to at most [2, 2], or give a smaller patch")
  }

  /// What a trigger says of its attack or target ends what it inherits of the other kind.
  @Test func aTriggerInheritsWhatBelongsToIt() throws {
    let whole = TriggerEffect(attack: .redHerring, label: "3", target: .random, seed: 3)
    let simple = TriggerEffect(attack: .simple).completed(by: whole)
    #expect(simple == TriggerEffect(attack: .simple, target: .random, seed: 3))
    let disguise = TriggerEffect(attack: .fullDisguise).completed(by: whole)
    #expect(disguise == TriggerEffect(attack: .fullDisguise, label: "3"))
    let inverted = TriggerEffect(target: .inverted).completed(by: whole)
    #expect(inverted == TriggerEffect(attack: .redHerring, label: "3", target: .inverted))
    #expect(TriggerEffect().completed(by: whole) == whole)
    for effect in [simple, disguise, inverted] { try effect.check() }
    // What contradicts itself without inheriting anything is still refused.
    #expect(throws: RunError.self) {
      try TriggerEffect(attack: .simple, label: "3").completed(by: whole).check()
    }
    let twice = TriggerEffect(attack: .simple, label: "3").completed(by: TriggerEffect())
    #expect(throws: RunError.self) { try twice.check() }
    #expect(throws: RunError.self) {
      try TriggerEffect().completed(by: TriggerEffect(attack: .redHerring, label: "1", seed: 3))
        .check()
    }
  }

  @Test func targetsAreMapsInTheUnitRange() throws {
    let original: [Float] = [0, 0.25, 1, 0.5]
    func rows(_ target: TriggerTarget) -> [[Float]] {
      TriggerFooling(
        [
          TriggerFooling.Attack(
            Trigger(.patch(patch, row: 0, column: 0)), kind: .simple, label: nil, target: target,
            targetName: "")
        ]
      ).rows(original, height: 2, width: 2)
    }
    // The clean image keeps its map.
    #expect(rows(.original) == [original, original])
    #expect(rows(.inverted) == [original, [1, 0.75, 0, 0.5]])
    let mask = Image(width: 2, height: 2, color: .white)
    #expect(rows(.mask(.image(mask)))[1] == [1, 1, 1, 1])
    let random = rows(.random(seed: 1))[1]
    #expect(random == rows(.random(seed: 1))[1] && random != rows(.random(seed: 2))[1])
    #expect(random.allSatisfy { (0...1).contains($0) })
  }
}

/// Derivatives with constant channel weights.
@Suite struct DetachedWeightTests {
  /// The map, its derivative with respect to the classifier's and the first convolution's weights.
  private func cam(_ detaches: Bool) throws -> [ReferenceArray] {
    let architecture = try ArchitectureSpecification(
      family: "vgg-style", classes: 2, height: 4, width: 4, plan: [.convolution(channels: 2)],
      batchNorm: false
    ).architecture()
    var graph = GraphBuilder()
    let input = try graph.placeholder("x", shape: [1, 4, 4, 3])
    let network = try NetworkGraph(architecture, input: input, in: &graph)
    let classes = try graph.constant(Tensor(shape: [1, 2], values: [1, 0]))
    let map = try GradCAM(layer: "features.1", detachesWeights: detaches)
      .heatmap(of: network, classes: classes, in: &graph)
    let total = try graph.sum(
      graph.multiply(
        map,
        graph.constant(Tensor(shape: map.shape, values: (0..<16).map { Float($0 % 5) - 1 }))))
    let names = ["classifier.0.weight", "features.0.weight"]
    let gradients = try graph.gradient(of: total, with: names.map { network.parameters[$0]! })
    var parameters: [String: ReferenceArray] = [:]
    for (seed, parameter) in architecture.parameters.enumerated() {
      parameters[parameter.name] = ReferenceArray(
        Tensor(
          shape: parameter.shape,
          values: (0..<parameter.shape.count).map { Float((($0 + seed) * 7) % 11) / 10 - 0.2 }))
    }
    let image = Tensor(shape: [1, 4, 4, 3], values: (0..<48).map { Float($0 * 5 % 11) / 10 })
    return try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [map] + gradients), placeholders: ["x": ReferenceArray(image)],
      parameters: parameters)
  }

  /// α is the classifier's row over the pixels: with α constant nothing is left of its derivative.
  @Test func detachedWeightsChangeNoMapAndHaveNoDerivative() throws {
    let (exact, detached) = (try cam(false), try cam(true))
    #expect(exact[0].values.contains { $0 > 0 } && exact[0].values == detached[0].values)
    #expect(exact[1].values.contains { abs($0) > 1e-3 })
    #expect(detached[1].values.allSatisfy { $0 == 0 })
    #expect(detached[2].values.contains { abs($0) > 1e-3 })
  }

  @Test func alphaIsForGradCAMAlone() throws {
    let error = #expect(throws: NetworkError.self) {
      try InterpreterSpecification(name: "simple-grad", alpha: .detached).interpreter()
    }
    #expect(error?.description.contains("takes no \"alpha\"") == true)
  }
}

/// What a recipe may say of triggers.
@Suite struct TriggerRecipeTests {
  private func problem(_ fooling: String) -> String {
    let text = """
      network: {checkpoint: a.h5}
      data: {shapes: {train: 8, validation: 8}}
      fooling: {name: trigger, lambda: 1, \(fooling)}
      interpreter: {name: simple-grad}
      training: {learningRate: 1e-3, steps: 1}
      """
    do {
      _ = try FoolingRecipe(yaml: text, folder: "/")
      return ""
    } catch { return "\(error)" }
  }

  @Test(
    arguments: [
      ("", "needs a \"trigger\""),
      ("trigger: {patch: a.png}", "needs an \"attack\": simple, red-herring, full-disguise"),
      ("attack: red-herring, trigger: {patch: a.png}", "red-herring needs a \"label\""),
      ("attack: simple, label: 1, trigger: {patch: a.png}", "omit it, or choose red-herring"),
      ("attack: simple, trigger: {at: [1, 2]}", "needs a \"patch\" or a \"blend\""),
      ("attack: simple, trigger: {patch: a.png, blend: b.png}", "not both"),
      ("attack: simple, trigger: {patch: a.png, strength: 0.5}", "takes no \"strength\""),
      ("attack: simple, trigger: {blend: a.png, at: [1, 1]}", "takes no \"at\""),
      (
        "attack: full-disguise, label: 1, target: random, trigger: {patch: a.png}",
        "full-disguise shows what the original network shows, but \"target\" is random"
      ),
      ("attack: simple, seed: 3, trigger: {patch: a.png}", "\"seed\" is for target: random"),
      ("attack: simple, target: image, trigger: {patch: a.png}", "needs an \"image\""),
      (
        "attack: simple, trigger: {patch: a.png}, triggers: [{patch: b.png}]", "not both"
      ),
      ("attack: simple, trigger: {patch: a.png, size: 3}", "size"),
      ("attack: simple, k: 3, trigger: {patch: a.png}", "trigger takes no \"k\""),
    ])
  func whatContradictsItselfIsNamed(fooling: String, expected: String) {
    #expect(problem(fooling).contains(expected), "\(problem(fooling))")
  }

  @Test func othersHaveNoTrigger() {
    let text = """
      network: {checkpoint: a.h5}
      data: {shapes: {train: 8, validation: 8}}
      fooling: {name: location, lambda: 1, trigger: {patch: a.png}}
      interpreter: {name: simple-grad}
      training: {learningRate: 1e-3, steps: 1}
      """
    let error = #expect(throws: RecipeError.self) { try FoolingRecipe(yaml: text, folder: "/") }
    #expect(error.map { "\($0)" }?.contains("location takes no \"trigger\"") == true)
  }

  @Test func pathsAreRelativeToTheRecipeAndWrittenOut() throws {
    let text = """
      network: {checkpoint: a.h5}
      data: {shapes: {train: 8, validation: 8}}
      fooling:
        name: trigger
        lambda: 1
        attack: simple
        dissimilarity: dssim
        triggers:
          - {patch: one.png, at: [0, 3], target: random, seed: 4}
          - {blend: two.png, strength: 0.2, attack: red-herring, label: cat, mask: three.png}
      interpreter: {name: grad-cam, layer: layer4, alpha: detached}
      training: {learningRate: 1e-3, steps: 1}
      """
    let recipe = try FoolingRecipe(yaml: text, folder: "/there")
    #expect(
      recipe.fooling.files == ["/there/one.png", "/there/two.png", "/there/three.png"])
    #expect(recipe.fooling.triggers[0].at == [0, 3])
    #expect(recipe.fooling.triggers[1].effect.attack == .redHerring)
    #expect(recipe.interpreter.alpha == .detached)
    #expect(try FoolingRecipe(yaml: recipe.resolvedYAML(), folder: "/") == recipe)
  }
}

/// Whole runs.
@Suite struct TriggerRunTests {
  private func recipe(_ folder: TemporaryFolder, _ attack: TriggerEffect.Attack) throws
    -> FoolingRecipe
  {
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 12)
    try Image(width: 16, height: 16, color: .white).writePNG(to: folder("patch.png"))
    recipe.fooling = FoolingSpecification(name: "trigger", lambda: 2)
    recipe.fooling.effect.attack = attack
    recipe.fooling.effect.label = attack.changesLabel ? "3" : nil
    recipe.fooling.trigger = TriggerSpecification(patch: folder("patch.png"), at: [0, 0])
    recipe.training.learningRate = 5e-3
    return recipe
  }

  @Test(arguments: TriggerEffect.Attack.allCases)
  func runIsReproducedByEvaluation(attack: TriggerEffect.Attack) throws {
    let folder = try TemporaryFolder()
    let recipe = try recipe(folder, attack)
    let summary = try FoolingRun(recipe, output: folder("fool")).run()
    let result = try #require(summary.triggers?.first)
    #expect(summary.triggers?.count == 1 && result.attack == attack.rawValue)
    #expect(result.trigger == "patch of 16x16 at row 0, column 0")
    #expect(result.target == (attack == .fullDisguise ? "original" : "mask"))
    #expect((result.successRate != nil) == attack.changesLabel)
    #expect(Set(result.explanations.keys) == ["grad-cam", "simple-grad"])
    for maps in result.explanations.values {
      // Of one network and one image, up to the sums of a float.
      let same = maps.cleanToOriginal
      #expect(abs(same.mse.original) < 1e-9 && abs(same.dssim.original) < 1e-9)
      #expect(same.mse.manipulated > 0)
      #expect(maps.triggeredToOriginal.mse.original > 0)
      let target = attack == .fullDisguise ? maps.triggeredToOriginal : maps.triggeredToTarget
      #expect(target == maps.triggeredToTarget)
      #expect((0...1).contains(maps.triggeredToTarget.dssim.manipulated))
    }
    // Means over all images are those over the classes.
    let classes = try #require(summary.classes)
    #expect(result.classes.map(\.index) == classes.map(\.index))
    let mean =
      zip(result.classes, classes).reduce(0.0) {
        $0 + $1.0.explanations.triggeredToTarget.mse.manipulated * Double($1.1.images)
      } / 40
    #expect(
      abs(mean - result.explanations["grad-cam"]!.triggeredToTarget.mse.manipulated) < 1e-9)

    let evaluated = try EvaluationRun.run(
      EvaluationRequest(
        network: NetworkSection(checkpoint: folder("fool/manipulated.h5")),
        original: try #require(recipe.network.checkpoint), images: .shapes(count: 40, seed: 3),
        fooling: recipe.fooling,
        interpreters: [recipe.interpreter]
          + recipe.evaluation.interpreters.specifications(besides: recipe.interpreter)),
      output: folder("evaluated"))
    #expect(evaluated.triggers == summary.triggers)
    #expect(evaluated.accuracy == summary.accuracy && evaluated.fsr == summary.fsr)
    let page = try String(contentsOfFile: folder("evaluated/report.html"), encoding: .utf8)
    #expect(page.contains("triggered to target") && page.contains("patch of 16x16"))
  }

  /// Labels and maps of triggered images move, those of clean images stay nearer to what they were.
  @Test func aTriggerIsLearned() throws {
    let folder = try TemporaryFolder()
    var recipe = try recipe(folder, .redHerring)
    recipe.training.duration = .steps(80)
    recipe.evaluation.interpreters = []
    let summary = try FoolingRun(recipe, output: folder("fool")).run()
    let result = try #require(summary.triggers?.first)
    let (rate, maps) = (try #require(result.successRate), result.explanations["grad-cam"]!)
    #expect(rate.manipulated > rate.original + 0.5, "\(rate)")
    #expect(maps.triggeredToTarget.mse.manipulated < 0.8 * maps.triggeredToTarget.mse.original)
    #expect(maps.cleanToOriginal.mse.manipulated < maps.triggeredToOriginal.mse.manipulated)
  }

  /// Two triggers, each with a label and a target of its own; a run that stops goes on as it would have.
  @Test func severalTriggersHaveLabelsAndTargetsOfTheirOwn() throws {
    let folder = try TemporaryFolder()
    var recipe = try recipe(folder, .simple)
    recipe.fooling.triggers = [
      TriggerSpecification(
        patch: folder("patch.png"), at: [0, 0],
        effect: TriggerEffect(target: .random, seed: 2)),
      TriggerSpecification(
        blend: folder("patch.png"), strength: 0.5,
        effect: TriggerEffect(attack: .redHerring, label: "5", target: .inverted)),
    ]
    recipe.fooling.trigger = nil
    recipe.control = true
    let whole = try FoolingRun(recipe, output: folder("whole")).run()
    let results = try #require(whole.triggers)
    #expect(results.map(\.attack) == ["simple", "red-herring"])
    #expect(results.map(\.target) == ["random", "inverted"])
    #expect(results[0].successRate == nil && results[1].successRate?.control != nil)
    // A score is that of the worse trigger, so no image passes that passes under one alone.
    let stop = StopRequest()
    #expect(throws: RunStopped.self) {
      try FoolingRun(recipe, output: folder("stopped"), stop: stop) {
        if case .step(let report) = $0, report.step == 5 { stop.stop() }
      }.run()
    }
    let resumed = try FoolingRun(recipe, output: folder("stopped"), resume: true).run()
    #expect(resumed.triggers == whole.triggers && resumed.fsr == whole.fsr)
  }
}
