import Checkpoints
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorFiles
import TensorGraph
import TestSupport
import Testing

/// What a file of others does not say, and what it says that cannot be.
@Suite struct StrangersNetworkTests {
  private let size = ImageSize(width: 32, height: 32)

  private func specification(
    channels: Int = 3, classes: Int = 3
  ) -> ArchitectureSpecification {
    ArchitectureSpecification(
      family: "vgg-style", classes: classes, height: 32, width: 32, channels: channels,
      plan: [.convolution(channels: 4), .pool])
  }

  private func error(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)" }
  }

  /// A file that says its architecture and nothing else.
  private func bare(
    _ path: String, _ specification: ArchitectureSpecification, classNames: [String]? = nil
  ) throws {
    let network = try LoadedNetwork(NetworkSection(architecture: specification)) { _ in size }
    var checkpoint = try network.checkpoint()
    checkpoint.metadata.preprocessing = nil
    checkpoint.metadata.classNames = classNames
    try checkpoint.save(to: path)
  }

  @Test func aGuessedNormalisationIsSaidAndStaysOne() throws {
    let folder = try TemporaryFolder()
    try bare(folder("bare.h5"), specification())
    let network = try LoadedNetwork(NetworkSection(checkpoint: folder("bare.h5"))) { _ in size }
    #expect(network.assumesNormalization)
    #expect(network.preprocessing == Preprocessing(style: .torch))
    let note = try #require(network.notes.first)
    #expect(
      note.contains("does not say how images are normalised: torchvision's (mean [0.485, 0.456, ")
        && note.contains("network.preprocessing.style"))
    // Written out it is still a guess, in every layout.
    for (layout, name) in [
      (CheckpointLayout.trompe, "out.h5"), (.safetensors, "out.safetensors"),
      (.keras2Model, "k.h5"),
    ] {
      try network.save(to: folder(name), as: layout)
      let again = try LoadedNetwork(NetworkSection(checkpoint: folder(name))) { _ in size }
      #expect(again.assumesNormalization, "\(layout)")
      let text = try #require(try CheckpointFile(path: folder(name)).metadata.preprocessing)
      #expect(text.contains("\"assumed\":true"))
    }
    // Said, it is none any more.
    let said = NetworkSection(
      checkpoint: folder("out.h5"), preprocessing: Preprocessing(style: .tf))
    let known = try LoadedNetwork(said) { _ in size }
    #expect(!known.assumesNormalization && known.preprocessing == Preprocessing(style: .tf))
    try known.save(to: folder("said.h5"))
    let kept = try LoadedNetwork(NetworkSection(checkpoint: folder("said.h5"))) { _ in size }
    #expect(!kept.assumesNormalization)
    #expect(kept.notes.isEmpty)
  }

  /// A run writes down what counted; whoever runs that again hears that it was a guess.
  @Test func aGuessIsStillOneInTheRecipeOfTheRun() throws {
    let folder = try TemporaryFolder()
    try bare(folder("bare.h5"), Tiny.architecture)
    let recipe = Tiny.fooling(folder("bare.h5"), steps: 1)
    _ = try FoolingRun(recipe, output: folder("run")).run()
    let written = try FoolingRecipe(contentsOf: folder("run/recipe.yaml"))
    #expect(written.network.preprocessing == Preprocessing(style: .torch))
    #expect(written.resolvedYAML().contains("assumed: true"))
    var warnings: [String] = []
    _ = try FoolingRun(written, output: folder("again")) {
      if case .warning(let text) = $0 { warnings.append(text) }
    }.run()
    #expect(warnings.contains { $0.contains("is a guess") })
    let text = try String(contentsOfFile: folder("again/recipe.yaml"), encoding: .utf8)
    #expect(text.contains("assumed: true"))
    let metadata = try CheckpointFile(path: folder("again/manipulated.h5")).metadata
    #expect(metadata.preprocessing?.contains("\"assumed\":true") == true)
  }

  /// What is nearly a network of ours is told by what is missing of it.
  @Test func oneMissingArrayIsNamed() throws {
    let folder = try TemporaryFolder()
    let whole = ArchitectureSpecification(
      family: "resnet18", classes: 10, height: 32, width: 32)
    let network = try LoadedNetwork(NetworkSection(architecture: whole)) { _ in size }
    var checkpoint = try network.checkpoint()
    checkpoint.metadata = CheckpointMetadata()
    let array = try #require(checkpoint.parameters["layer1.0.conv1.weight"])
    checkpoint.parameters["layer1.0.conv1.weight"] = nil
    try checkpoint.save(to: folder("missing.h5"))
    checkpoint.parameters["layer1.0.konv1.weight"] = array
    try checkpoint.save(to: folder("renamed.h5"))
    for name in ["missing", "renamed"] {
      #expect {
        _ = try LoadedNetwork(
          NetworkSection(checkpoint: folder("\(name).h5"))
        ) { _ in size }
      } throws: {
        let text = "\($0)"
        return text.contains("resnet18 with 10 classes")
          && text.contains("layer1.0.conv1.weight is missing")
      }
    }
  }

  @Test func aSizeAloneLeavesTheFilesNormalisation() throws {
    let folder = try TemporaryFolder()
    let made = try LoadedNetwork(
      NetworkSection(
        architecture: specification(),
        preprocessing: Preprocessing(mean: [0, 0.25, 0.5], standardDeviation: [1, 0.5, 0.25]))
    ) { _ in size }
    try made.save(to: folder("a.h5"))
    let options = try EvaluationOptions(
      settings: [
        RecipeSetting(path: "network.preprocessing.resize", value: "32", label: "--resize 32")
      ])
    var section = options.network
    section.checkpoint = folder("a.h5")
    let network = try LoadedNetwork(section) { _ in size }
    #expect(network.preprocessing.resize == .exact(width: 32, height: 32))
    #expect(network.preprocessing.mean == [0, 0.25, 0.5])
    #expect(network.preprocessing.standardDeviation == [1, 0.5, 0.25])
    #expect(!network.assumesNormalization)
  }

  @Test func aRecipeSaysWhatWasAssumed() throws {
    let folder = try TemporaryFolder()
    let network = try LoadedNetwork(
      NetworkSection(
        architecture: ArchitectureSpecification(
          family: "vgg-style", classes: 10, height: 64, width: 64,
          plan: [.convolution(channels: 4), .pool]))
    ) { _ in ImageSize(width: 64, height: 64) }
    var checkpoint = try network.checkpoint()
    checkpoint.metadata.preprocessing = nil
    try checkpoint.save(to: folder("bare.h5"))
    let recipe = try TrainingRecipe(
      yaml: """
        network: {checkpoint: bare.h5}
        data: {shapes: {train: 16, validation: 8}}
        training: {optimizer: sgd, learningRate: 0.01, steps: 1, batchSize: 8}
        """, folder: folder.path)
    var warnings: [String] = []
    _ = try ClassifierTrainingRun(recipe, output: folder("run")) { event in
      if case .warning(let text) = event { warnings.append(text) }
    }.run()
    #expect(warnings.contains { $0.contains("is a guess") })
    let text = try String(contentsOfFile: folder("run/recipe.yaml"), encoding: .utf8)
    #expect(text.hasPrefix("# The values under network.preprocessing are assumed"))
    let again = try TrainingRecipe(yaml: text, folder: folder.path)
    #expect(again.network.preprocessing == Preprocessing(style: .torch))
    let exported = try CheckpointFile(path: folder("run/network.h5"))
    #expect(exported.metadata.preprocessing?.contains("\"assumed\":true") == true)
    #expect(exported.metadata.provenance?.recipe == text)
  }

  @Test func channelsAreThreeOrOne() throws {
    let folder = try TemporaryFolder()
    for channels in [1, 2, 4] {
      let path = folder("\(channels).h5")
      var made = specification(channels: channels)
      if channels == 1 {
        try bare(path, made)
        let network = try LoadedNetwork(NetworkSection(checkpoint: path)) { _ in size }
        #expect(network.preprocessing.mean == [0.449])
        continue
      }
      // Such a file is somebody else's.
      made.channels = 3
      let network = try LoadedNetwork(NetworkSection(architecture: made)) { _ in size }
      try network.save(to: path)
      made.channels = channels
      #expect(
        error {
          _ = try LoadedNetwork(NetworkSection(checkpoint: path, architecture: made)) { _ in size }
        }
          == "\(path): the network takes images of \(channels) channels; images are given in colour to "
          + "a network of 3 channels and made gray for one of 1, and to no other")
    }
    let three = Preprocessing(mean: [0.1, 0.2, 0.3], standardDeviation: [1, 1, 1])
    #expect(
      error {
        _ = try LoadedNetwork(
          NetworkSection(checkpoint: folder("1.h5"), preprocessing: three)
        ) { _ in size }
      }
        == "network.preprocessing.mean has 3 numbers, the network takes images of 1 channel: give as "
        + "many to mean and standardDeviation")
    let one = Preprocessing(mean: [0.5], standardDeviation: [0.5])
    try bare(folder("3.h5"), specification())
    #expect(
      error {
        _ = try LoadedNetwork(
          NetworkSection(checkpoint: folder("3.h5"), preprocessing: one)
        ) { _ in size }
      }
        == "network.preprocessing.mean has 1 number, the network takes images of 3 channels: give as "
        + "many to mean and standardDeviation")
  }

  @Test func classNamesAreOnesForEachOutput() throws {
    let folder = try TemporaryFolder()
    try bare(folder("a.h5"), specification(), classNames: ["a", "", "c"])
    #expect(
      error { _ = try LoadedNetwork(NetworkSection(checkpoint: folder("a.h5"))) { _ in size } }
        == "\(folder("a.h5")): has an empty name for the class of output 1; network.classNames names "
        + "the class of each output")
    try bare(folder("b.h5"), specification(), classNames: ["a"])
    #expect(
      error { _ = try LoadedNetwork(NetworkSection(checkpoint: folder("b.h5"))) { _ in size } }
        == "\(folder("b.h5")): has 1 class names for a network of 3 classes; network.classNames names "
        + "the class of each output")
  }

  /// A file without a word about itself, under names of its own.
  private func write(
    _ specification: ArchitectureSpecification, to path: String,
    _ name: (String) -> String? = { $0 }
  ) throws {
    let architecture = try specification.architecture()
    try HDF5Writer.write(to: path) { file in
      for (own, tensor) in architecture.initialParameters(seed: 1).sorted(by: { $0.key < $1.key }) {
        guard let name = name(own) else { continue }
        try file.write(WeightLayout.torchvision.toFile(tensor), as: name)
      }
    }
  }

  @Test(arguments: [1, 4]) func networksForOtherChannelsAreRecognised(channels: Int) throws {
    let folder = try TemporaryFolder()
    let path = folder("a.h5")
    try write(
      ArchitectureSpecification(
        family: "cifar-resnet20", classes: 4, height: 32, width: 32, channels: channels), to: path)
    func load() throws -> LoadedNetwork {
      try LoadedNetwork(NetworkSection(checkpoint: path)) { _ in size }
    }
    guard channels == 1 else {
      #expect(
        error { _ = try load() }
          == "\(path): the network takes images of 4 channels; images are given in colour to a "
          + "network of 3 channels and made gray for one of 1, and to no other")
      return
    }
    let network = try load()
    #expect(network.architecture.inputShape == [32, 32, 1])
    #expect(
      network.notes[0]
        == "\(path) holds the parameters of cifar-resnet20 with 4 classes for images of 1 channel")
  }

  @Test func aNetworkWithoutItsHeadIsCalledSo() throws {
    let folder = try TemporaryFolder()
    let path = folder("a.h5")
    try write(
      ArchitectureSpecification(family: "cifar-resnet20", classes: 4, height: 32, width: 32),
      to: path
    ) { $0.hasPrefix("linear.") ? nil : $0 }
    #expect(
      error { _ = try LoadedNetwork(NetworkSection(checkpoint: path)) { _ in size } }
        == "\(path) holds the parameters of cifar-resnet20 without linear, so it classifies nothing; "
        + "save the whole network, or name a file that holds it")
  }

  @Test func classifiersOfVGGsAreRecognisedByTheirShapes() throws {
    let folder = try TemporaryFolder()
    let path = folder("a.h5")
    let specification = ArchitectureSpecification(
      family: "vgg11", classes: 3, height: 32, width: 32, classifier: [8])
    let others = ["classifier.0": "classifier.1", "classifier.3": "classifier.4"]
    try write(specification, to: path) { name in
      let dot = name.lastIndex(of: ".")!
      return (others[String(name[..<dot])] ?? String(name[..<dot])) + name[dot...]
    }
    let network = try LoadedNetwork(NetworkSection(checkpoint: path)) { _ in size }
    #expect(network.specification == specification)
    #expect(
      network.notes[0]
        == "\(path) holds the parameters of vgg11 with 3 classes behind hidden layers of [8], with "
        + "ReLU after each")
    let parameters = try specification.architecture().initialParameters(seed: 1)
    #expect(try network.parameters.snapshot().tensors == parameters)
    // The two of 4096 need no word.
    #expect(
      try ArchitectureSpecification(
        family: "vgg11", classes: 3, height: 32, width: 32, classifier: [4096, 4096]
      ).architecture().parameters
        == ArchitectureSpecification(family: "vgg11", classes: 3, height: 32, width: 32)
        .architecture().parameters)
  }

  @Test func anotherNetworkIsCalledByItsName() throws {
    let folder = try TemporaryFolder()
    func section(_ family: String, _ classes: Int, _ checkpoint: String? = nil) -> NetworkSection {
      NetworkSection(
        checkpoint: checkpoint,
        architecture: .init(family: family, classes: classes, height: 32, width: 32))
    }
    let path = folder("a.safetensors")
    try LoadedNetwork(section("cifar-resnet20", 10)) { _ in size }.save(to: path, as: .safetensors)
    #expect(
      error { _ = try LoadedNetwork(section("resnet18", 10, path)) { _ in size } }
        == "\(path): holds the parameters of cifar-resnet20 with 10 classes by names and shapes, not "
        + "of resnet18 with 10; say so by network.architecture={family: cifar-resnet20, classes: 10} "
        + "(--architecture, --classes)"
    )
    // Under names that nobody knows the shapes are told.
    let network = try LoadedNetwork(section("cifar-resnet20", 10)) { _ in size }
    var renamed = try network.checkpoint()
    renamed.metadata = CheckpointMetadata()
    renamed.parameters = Dictionary(
      uniqueKeysWithValues: renamed.parameters.map { ($0.key.uppercased(), $0.value) })
    try renamed.save(to: folder("b.h5"))
    let text = try #require(
      error { _ = try LoadedNetwork(section("resnet18", 10, folder("b.h5"))) { _ in size } })
    #expect(text.split(separator: "\n").count == 12)
    #expect(
      text.hasSuffix(
        "\n\(folder("b.h5")): these are the shapes of cifar-resnet20 with 10 classes, under other "
          + "names than the network's"))
    let unnamed = NetworkSection(checkpoint: folder("b.h5"))
    #expect(
      error { _ = try LoadedNetwork(unnamed) { _ in size } }?
        .contains("these are the shapes of cifar-resnet20 with 10 classes") == true)
  }

  @Test func aByteOrderMarkIsNoPartOfARecipe() throws {
    let yaml = """
      network: {architecture: {family: cifar-resnet20, classes: 10}}
      data: {shapes: {train: 16, validation: 8}}
      training: {optimizer: sgd, learningRate: 0.01, steps: 1, batchSize: 8}
      """
    let plain = try TrainingRecipe(yaml: yaml, folder: "/")
    #expect(try TrainingRecipe(yaml: "\u{FEFF}" + yaml, folder: "/") == plain)
  }

  @Test func imageNetsClassesHaveAWord() throws {
    let setting = RecipeSetting(
      path: "network.classNames", value: "imagenet", label: "--class-names imagenet")
    let section = try EvaluationOptions(settings: [setting]).network
    #expect(section.classNames == ImageNetClasses.identifiers)
    var recipe = try TrainingRecipe(
      yaml: """
        network: {architecture: {family: cifar-resnet20, classes: 1000}, classNames: imagenet}
        data: {shapes: {train: 16, validation: 8}}
        training: {optimizer: sgd, learningRate: 0.01, steps: 1, batchSize: 8}
        """, folder: "/")
    #expect(recipe.resolvedYAML().contains("\n  classNames: imagenet\n"))
    #expect(try TrainingRecipe(yaml: recipe.resolvedYAML(), folder: "/") == recipe)
    recipe.network.classNames = ["a", "b"]
    #expect(recipe.resolvedYAML().contains("\n  classNames: [a, b]\n"))
  }
  /// Modules of PyTorch that normalise images before the network have the numbers beside it.
  @Test func numbersBesideTheNetworkNormaliseItsImages() throws {
    let folder = try TemporaryFolder()
    let family = ArchitectureSpecification(
      family: "cifar-resnet20", classes: 3, height: 32, width: 32)
    let network = try LoadedNetwork(NetworkSection(architecture: family)) { _ in size }
    try network.save(to: folder("plain.safetensors"), as: .safetensors)
    let plain = try CheckpointFile(path: folder("plain.safetensors")).container
    func write(_ name: String, _ further: [(String, [Float])]) throws -> String {
      var entries: [StateDictEntry] = try plain.tensors.map { tensor in
        let values = try plain.read(tensor.name)
        return StateDictEntry(
          name: "1." + tensor.name, content: .floats(values.shape) { values })
      }
      entries += further.map { name, values in
        StateDictEntry(
          name: name,
          content: .floats([1, values.count, 1, 1]) {
            Tensor(shape: [1, values.count, 1, 1], values: values)
          })
      }
      try SafetensorsWriter.write(
        to: FileTarget(folder(name)), entries, metadata: ["format": "pt"])
      return folder(name)
    }
    func load(_ path: String) throws -> LoadedNetwork {
      try LoadedNetwork(NetworkSection(checkpoint: path)) { _ in size }
    }
    let known = try load(
      write("known.safetensors", [("0.mean", [0.5, 0.25, 0.75]), ("0.std", [0.2, 0.3, 0.4])]))
    #expect(!known.assumesNormalization)
    #expect(known.preprocessing.mean == [0.5, 0.25, 0.75])
    #expect(known.preprocessing.standardDeviation == [0.2, 0.3, 0.4])
    #expect(known.notes.contains { $0.contains("beside the network, 0.mean and 0.std") })
    #expect(!known.notes.contains { $0.contains("is a guess") })
    // Samples up to 255.
    let bytes = try load(
      write("bytes.safetensors", [("0.mean", [127.5, 51, 102]), ("0.std", [51, 51, 51])]))
    #expect(bytes.preprocessing.mean == [0.5, 0.2, 0.4])
    // What cannot be numbers of a normalisation is none.
    let others: [[(String, [Float])]] = [
      [("0.mean", [0.5, 0.5, 0.5])], [("0.mean", [0.5, 0.5]), ("0.std", [1, 1])],
      [("0.mean", [0.5, 0.5, 0.5]), ("0.std", [1, 0, 1])],
      [("0.mean", [0.5, .nan, 0.5]), ("0.std", [1, 1, 1])],
      [("0.mean", [0, 0, 0]), ("2.mean", [1, 1, 1]), ("0.std", [1, 1, 1])],
    ]
    for (number, further) in others.enumerated() {
      let guessed = try load(write("other\(number).safetensors", further))
      #expect(guessed.assumesNormalization, "\(further)")
    }
  }
}
