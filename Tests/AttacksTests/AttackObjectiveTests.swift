import Attacks
import Explanations
import Networks
import Pictures
import TensorGraph
import TensorReference
import Testing

/// What attacks raise, by hand and by its derivative in the image.
@Suite struct AttackObjectiveTests {
  private func map(_ height: Int, _ width: Int, _ values: [Float]) -> Heatmap {
    Heatmap(height: height, width: width, values: values)
  }

  /// Logits 1, 2, 4, and the map of ones as the target.
  private func start(_ clean: Heatmap) -> AttackStart {
    AttackStart(
      relevance: clean, logits: [1, 2, 4],
      target: map(clean.height, clean.width, clean.values.map { _ in 1 }))
  }

  private func specification(_ methods: String...) -> AttackSpecification {
    AttackSpecification(
      methods: methods, k: 2, region: methods.contains("targeted") ? [0, 0, 0.5, 0.5] : nil)
  }

  /// D of relevance maps, computed by the reference evaluator.
  private func value(
    _ objective: any AttackObjective, of maps: [Heatmap], clean: [Heatmap]
  ) throws -> Double? {
    var graph = GraphBuilder()
    let shape: Shape = [maps.count, maps[0].height, maps[0].width]
    let relevance = try graph.placeholder("maps", shape: shape)
    let logits = try graph.placeholder("logits", shape: [maps.count, 3])
    let size = objective.referenceShape(height: shape[1], width: shape[2], classes: 3)
    let reference = try size.map {
      try graph.placeholder("reference", shape: Shape([maps.count] + $0.dimensions))
    }
    guard
      let value = try objective.objective(
        of: relevance, logits: { _ in logits }, reference: reference, in: &graph)
    else { return nil }
    var placeholders = [
      "maps": ReferenceArray(shape: shape, values: maps.flatMap { $0.values.map(Double.init) }),
      "logits": ReferenceArray(repeating: 2, shape: [maps.count, 3]),
    ]
    placeholders["reference"] = size.map {
      ReferenceArray(
        shape: Shape([maps.count] + $0.dimensions),
        values: clean.flatMap { objective.reference(of: start($0)).map(Double.init) })
    }
    let finished = graph.graph(outputs: [value])
    return try ReferenceEvaluator.evaluate(finished, placeholders: placeholders)[0].values[0]
  }

  @Test func objectivesByHand() throws {
    let clean = map(2, 3, [3, 0, 0, 2, 1, 0])
    let after = map(2, 3, [0, 1, 2, 0.5, 0, 2.5])
    let objectives = try specification("random-sign", "top-k", "mass-center", "targeted")
      .objectives(height: 2, width: 3)
    #expect(objectives.map(\.name) == ["random-sign", "top-k", "mass-center", "targeted"])
    #expect(try value(objectives[0], of: [after], clean: [clean]) == nil)
    // The top two are the pixels 0 and 3.
    #expect(try value(objectives[1], of: [after], clean: [clean]) == -0.5)
    #expect(try value(objectives[1], of: [after, clean], clean: [clean, clean]) == -5.5)
    #expect(objectives[1].progress(of: after, from: start(clean)) == 1)
    // Centers: clean (3/6, 1/6), cut off (0, 0); after (3/6, 10/6).
    let distance = 0.25 + 100.0 / 36
    let found = try #require(try value(objectives[2], of: [after], clean: [clean]))
    // The mass is stabilised by 1e-12.
    #expect(abs(found - distance) < 1e-11)
    #expect(abs(objectives[2].progress(of: after, from: start(clean)) - 1.5) < 1e-6)
    // The upper row, and of its columns those whose middles lie in the left half: the first alone.
    #expect(try value(objectives[3], of: [clean], clean: [clean]) == 3)
    #expect(abs(objectives[3].progress(of: clean, from: start(after)) - 0.5) < 1e-6)
    // Differences to ones: 2, 1, 1, 1, 0, 1; of the logits 1, 0, 2.
    let target = TargetMap(logitWeight: 0.3)
    let distance2 = try #require(try value(target, of: [clean], clean: [clean]))
    #expect(abs(distance2 + 8.0 / 6 + 0.3 * 5 / 3) < 1e-9)
    #expect(abs(target.progress(of: clean, from: start(clean)) + 8.0 / 6) < 1e-9)
  }

  /// A whole number would be the minimum of the distance, where nothing points away.
  @Test func massCenterNeverStartsAtItsOwnMinimum() {
    let objective = MassCenter()
    #expect(objective.reference(of: start(map(3, 3, [0, 0, 0, 0, 1, 0, 0, 0, 0]))) == [0, 0])
    #expect(objective.reference(of: start(map(2, 2, [1, 0, 0, 0]))) == [-1, -1])
    #expect(objective.reference(of: start(map(2, 2, [1, 0, 1, 0]))) == [0, -1])
  }

  @Test func relevanceIsOneOnTheAverage() throws {
    let relevance = map(1, 4, [1, -3, 0, .nan]).relevance
    #expect(relevance.values == [1, 3, 0, 0])
    #expect(map(1, 2, [0, 0]).relevance.values == [0, 0])
    var graph = GraphBuilder()
    let maps = try graph.placeholder("maps", shape: [2, 1, 3])
    let value = try graph.relevance(of: maps)
    let finished = graph.graph(outputs: [value])
    let found = try ReferenceEvaluator.evaluate(
      finished,
      placeholders: [
        "maps": ReferenceArray(shape: [2, 1, 3], values: [2, -1, 1, 0, 0, 0])
      ])[0].values
    #expect(zip(found, [1.5, 0.75, 0.75, 0, 0, 0]).allSatisfy { abs($0 - $1) < 1e-9 })
  }

  // MARK: Derivatives

  private static let subjects: [(String, InterpreterSpecification)] = [
    "top-k", "mass-center", "targeted", "target-map",
  ].flatMap { method in
    [
      InterpreterSpecification(name: "simple-grad"),
      InterpreterSpecification(name: "integrated-gradients", steps: 3),
      InterpreterSpecification(name: "deep-lift"),
      InterpreterSpecification(name: "grad-cam", layer: "layer1"),
    ].map { (method, $0) }
  }

  /// With β = 4 the smallest curvature of a softplus that matters is of order 1, so central differences
  /// with a step of 1e-5 are exact to about 1e-8.
  @Test(arguments: subjects)
  func directionIsTheDerivativeInTheImage(
    method: String, interpreter specification: InterpreterSpecification
  ) throws {
    let architecture = try ArchitectureSpecification(
      family: "resnet-style", classes: 3, height: 6, width: 6, channels: 2, widths: [3, 4],
      blocks: [1, 1]
    ).architecture()
    let interpreter = try specification.interpreter()
    var graph = GraphBuilder()
    let images = try graph.placeholder("images", shape: [2, 6, 6, 2])
    let beta = try graph.placeholder("beta", shape: .scalar)
    let network = try NetworkGraph(
      architecture, input: images, keeping: interpreter.keptActivations,
      rectifier: .softplus(beta: beta), in: &graph)
    let classes = try graph.placeholder("classes", shape: [2, 3])
    let heatmap = try interpreter.heatmap(of: network, classes: classes, in: &graph)
    let relevance = try graph.relevance(of: heatmap)
    let (height, width) = (relevance.shape[1], relevance.shape[2])
    let objective = try self.specification(method).objectives(height: height, width: width)[0]
    let size = objective.referenceShape(height: height, width: width, classes: 3) ?? Shape([1])
    let reference = try graph.placeholder("reference", shape: Shape([2] + size.dimensions))
    let target = try #require(
      try objective.objective(
        of: relevance, logits: { _ in network.logits }, reference: reference, in: &graph))
    let derivative = try graph.gradient(of: target, with: [images])[0]
    let program = graph.graph(outputs: [target, derivative, relevance])

    var numbers = SmallNumbers(seed: 5)
    var parameters: [String: ReferenceArray] = [:]
    for parameter in architecture.parameters {
      parameters[parameter.name] = numbers.array(
        parameter.shape, scale: 0.5,
        offset: [.gamma, .runningVariance].contains(parameter.role) ? 1 : 0)
    }
    var placeholders = [
      "images": numbers.array([2, 6, 6, 2]), "beta": ReferenceArray(4),
      "classes": ReferenceArray(shape: [2, 3], values: [1, 0, 0, 0, 0, 1]),
      "reference": ReferenceArray(repeating: 0, shape: Shape([2] + size.dimensions)),
    ]
    let clean = try ReferenceEvaluator.evaluate(
      program, placeholders: placeholders, parameters: parameters)[2]
    if objective.referenceShape(height: height, width: width, classes: 3) != nil {
      let pixels = height * width
      placeholders["reference"]!.values = (0..<2).flatMap { image in
        objective.reference(
          of: start(
            Heatmap(
              height: height, width: width,
              values: clean.values[image * pixels..<(image + 1) * pixels].map { Float($0) }))
        ).map(Double.init)
      }
    }
    let found = try ReferenceEvaluator.evaluate(
      program, placeholders: placeholders, parameters: parameters)[1]
    let expected = try FiniteDifferences.gradient(
      of: program, with: .placeholder("images"), placeholders: placeholders,
      parameters: parameters)
    let scale = expected.values.map(abs).max() ?? 0
    #expect(scale > 1e-4, "nothing depends on the image")
    for (a, b) in zip(found.values, expected.values) {
      #expect(abs(a - b) <= 1e-5 * scale, "\(method) of \(specification.name): \(a) and \(b)")
    }
  }

  // MARK: Errors

  private func complaint(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return ""
  }

  @Test func whatCannotBeAttackedIsSaid() {
    #expect(
      complaint { try AttackSpecification(methods: ["topk"]).check() }
        .hasPrefix("unknown attack \"topk\": did you mean \"top-k\""))
    #expect(
      complaint { try AttackSpecification(methods: ["top-k", "top-k"]).check() }
        == "\"top-k\" is given twice")
    #expect(
      complaint { try AttackSpecification(methods: ["targeted"]).check() }
        .hasPrefix("targeted needs attack.region"))
    #expect(
      complaint { try AttackSpecification(methods: ["top-k"], region: [0, 0, 1, 1]).check() }
        == "attack.region is for targeted, which is not among attack.methods")
    #expect(
      complaint { try AttackSpecification(methods: ["top-k"], logitWeight: 1).check() }
        == "attack.logitWeight is for target-map, which is not among attack.methods")
    #expect(
      complaint { try AttackSpecification(methods: ["target-map"], images: 1).check() }
        .contains("attack at least 2 images"))
    let thin = AttackSpecification(methods: ["targeted"], region: [0, 0, 0.05, 1])
    #expect(
      complaint { _ = try thin.objectives(height: 7, width: 7) }
        == "attack.region [0.0, 0.0, 0.05, 1.0] holds the middle of no pixel of the 7×7 heatmap; "
        + "give a larger one")
    let backwards = AttackSpecification(methods: ["targeted"], region: [0.5, 0, 0.2, 1])
    #expect(complaint { try backwards.check() }.contains("with left < right and top < bottom"))
  }

  @Test func topPixelsAreThePapersShare() {
    let specification = AttackSpecification(methods: ["top-k"])
    #expect(specification.topK(height: 227, width: 227) == 1000)
    #expect(specification.topK(height: 160, width: 160) == 497)
    #expect(specification.topK(height: 5, width: 5) == 1)
    #expect(AttackSpecification(methods: ["top-k"], k: 99).topK(height: 5, width: 5) == 25)
  }
}

/// Numbers in [-1, 1) that are the same in every run.
private struct SmallNumbers {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) * 0x1p-52 - 1
  }

  mutating func array(_ shape: Shape, scale: Double = 1, offset: Double = 0) -> ReferenceArray {
    ReferenceArray(shape: shape, values: (0..<shape.count).map { _ in offset + scale * next() })
  }
}
