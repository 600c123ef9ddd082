import Checkpoints
import Explanations
import Foundation
import ImageData
import Manipulation
import Pictures
import RunTestSupport
import Testing

@Suite struct ImageExplanationTests {
  private let shapes = ShapesDataset(count: 30, seed: 8, split: .validation)
  private let interpreters = [
    InterpreterSpecification(name: "grad-cam", layer: "layer3"),
    InterpreterSpecification(name: "input-x-gradient"),
  ]

  /// Five images in two folders, one of them in a folder of its own.
  private func images(in folder: TemporaryFolder) throws -> [String] {
    for (index, name) in ["b/2.png", "b/1.png", "a/1.png", "b/c/3.PNG", "b/.4.png"].enumerated() {
      let path = folder("images/\(name)")
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try shapes.image(at: index).writePNG(to: path)
    }
    try Data("no image".utf8).write(to: URL(fileURLWithPath: folder("images/b/notes.txt")))
    return try ImageList.files(at: [folder("images/a/1.png"), folder("images/b/")])
  }

  @Test func foldersAreListedInOrder() throws {
    let folder = try TemporaryFolder()
    let names = try images(in: folder).map { $0.dropFirst(folder("images/").count) }
    #expect(names == ["a/1.png", "b/1.png", "b/2.png", "b/c/3.PNG"])
    #expect { try ImageList.files(at: [folder("none")]) } throws: {
      "\($0)" == folder("none") + ": no such file or folder"
    }
    try FileManager.default.createDirectory(
      atPath: folder("empty"), withIntermediateDirectories: true)
    #expect { try ImageList.files(at: [folder("empty")]) } throws: {
      "\($0)" == folder("empty") + ": the folder holds no image"
    }
  }

  @Test func heatmapsAreThoseOfTheEvaluation() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    let request = ExplanationRequest(
      network: NetworkSection(checkpoint: checkpoint), images: try images(in: folder),
      interpreters: interpreters, batchSize: 3)
    var found: [ExplainedImage] = []
    try ImageExplanation.run(request) { found.append($0) }
    #expect(found.map(\.path) == request.images)
    #expect(found[0].interpreters == ["grad-cam", "input-x-gradient"])

    let network = try LoadedNetwork(NetworkSection(checkpoint: checkpoint)) { _ in
      ImageSize(width: 64, height: 64)
    }
    let program = try EvaluationProgram(
      network,
      interpreters: try interpreters.map { ($0.name, try $0.interpreter()) }, batchSize: 1)
    let normalizer = Normalizer(network.preprocessing)
    for image in found {
      #expect(image.original == nil)
      let reading = image.network
      #expect(reading.predicted == reading.explained)
      #expect(reading.predicted.name == network.classNames?[reading.predicted.index])
      try program.run(
        images: normalizer(image.prepared), labels: [Int32(reading.explained.index)])
      let logits = program.logits.values.map(Double.init)
      let best = logits.indices.max { logits[$0] < logits[$1] }
      #expect(reading.predicted.index == best)
      let sum = logits.reduce(0) { $0 + exp($1 - logits[best!]) }
      // Another batch size groups sums differently.
      #expect(abs(reading.predicted.confidence - 1 / sum) < 1e-4)
      for (index, map) in reading.heatmaps.enumerated() {
        let alone = program.heatmaps(index, count: 1)[0]
        let largest = alone.values.map(abs).max() ?? 0
        for (a, b) in zip(map.values, alone.values) {
          #expect(abs(a - b) <= 1e-3 * max(largest, 1e-6))
        }
      }
    }
  }

  @Test func twoNetworksAreComparedOnTheOriginalsClass() throws {
    let folder = try TemporaryFolder()
    let original = try Tiny.checkpoint(in: folder)
    _ = try FoolingRun(Tiny.fooling(original, steps: 8, rate: 0.05), output: folder("fool")).run()
    var request = ExplanationRequest(
      network: NetworkSection(checkpoint: folder("fool/manipulated.h5")), original: original,
      images: try images(in: folder), interpreters: interpreters)
    var found: [ExplainedImage] = []
    try ImageExplanation.run(request) { found.append($0) }
    for image in found {
      let before = try #require(image.original)
      #expect(before.explained == before.predicted)
      #expect(image.network.explained.index == before.predicted.index)
      #expect(before.heatmaps[0] != image.network.heatmaps[0], "the network has changed")
    }
    request.explainedClass = .named("star")
    var names: Set<String> = []
    try ImageExplanation.run(request) {
      names.formUnion([$0.network.explained.name, $0.original!.explained.name])
    }
    #expect(names == ["star"])
    request.explainedClass = .named("sta")
    #expect { try ImageExplanation.run(request) { _ in } } throws: {
      "\($0)".hasPrefix("the network has no class \"sta\": did you mean \"star\"?")
    }
  }

  /// As a file of another program is: without a word on what it holds.
  @Test func originalWithoutMetadataIsOfTheSameKind() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    let network = try LoadedNetwork(NetworkSection(checkpoint: checkpoint)) { _ in
      ImageSize(width: 64, height: 64)
    }
    var bare = try network.checkpoint()
    bare.metadata = .init()
    try bare.save(to: folder("bare.h5"))
    let request = ExplanationRequest(
      network: NetworkSection(checkpoint: checkpoint), original: folder("bare.h5"),
      images: try images(in: folder), interpreters: interpreters)
    try ImageExplanation.run(request) { image in
      #expect(image.original == image.network)
    }
  }

  @Test func unreadableImagesAreLeftOut() throws {
    let folder = try TemporaryFolder()
    var request = ExplanationRequest(
      network: NetworkSection(checkpoint: try Tiny.checkpoint(in: folder)),
      images: try images(in: folder), interpreters: interpreters, batchSize: 2)
    try Data("broken".utf8).write(to: URL(fileURLWithPath: request.images[0]))
    try Image(width: 32, height: 64, color: .white).writePNG(to: request.images[3])
    var (warnings, explained): ([String], [String]) = ([], [])
    try ImageExplanation.run(request) {
      if case .warning(let text) = $0 { warnings.append(text) }
    } each: {
      explained.append($0.path)
    }
    #expect(explained == Array(request.images[1...2]))
    #expect(
      warnings == [
        "omitted: \(request.images[0]): no image that is known; JPEG, PNG, WebP and BMP files "
          + "are read",
        "omitted: \(request.images[3]): is 32x64, the network was built for 64x64; bring all "
          + "images to one size, e.g. with --resize 64",
      ])
    request.images = [request.images[0]]
    #expect(throws: (any Error).self) { try ImageExplanation.run(request) { _ in } }
  }

  @Test func filesAreNamedAfterImageAndInterpreter() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    var request = ExplanationRequest(
      network: NetworkSection(checkpoint: checkpoint), images: try images(in: folder),
      interpreters: interpreters)
    let single = try ExplanationFiles(folder: folder("single"))
    var paths: [String] = []
    try ImageExplanation.run(request) { paths += try single.write($0) }
    let names = ["1", "1-2", "2", "3"].flatMap {
      ["\($0).grad-cam.png", "\($0).input-x-gradient.png"]
    }
    #expect(paths == names.map { folder("single/\($0)") })
    // Sides of 64 are enlarged to 256.
    #expect(try Image(contentsOf: paths[0]).size == ImageSize(width: 256, height: 256))

    request.original = checkpoint
    request.images = [request.images[0]]
    let both = try ExplanationFiles(folder: folder("both"), raw: .numPy)
    paths = []
    try ImageExplanation.run(request) { paths += try both.write($0) }
    let maps = ["grad-cam", "input-x-gradient"]
    #expect(
      paths
        == (maps.map { "\($0).png" }
        + (maps + ["logits"]).flatMap { ["\($0).npy", "\($0).original.npy"] })
        .map { folder("both/1.\($0)") })
    let picture = try Image(contentsOf: paths[0])
    #expect(picture.size == ImageSize(width: 3 * 256 + 2 * 4, height: 256))
    // One network twice: the same picture twice, beside the image.
    func part(_ place: Int) -> Image {
      picture.cropped(x: place * 260, y: 0, to: ImageSize(width: 256, height: 256))
    }
    #expect(part(1) == part(2) && part(0) != part(1))
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: paths[2]))
        == Data(contentsOf: URL(fileURLWithPath: paths[3])))
  }

  @Test func rawNumbersAreTheSameInBothKindsOfFile() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    let request = ExplanationRequest(
      network: NetworkSection(checkpoint: checkpoint), original: checkpoint,
      images: [try images(in: folder)[0]], interpreters: interpreters)
    let (arrays, hdf5) = (
      try ExplanationFiles(folder: folder("npy"), raw: .numPy),
      try ExplanationFiles(folder: folder("h5"), raw: .hdf5)
    )
    var path = ""
    var reading: ExplainedImage.Reading?
    try ImageExplanation.run(request) {
      _ = try arrays.write($0)
      path = try #require(try hdf5.write($0).last)
      reading = $0.network
    }
    let network = try #require(reading)
    #expect(path == folder("h5/1.maps.h5"))
    let file = try HDF5File(path: path)
    #expect(
      Set(file.tensors.map(\.name))
        == Set(["grad-cam", "input-x-gradient", "logits"].flatMap { [$0, $0 + ".original"] }))
    #expect(try file.attributes(ofGroup: "")["explained"] == .text(network.explained.name))
    for tensor in file.tensors {
      let values = try file.read(tensor.name).values
      let bytes = values.withUnsafeBytes { Data($0) }
      let array = try Data(contentsOf: URL(fileURLWithPath: folder("npy/1.\(tensor.name).npy")))
      #expect(array.suffix(bytes.count) == bytes && array.count - bytes.count == 192)
    }
    // The class with the largest logit is the predicted one, as sure as softmax says.
    let logits = network.logits.map(Double.init)
    let best = try #require(logits.indices.max { logits[$0] < logits[$1] })
    #expect(best == network.predicted.index)
    let sum = logits.reduce(0) { $0 + exp($1 - logits[best]) }
    #expect(abs(network.predicted.confidence - 1 / sum) < 1e-12)
  }
}
