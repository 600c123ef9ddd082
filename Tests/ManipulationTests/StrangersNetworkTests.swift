import Checkpoints
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
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
    var notes: [String] = []
    _ = try ClassifierTrainingRun(recipe, output: folder("run")) { event in
      if case .note(let text) = event { notes.append(text) }
    }.run()
    #expect(notes.contains { $0.contains("is a guess") })
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
}

/// Errors about files say which field, which value and which file it is about.
@Suite struct StrangersMetadataTests {
  private let side = ImageSize(width: 32, height: 32)

  private func error(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)" }
  }

  /// A small network with this metadata.
  private func write(
    _ path: String, preprocessing: String? = nil, classNames: [String]? = nil
  ) throws {
    let specification = ArchitectureSpecification(
      family: "vgg-style", classes: 3, height: 32, width: 32,
      plan: [.convolution(channels: 4), .pool])
    let network = try LoadedNetwork(NetworkSection(architecture: specification)) { _ in side }
    var checkpoint = try network.checkpoint()
    (checkpoint.metadata.preprocessing, checkpoint.metadata.classNames) = (
      preprocessing, classNames
    )
    try checkpoint.save(to: path)
  }

  @Test func theFieldOfABrokenPreprocessingIsNamed() throws {
    let folder = try TemporaryFolder()
    let path = folder("a.h5")
    let cases: [(text: String, clause: String)] = [
      (
        #"{"resize":{"none":{}},"mean":[0,0,0],"standardDeviation":[1,1,1e-320]}"#,
        "standardDeviation[2] is 1e-320, which is out of range there"
      ),
      (
        #"{"resize":{"none":{}},"mean":[0,1e308,0],"standardDeviation":[1,1,1]}"#,
        "mean[1] is 1e308, which is out of range there"
      ),
      (#"{"mean":[0,0,0],"standardDeviation":[1,1,1]}"#, "resize is missing"),
      (
        #"{"resize":{"none":{}},"mean":["a",0,0],"standardDeviation":[1,1,1]}"#,
        "mean[0] is a string, expected a number"
      ),
      (#"{"mean":[NaN]}"#, #"it is not JSON from byte 10 on, "NaN]}…""#),
      (#"{"mean":[1"#, "it is JSON that ends too early, after 10 bytes"),
      ("", "it is empty"),
    ]
    for (text, clause) in cases {
      try write(path, preprocessing: text)
      #expect(
        error { _ = try LoadedNetwork(NetworkSection(checkpoint: path)) { _ in side } }
          == "\(path): the attribute preprocessing cannot be read: \(clause); say what holds by "
          + "network.preprocessing")
      // Which is a way out.
      let said = NetworkSection(checkpoint: path, preprocessing: Preprocessing(style: .tf))
      #expect(try LoadedNetwork(said) { _ in side }.preprocessing == said.preprocessing)
    }
  }

  @Test func aPreprocessingThatCannotBeNamesItsFile() throws {
    let folder = try TemporaryFolder()
    try write(
      folder("a.h5"),
      preprocessing: #"{"resize":{"none":{}},"mean":[0,0,0],"standardDeviation":[0,1,1]}"#)
    let text = error {
      _ = try LoadedNetwork(NetworkSection(checkpoint: folder("a.h5"))) { _ in side }
    }
    #expect(
      text?.hasPrefix(
        "\(folder("a.h5")): the attribute preprocessing cannot be: standardDeviation is [0.0, 1.0, 1.0]"
      ) == true, "\(text ?? "")")
    #expect(text?.hasSuffix("; say what holds by network.preprocessing") == true)
  }

  /// A comparison takes names from a file, and blames that file for them.
  @Test func comparedFilesAreBlamedForTheirClassNames() throws {
    let folder = try TemporaryFolder()
    try write(folder("bare.h5"))
    let image = folder("a.png")
    try Image(width: 32, height: 32, color: .white).writePNG(to: image)
    for (names, problem) in [
      (["a", "b"], "has 2 class names for a network of 3 classes"),
      (["a", "", "c"], "has an empty name for the class of output 1"),
    ] {
      try write(folder("named.h5"), classNames: names)
      for (tested, original) in [("named.h5", "bare.h5"), ("bare.h5", "named.h5")] {
        let request = ExplanationRequest(
          network: NetworkSection(checkpoint: folder(tested)), original: folder(original),
          images: [image], interpreters: [])
        #expect(
          error { try ImageExplanation.run(request) { _ in } }
            == "\(folder("named.h5")): \(problem); network.classNames names the class of each output"
        )
      }
    }
  }

  /// A file that calls its normalisation a guess and one that says none are measured alike, and both
  /// are told of; once each.
  @Test func guessesAreNotWeighedAsStatements() throws {
    let folder = try TemporaryFolder()
    let image = folder("a.png")
    try Image(width: 32, height: 32, color: .white).writePNG(to: image)
    try write(
      folder("guess.h5"),
      preprocessing: #"{"assumed":true,"resize":{"none":{}},"mean":[0.5,0.5,0.5],"#
        + #""standardDeviation":[0.5,0.5,0.5]}"#)
    try write(folder("silent.h5"))
    for (tested, original, count) in [
      ("guess.h5", "silent.h5", 2), ("silent.h5", "guess.h5", 2), ("silent.h5", "silent.h5", 1),
    ] {
      var notes: [String] = []
      var readings: [[Float]] = []
      let request = ExplanationRequest(
        network: NetworkSection(checkpoint: folder(tested)), original: folder(original),
        images: [image], interpreters: [])
      try ImageExplanation.run(request) {
        if case .note(let note) = $0 { notes.append(note) }
      } each: {
        readings += [$0.network.logits, $0.original!.logits]
      }
      #expect(notes.count == count && notes.allSatisfy { $0.contains("is a guess") }, "\(notes)")
      if count == 2 { #expect(notes.allSatisfy { $0.contains("from -1 to 1") }, "\(notes)") }
      // The same weights under one preprocessing.
      #expect(readings.count == 2 && readings[0] == readings[1])
    }
  }

  /// A network that was made under a guess is not measured under what another file says.
  @Test func aGuessThatAnotherFileContradictsIsRefused() throws {
    let folder = try TemporaryFolder()
    let image = folder("a.png")
    try Image(width: 32, height: 32, color: .white).writePNG(to: image)
    func preprocessing(_ mean: Double, isAssumed: Bool) -> String {
      "{\(isAssumed ? "\"assumed\":true," : "")\"resize\":{\"none\":{}},"
        + "\"mean\":[\(mean),0.5,0.5],\"standardDeviation\":[0.5,0.5,0.5]}"
    }
    try write(folder("guess.h5"), preprocessing: preprocessing(0.25, isAssumed: true))
    try write(folder("same.h5"), preprocessing: preprocessing(0.25, isAssumed: false))
    try write(folder("other.h5"), preprocessing: preprocessing(0.5, isAssumed: false))
    func explain(_ tested: String, against original: String) throws {
      let request = ExplanationRequest(
        network: NetworkSection(checkpoint: folder(tested)), original: folder(original),
        images: [image], interpreters: [])
      try ImageExplanation.run(request) { _ in }
    }
    try explain("guess.h5", against: "same.h5")
    for (tested, original) in [("guess.h5", "other.h5"), ("other.h5", "guess.h5")] {
      #expect {
        try explain(tested, against: original)
      } throws: {
        let text = "\($0)"
        return text.contains("which was assumed when that file was made") && text.contains("0.25")
      }
    }
  }

  @Test func aClassOfTwoOutputsIsNotGuessed() throws {
    let folder = try TemporaryFolder()
    try write(folder("a.h5"), classNames: ["ant", "bee", "ant"])
    try FileManager.default.createDirectory(
      atPath: folder("ant"), withIntermediateDirectories: true)
    let image = folder("ant/a.png")
    try Image(width: 32, height: 32, color: .white).writePNG(to: image)
    func explain(_ explained: ExplainedClass) throws -> Int? {
      var found: Int?
      try ImageExplanation.run(
        ExplanationRequest(
          network: NetworkSection(checkpoint: folder("a.h5")), images: [image], interpreters: [],
          explainedClass: explained)
      ) { found = $0.network.explained.index }
      return found
    }
    let clause =
      "\"ant\" is the class of output 0 and of output 2; name one of them by its number, or give "
      + "every output a name of its own by network.classNames"
    #expect(error { _ = try explain(.named("ant")) } == clause)
    #expect(error { _ = try explain(.label) } == "\(image): \(clause)")
    #expect(try explain(.named("2")) == 2 && explain(.named("bee")) == 1)
    let active = FoolingSpecification(name: "active", lambda: 1, classes: ["ant", "bee"])
    #expect(error { _ = try active.fooling(classNames: ["ant", "bee", "ant"]) } == clause)
  }

  // MARK: Arrays

  /// A ResNet-20 without metadata, changed.
  private func writeResNet(
    _ path: String, _ change: (inout [String: Tensor]) -> Void
  ) throws -> NetworkSection {
    let section = NetworkSection(
      checkpoint: path,
      architecture: .init(family: "cifar-resnet20", classes: 10, height: 32, width: 32))
    var fresh = section
    fresh.checkpoint = nil
    var checkpoint = try LoadedNetwork(fresh) { _ in side }.checkpoint()
    checkpoint.metadata = CheckpointMetadata()
    change(&checkpoint.parameters)
    try checkpoint.save(to: path)
    return section
  }

  /// Where all names are there, no other network is suggested.
  @Test func aTransposedMatrixIsCalledSo() throws {
    let folder = try TemporaryFolder()
    let path = folder("a.h5")
    let section = try writeResNet(path) {
      $0["linear.weight"] = $0["linear.weight"]!.transposed([1, 0])
    }
    #expect(
      error { _ = try LoadedNetwork(section) { _ in side } }
        == "\(path): /linear.weight has shape [64, 10], expected [10, 64]: it is transposed; store its "
        + "transpose")
  }

  @Test func rightNamesAreNotCalledOthers() throws {
    let folder = try TemporaryFolder()
    let path = folder("a.h5")
    let section = try writeResNet(path) { $0["surplus"] = Tensor(shape: [2], values: [1, 2]) }
    let problem =
      "/surplus has shape [2], but the network has no parameter of this name"
    #expect(error { _ = try LoadedNetwork(section) { _ in side } } == "\(path): \(problem)")
    let unnamed = error { _ = try LoadedNetwork(NetworkSection(checkpoint: path)) { _ in side } }
    #expect(
      unnamed?.contains(
        "; these are the shapes of cifar-resnet20 with 10 classes, and all of its names are here, but "
          + problem) == true, "\(unnamed ?? "")")
  }
}
