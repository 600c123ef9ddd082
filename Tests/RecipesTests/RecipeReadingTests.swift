import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import TensorRuntime
import Testing

@Suite struct RecipeReadingTests {
  /// Short of everything that has a default.
  static let smallestText = """
    network:
      checkpoint: ../checkpoints/net.h5
    data: {train: images/train, validation: /images/val}
    fooling: {name: location, lambda: 4}
    interpreter: {name: grad-cam, layer: layer4}
    training:
      learningRate: 5e-5
      steps: 500
    """

  func read(_ yaml: String, _ settings: [String] = []) throws -> FoolingRecipe {
    try FoolingRecipe(yaml: yaml, name: "r.yaml", folder: "/home/me/recipes", settings: settings)
  }

  /// What reading complains about; "" if it does not.
  func complaint(_ yaml: String, _ settings: [String] = []) -> String {
    do {
      _ = try read(yaml, settings)
      return ""
    } catch { return "\(error)" }
  }

  var smallest: String { Self.smallestText }

  /// `smallest` with one piece of text replaced.
  func smallest(_ old: String, _ new: String) -> String {
    precondition(smallest.contains(old), "\(old) is not in the recipe")
    return smallest.replacingOccurrences(of: old, with: new)
  }

  /// What a manipulation is measured by, asked for in a word.
  @Test func interpretersInAWord() throws {
    func measured(_ yaml: String, _ settings: [String] = []) throws -> [InterpreterSpecification] {
      let recipe = try read(yaml, settings)
      return recipe.evaluation.interpreters.specifications(besides: recipe.interpreter)
    }
    let single = try measured(smallest, ["evaluation.interpreters=single-pass"])
    #expect(try measured(smallest) == single)
    #expect(try measured(smallest, ["evaluation.interpreters=[]"]) == [])
    let layered = InterpreterSpecification(name: "lrp-t", layer: "layer4")
    #expect(single.contains(layered) && single.contains(.init(name: "simple-grad")))
    #expect(!single.contains { $0.name == "grad-cam" || $0.name == "smooth-grad" })
    let all = try measured(smallest, ["evaluation.interpreters=all"])
    // Neither the fooled one nor a mean of several, which says nothing without being told of which.
    #expect(all.count == InterpreterKind.all.count - 2)
    #expect(!all.contains { $0.name == "aggregate" })
    #expect(Set(single).isSubset(of: Set(all)))
    #expect(
      complaint(smallest, ["evaluation.interpreters=most"]).contains("expected single-pass, all"))
    let atInput = smallest("{name: grad-cam, layer: layer4}", "{name: simple-grad}")
    let others = try measured(atInput, ["evaluation.interpreters=all"])
    #expect(!others.isEmpty && others.allSatisfy { $0.layer == nil })
  }

  @Test func defaultsFillWhatIsLeftOut() throws {
    let expected = FoolingRecipe(
      network: NetworkSection(checkpoint: "/home/me/checkpoints/net.h5"),
      data: DataSection(
        source: .folders(train: "/home/me/recipes/images/train", validation: "/images/val")),
      fooling: FoolingSpecification(name: "location", lambda: 4),
      interpreter: InterpreterSpecification(name: "grad-cam", layer: "layer4"),
      training: TrainingSection(learningRate: 5e-5, duration: .steps(500)))
    #expect(try read(smallest) == expected)
  }

  @Test func everyKeyIsRead() throws {
    let recipe = try read(
      """
      network:
        checkpoint: net.h5
        architecture: {family: vgg-style, classes: 2, plan: [32, M, 64, "M"], batchNorm: false,
          classifier: [16]}
        preprocessing:
          resize: {shorterSide: 40}
          crop: [32, 24]
          mean: [0, 0.5, 1]
          standardDeviation: [1, 2, 0.25]
        classNames: [no, "2"]
      data:
        shapes: {train: 20, validation: 10, seed: 18446744073709551615}
        augmentation: {randomResizedCrop: {scale: [0.5, 1], ratio: [1, 2]}, flip: 0.25}
        threads: 3
      fooling: {name: location, lambda: 0.5, frameWidth: 2, threshold: 0.1}
      interpreter: {name: simple-grad}
      training: {optimizer: sgd, learningRate: 1, weightDecay: 0.1, momentum: 0.5, nesterov: true,
        schedule: cosine, warmupSteps: 3, epochs: 4, batchSize: 5, seed: 6, logEvery: 7,
        validateEvery: 8, validateImages: 9, saveEvery: 10, keepStates: 3}
      evaluation: {batchSize: 11, interpreters: [{name: grad-cam, layer: features.0}]}
      compute: {threads: 12, kernels: onednn}
      output: {layout: keras3}
      """)
    let expected = FoolingRecipe(
      network: NetworkSection(
        checkpoint: "/home/me/recipes/net.h5",
        architecture: ArchitectureSpecification(
          family: "vgg-style", classes: 2, height: 24, width: 32,
          plan: [.convolution(channels: 32), .pool, .convolution(channels: 64), .pool],
          batchNorm: false, classifier: [16]),
        preprocessing: Preprocessing(
          resize: .shorterSide(length: 40), centerCrop: ImageSize(width: 32, height: 24),
          mean: [0, 0.5, 1], standardDeviation: [1, 2, 0.25]),
        classNames: ["no", "2"]),
      data: DataSection(
        source: .shapes(train: 20, validation: 10, seed: .max),
        augmentation: .randomResizedCrop(scale: 0.5...1, ratio: 1...2, flipProbability: 0.25),
        threads: 3),
      fooling: FoolingSpecification(name: "location", lambda: 0.5, frameWidth: 2, threshold: 0.1),
      interpreter: InterpreterSpecification(name: "simple-grad"),
      training: TrainingSection(
        optimizer: .sgd(momentum: 0.5, weightDecay: 0.1, nesterov: true), learningRate: 1,
        schedule: .cosine, warmupSteps: 3, duration: .epochs(4), batchSize: 5, seed: 6,
        logEvery: 7, validateEvery: 8, validateImages: 9, saveEvery: 10, keepStates: 3),
      evaluation: EvaluationSection(
        batchSize: 11, interpreters: [.init(name: "grad-cam", layer: "features.0")]),
      compute: ComputeSection(threads: 12, kernels: .onednn),
      output: OutputSection(layout: .keras3))
    #expect(recipe == expected)
  }

  @Test(arguments: [
    ("none", Augmentation.none), ("flip", .flip), ("{pad: 4}", .padAndCrop(4)),
    ("{pad: 2, flip: 0}", .padAndCrop(2, flipProbability: 0)),
    ("{randomResizedCrop: {}}", .randomResizedCrop()),
    ("{flip: 0.1}", .init(crop: .none, flipProbability: 0.1)),
    ("", Augmentation.none),
  ])
  func augmentationsAreRead(yaml: String, expected: Augmentation) throws {
    let recipe = try read(smallest, ["data.augmentation=\(yaml)"])
    #expect(recipe.data.augmentation == expected)
  }

  @Test(arguments: [
    ("160", Preprocessing.Resize.exact(width: 160, height: 160)),
    ("[160, 120]", .exact(width: 160, height: 120)), ("none", .none),
    ("{shorterSide: 256}", .shorterSide(length: 256)),
  ])
  func resizesAreRead(yaml: String, expected: Preprocessing.Resize) throws {
    let recipe = try read(smallest, ["network.preprocessing.resize=\(yaml)"])
    #expect(recipe.network.preprocessing == Preprocessing(resize: expected))
  }

  @Test func stylesAreReadAndFollowTheFamily() throws {
    let caffe = "network.preprocessing={style: caffe}"
    #expect(
      try read(smallest, [caffe]).network.preprocessing == Preprocessing(style: .caffe))
    let changed = "network.preprocessing={style: caffe, channelOrder: rgb, mean: [0, 0.5, 1]}"
    #expect(
      try read(smallest, [changed]).network.preprocessing
        == Preprocessing(
          mean: [0, 0.5, 1], standardDeviation: Preprocessing.Style.caffe.standardDeviation))
    for (family, style) in [
      ("keras-vgg16", Preprocessing.Style.caffe), ("keras-resnet50", .caffe),
      ("keras-densenet121", .torch), ("vgg16", .torch),
    ] {
      let settings = [
        "network.architecture={family: \(family), classes: 10}", "network.preprocessing.resize=224",
      ]
      #expect(
        try read(smallest, settings).network.preprocessing
          == Preprocessing(resize: .exact(width: 224, height: 224), style: style))
    }
  }

  @Test func sizeOfTheArchitectureFollowsThePreprocessing() throws {
    let family = "network.architecture={family: resnet18, classes: 10}"
    let sized = try read(smallest, [family, "network.preprocessing.resize=[96, 64]"])
    #expect(sized.network.architecture?.height == 64)
    #expect(sized.network.architecture?.width == 96)
    #expect(try read(smallest, [family]).network.architecture?.height == 224)
  }

  // MARK: Settings

  @Test func settingsReplaceAndAdd() throws {
    let recipe = try read(
      smallest,
      ["training.steps=100", "compute.threads=2", "fooling.lambda=1", "fooling.lambda=2"])
    #expect(recipe.training.duration == .steps(100))
    #expect(recipe.compute.threads == 2)
    #expect(recipe.fooling.lambda == 2)
  }

  @Test func aSettingReplacesItsAlternativeInTheFile() throws {
    #expect(try read(smallest, ["training.epochs=3"]).training.duration == .epochs(3))
    #expect(
      try read(smallest, ["data.shapes.train=20"]).data.source
        == .shapes(train: 20, validation: 1000, seed: 1))
  }

  @Test func pathsAmongSettingsCountFromTheCurrentFolder() throws {
    let here = FileManager.default.currentDirectoryPath
    let recipe = try read(smallest, ["network.checkpoint=a/b.h5"])
    #expect(recipe.network.checkpoint == here + "/a/b.h5")
  }

  @Test(arguments: [
    (
      "training.steps=0",
      "--set training.steps=0: training.steps is 0, expected a whole number from 1 to 100000000"
    ),
    (
      "trainin.steps=1",
      "--set trainin.steps=1: unknown key \"trainin\"; did you mean \"training\"?"
    ),
    ("training", "--set training: expected key=value, e.g. --set training.steps=100"),
    ("=1", "--set =1: expected key=value, e.g. --set training.steps=100"),
    ("a..b=1", "--set a..b=1: expected a key such as training.steps before the ="),
    (
      "fooling.lambda=[1",
      "--set fooling.lambda=[1: is not YAML: while parsing a flow sequence, did not find expected ',' or ']'"
    ),
    (
      "fooling.lambda=1e308",
      "--set fooling.lambda=1e308: fooling.lambda is 1e308, expected a number of at least 0 and up to "
        + "3.4e38"
    ),
    (
      "fooling.lambda=",
      "r.yaml:4: fooling.lambda is missing, expected a number of at least 0 and up to 3.4e38"
    ),
  ])
  func settingsAtFaultAreNamed(setting: String, expected: String) {
    #expect(complaint(smallest, [setting]) == expected)
  }
}
