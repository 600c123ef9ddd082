import Checkpoints
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import TensorRuntime
import Testing

/// Recipes with random choices of everything.
private struct RecipeGenerator {
  private var random: RandomGenerator

  init(seed: UInt64) { random = RandomGenerator(seed: seed) }

  private mutating func flip() -> Bool { random.integer(below: 2) == 0 }
  private mutating func number(_ range: ClosedRange<Double>) -> Double { random.uniform(in: range) }
  private mutating func single(_ range: ClosedRange<Double>) -> Float { Float(number(range)) }
  private mutating func count(_ largest: Int) -> Int { 1 + random.integer(below: largest) }
  private mutating func maybe<Value>(_ value: Value) -> Value? {
    flip() ? value : nil
  }
  private mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[random.integer(below: elements.count)]
  }

  /// Names that YAML would take for something else.
  private mutating func name() -> String {
    pick([
      "a", "null", "~", "no", "true", "1", "1.5e3", "- x", "[a]", "{b: c}", "a: b", "# not", "*x",
      "&x", "!t", "%", "@", "`", "'", "\"", "\\", " lead", "trail ", "tab\t", "line\nbreak", "ü",
      "日本", "👍", "\u{7}", "\u{2028}", "=", "<<", "?", "|", ">", "-", ".", "..",
    ]) + pick(["", "x", " y"])
  }

  private mutating func interpreter() -> InterpreterSpecification {
    pick([
      InterpreterSpecification(name: "simple-grad"),
      InterpreterSpecification(name: "grad-cam", layer: name(), leak: maybe(number(0.1...1))),
      InterpreterSpecification(
        name: "lrp-t", layer: name(), composite: maybe(.heo), batchNorm: maybe(.merged)),
      InterpreterSpecification(
        name: "smooth-grad", samples: maybe(count(99)), sigma: maybe(number(0.1...1)),
        sigmaUnit: maybe(.range), seed: maybe(random.next())),
      InterpreterSpecification(
        name: "uni-grad", radius: maybe(number(0.01...1)), standardDeviation: maybe([0.2, 0.3, 1])),
      InterpreterSpecification(name: "integrated-gradients", steps: maybe(count(99))),
    ])
  }

  private mutating func network() -> NetworkSection {
    let size = ImageSize(width: 32 + count(64), height: 32 + count(64))
    let resize: Preprocessing.Resize = pick([
      .none, .exact(width: size.width, height: size.height),
      .shorterSide(length: max(size.width, size.height)),
    ])
    let preprocessing = Preprocessing(
      resize: resize, centerCrop: maybe(size), channelOrder: pick([.rgb, .bgr]),
      mean: (0..<3).map { _ in single(-1...1) },
      standardDeviation: (0..<3).map { _ in single(0.1...1) })
    let classes = count(9)
    var architecture = pick([
      ArchitectureSpecification(family: "resnet18", classes: classes, height: 64, width: 96),
      ArchitectureSpecification(
        family: "vgg-style", classes: classes, height: 32, width: 32,
        plan: [.convolution(channels: count(99)), .pool, .convolution(channels: 3)],
        batchNorm: flip(), classifier: maybe([count(9), 3])),
      ArchitectureSpecification(
        family: "resnet-style", classes: classes, height: 32, width: 32, widths: [4, count(9)],
        blocks: [1, count(3)]),
    ])
    if flip(), let graph = try? architecture.architecture() {
      architecture = ArchitectureSpecification(
        family: "graph", classes: classes, height: architecture.height,
        width: architecture.width, graph: graph)
    }
    return NetworkSection(
      checkpoint: "/" + name(), architecture: maybe(architecture),
      preprocessing: maybe(preprocessing), classNames: maybe(["first", name() + "."]))
  }

  /// Composites are read where a fooling has a use for them.
  private mutating func data(for fooling: FoolingSpecification? = nil) -> DataSection {
    let augmentation = pick([
      Augmentation.none, .flip,
      .padAndCrop(random.integer(below: 9), flipProbability: number(0...1)),
      .randomResizedCrop(scale: number(0.1...0.5)...number(0.6...1), ratio: 0.5...number(1...3)),
      Augmentation(crop: .none, flipProbability: number(0...1)),
    ])
    return DataSection(
      source: flip()
        ? .folders(train: "/" + name(), validation: "/" + name())
        : .shapes(train: count(999), validation: count(999), seed: random.next()),
      augmentation: augmentation,
      composites: fooling?.name != "active"
        ? .paper
        : pick([
          .paper, .folders(train: "/" + name(), validation: "/" + name()),
          .tiles(train: count(99), validation: count(99), seed: random.next()),
        ]), threads: maybe(count(64)))
  }

  private mutating func fooling() -> FoolingSpecification {
    let threshold = maybe(number(0...1))
    return pick([
      FoolingSpecification(
        name: "location", lambda: number(0...9), frameWidth: maybe(count(9)), threshold: threshold),
      FoolingSpecification(
        name: "location", lambda: number(0...9), mask: "/" + name(), threshold: threshold),
      FoolingSpecification(
        name: "top-k", lambda: number(0...9), variant: pick([.paper, .released]),
        k: maybe(number(1...100)), threshold: threshold),
      FoolingSpecification(name: "center-mass", lambda: number(0...9), threshold: threshold),
      FoolingSpecification(
        name: "active", lambda: number(0...9), variant: pick([.paper, .released]),
        classes: ["1", name()], threshold: threshold),
    ])
  }

  private mutating func training() -> TrainingSection {
    TrainingSection(
      optimizer: flip()
        ? .adam(
          beta1: single(0...0.99), beta2: single(0...0.99), epsilon: single(1e-9...1e-3),
          weightDecay: single(0...1))
        : .sgd(momentum: single(0.1...0.9), weightDecay: single(0...1e-3), nesterov: flip()),
      learningRate: number(1e-8...1), schedule: pick(TrainingSection.Schedule.allCases),
      warmupSteps: random.integer(below: 9),
      duration: flip() ? .steps(9 + count(999)) : .epochs(count(99)), batchSize: count(4096),
      seed: random.next(), logEvery: count(99), validateEvery: random.integer(below: 99),
      validateImages: count(999), saveEvery: random.integer(below: 99),
      keepStates: count(99))
  }

  mutating func fooling() -> FoolingRecipe {
    var interpreters = [interpreter(), interpreter()].prefix(random.integer(below: 3))
    if interpreters.count == 2, interpreters[0] == interpreters[1] { interpreters.removeLast() }
    let further: FurtherInterpreters =
      flip() ? .these(Array(interpreters)) : .transfer(pick(TransferInterpreters.allCases))
    let fooling: FoolingSpecification = self.fooling()
    return FoolingRecipe(
      network: network(), data: data(for: fooling), fooling: fooling, control: flip(),
      interpreter: interpreter(), training: training(),
      evaluation: EvaluationSection(
        batchSize: count(4096), interpreters: further,
        grid: pick([.fooled, .own, .side(1 + count(99))])),
      compute: ComputeSection(
        threads: maybe(count(64)), kernels: flip() ? .own : .onednn,
        precision: pick([.float32, .bfloat16]),
        memory: pick(ComputeSection.Memory.allCases), samplesAtOnce: maybe(count(99)),
        isDeterministic: maybe(flip())),
      output: OutputSection(
        layout: maybe(pick(CheckpointLayout.allCases)), tensorboard: pick([false, true])))
  }

  mutating func classifier() -> TrainingRecipe {
    TrainingRecipe(
      network: network(), data: data(), training: training(),
      evaluation: EvaluationSection(batchSize: count(64)))
  }
}

@Suite struct RecipeWritingTests {
  @Test func resolvedRecipesReadBackEqual() throws {
    var generator = RecipeGenerator(seed: 1)
    for _ in 0..<100 {
      let recipe = generator.fooling()
      let text = recipe.resolvedYAML()
      let again = try FoolingRecipe(yaml: text, folder: "/elsewhere")
      #expect(again == recipe, "\(text)")
      #expect(again.resolvedYAML() == text)
      let classifier = generator.classifier()
      #expect(
        try TrainingRecipe(yaml: classifier.resolvedYAML(), folder: "/elsewhere") == classifier)
    }
  }

  @Test func everyDefaultIsWrittenOut() {
    let recipe = FoolingRecipe(
      network: NetworkSection(checkpoint: "/n.h5", preprocessing: Preprocessing()),
      data: DataSection(source: .shapes(train: 20, validation: 10, seed: 3)),
      fooling: FoolingSpecification(name: "location", lambda: 4),
      interpreter: InterpreterSpecification(name: "grad-cam", layer: "layer4"),
      training: TrainingSection(learningRate: 5e-5, duration: .steps(500)),
      evaluation: EvaluationSection(interpreters: [.init(name: "simple-grad")]))
    #expect(
      recipe.resolvedYAML() == """
        network:
          checkpoint: /n.h5
          preprocessing:
            resize: none
            channelOrder: rgb
            mean: [0.485, 0.456, 0.406]
            standardDeviation: [0.229, 0.224, 0.225]
        data:
          shapes:
            train: 20
            validation: 10
            seed: 3
          augmentation: none
        fooling:
          name: location
          lambda: 4.0
          variant: paper
        control: false
        interpreter:
          name: grad-cam
          layer: layer4
        training:
          optimizer: adam
          learningRate: 5.0e-05
          weightDecay: 0.0
          beta1: 0.9
          beta2: 0.999
          epsilon: 1.0e-08
          schedule: constant
          warmupSteps: 0
          steps: 500
          batchSize: 8
          seed: 0
          logEvery: 10
          validateEvery: 0
          validateImages: 500
          saveEvery: 200
          keepStates: 2
        evaluation:
          batchSize: 16
          interpreters: [{name: simple-grad}]
          grid: fooled
        report:
          images: 48
        compute:
          kernels: own
          precision: fp32
          memory: normal
        output:
          tensorboard: false

        """)
  }

  /// `docs/recipes.md` lists every key with its type, range, default and meaning.
  @Test func theManualListsEveryKey() throws {
    let manual = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../docs/recipes.md")
    let rows = try String(contentsOf: manual, encoding: .utf8).split(separator: "\n")
      .filter { $0.hasPrefix("| `") }.map(String.init)
    #expect(rows == RecipeKeys.all.map(\.markdownRow))
  }

  /// The manual's own examples are recipes.
  @Test func theManualsExamplesAreRecipes() throws {
    let manual = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../docs/recipes.md")
    let parts = try String(contentsOf: manual, encoding: .utf8).components(separatedBy: "```")
    let examples = parts.filter { $0.hasPrefix("yaml\nnetwork:") }
      .map { String($0.dropFirst("yaml\n".count)) }
    #expect(examples.count == 6)
    _ = try FoolingRecipe(yaml: examples[0], folder: "/")
    _ = try TrainingRecipe(yaml: examples[1], folder: "/")
    _ = try AttackRecipe(yaml: examples[2], folder: "/")
    _ = try InfluenceRecipe(yaml: examples[3], folder: "/")
    _ = try StudyRecipe(yaml: examples[4], folder: "/")
    #expect(try FoolingRecipe(yaml: examples[5], folder: "/").budget?.minutes == 20)
  }
}
