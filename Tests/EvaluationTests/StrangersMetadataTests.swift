import Checkpoints
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import TestSupport
import Testing

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
        if case .warning(let note) = $0 { notes.append(note) }
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
