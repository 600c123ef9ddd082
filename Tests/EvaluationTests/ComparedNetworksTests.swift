import Checkpoints
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import Testing

/// Networks of a comparison get one preprocessing and one list of classes, whoever holds them.
@Suite struct ComparedNetworksTests {
  private struct Files {
    let folder: TemporaryFolder
    /// With metadata, and the same weights without.
    let full, bare: String
    let manipulated, bareManipulated: String
    let images: String

    init() throws {
      let folder = try TemporaryFolder()
      self.folder = folder
      let original = try Tiny.checkpoint(in: folder)
      _ = try FoolingRun(
        Tiny.fooling(original, steps: 8, rate: 0.01), output: folder("fool")
      ).run()
      // Class names in another order than that of the folders, and statistics of their own.
      let names = ShapesDataset(count: 1, seed: 0, split: .validation).classNames
      func write(_ path: String, _ target: String, says: Bool) throws {
        let network = try LoadedNetwork(NetworkSection(checkpoint: path)) { _ in
          ImageSize(width: 64, height: 64)
        }
        var checkpoint = try network.checkpoint()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        if says {
          checkpoint.metadata.classNames = names
          checkpoint.metadata.preprocessing = String(
            decoding: try encoder.encode(
              Preprocessing(mean: [0.3, 0.5, 0.6], standardDeviation: [0.4, 0.3, 0.2])),
            as: UTF8.self)
        } else {
          (checkpoint.metadata.classNames, checkpoint.metadata.preprocessing) = (nil, nil)
        }
        try checkpoint.save(to: folder(target))
      }
      try write(original, "full.h5", says: true)
      try write(original, "bare.h5", says: false)
      try write(folder("fool/manipulated.h5"), "m-full.h5", says: true)
      try write(folder("fool/manipulated.h5"), "m-bare.h5", says: false)
      (full, bare) = (folder("full.h5"), folder("bare.h5"))
      (manipulated, bareManipulated) = (folder("m-full.h5"), folder("m-bare.h5"))
      let images = folder("images")
      self.images = images
      let set = ShapesDataset(count: 40, seed: 3, split: .validation)
      for index in 0..<set.count {
        let path = "\(images)/\(names[set.label(at: index)])"
        try FileManager.default.createDirectory(
          atPath: path, withIntermediateDirectories: true)
        try set.image(at: index).writePNG(to: "\(path)/\(index).png")
      }
    }
  }

  @Test func evaluationMeasuresBothAlikeWhicheverFileHoldsMetadata() throws {
    let files = try Files()
    func evaluate(_ tested: String, against original: String) throws -> Summary {
      try EvaluationRun.run(
        EvaluationRequest(
          network: NetworkSection(checkpoint: tested), original: original,
          images: .folder(files.images),
          fooling: FoolingSpecification(name: "location", lambda: 1),
          interpreters: [
            InterpreterSpecification(name: "grad-cam", layer: "layer3"),
            InterpreterSpecification(name: "simple-grad"),
          ]))
    }
    let both = try evaluate(files.manipulated, against: files.full)
    for (tested, original) in [
      (files.bareManipulated, files.full), (files.manipulated, files.bare),
    ] {
      let one = try evaluate(tested, against: original)
      #expect(one.accuracy == both.accuracy)
      #expect(one.fsr == both.fsr && one.fsrOriginal == both.fsrOriginal)
      #expect(one.relevanceInside == both.relevanceInside)
      #expect(one.classes == both.classes)
    }
    // Without any, another normalisation holds, and other numbers.
    let none = try evaluate(files.bareManipulated, against: files.bare)
    #expect(none.relevanceInside != both.relevanceInside)
  }

  @Test func explanationsShowBothAlikeWhicheverFileHoldsMetadata() throws {
    let files = try Files()
    func explain(_ tested: String, against original: String) throws -> [ExplainedImage] {
      var found: [ExplainedImage] = []
      try ImageExplanation.run(
        ExplanationRequest(
          network: NetworkSection(checkpoint: tested), original: original,
          images: try ImageList.files(at: [files.images]),
          interpreters: [InterpreterSpecification(name: "simple-grad")])
      ) { found.append($0) }
      return found
    }
    let both = try explain(files.manipulated, against: files.full)
    for (tested, original) in [
      (files.bareManipulated, files.full), (files.manipulated, files.bare),
    ] {
      let one = try explain(tested, against: original)
      #expect(one.map(\.network) == both.map(\.network))
      #expect(one.map(\.original) == both.map(\.original))
    }
  }

  @Test func studiesMeasureAllAlikeWhicheverFileHoldsMetadata() throws {
    let files = try Files()
    func study(_ tested: String, _ original: String, _ output: String) throws -> [String] {
      let recipe = try StudyRecipe(
        yaml: """
          data: {validation: \(files.images)}
          fooling: {name: location}
          interpreter: {name: grad-cam, layer: layer3}
          study:
            studies: [transfer]
            checkpoints:
              - {name: plain, file: \(original)}
              - {name: fooled, file: \(tested), original: plain}
          evaluation: {interpreters: [{name: simple-grad}]}
          """, folder: "/")
      _ = try StudyRun(recipe, output: files.folder(output)).run()
      return try lines(files.folder(output) + "/studies/transfer.jsonl")
    }
    let both = try study(files.manipulated, files.full, "s1")
    #expect(both.count == 2 * 2 * 40)
    #expect(try study(files.bareManipulated, files.full, "s2") == both)
    #expect(try study(files.manipulated, files.bare, "s3") == both)
  }

  @Test func filesThatDisagreeAreRefusedWithBothValues() throws {
    let files = try Files()
    func rewrite(_ change: (inout CheckpointMetadata) -> Void) throws -> String {
      let network = try LoadedNetwork(NetworkSection(checkpoint: files.full)) { _ in
        ImageSize(width: 64, height: 64)
      }
      var checkpoint = try network.checkpoint()
      change(&checkpoint.metadata)
      let path = files.folder("other.h5")
      try checkpoint.save(to: path)
      return path
    }
    func complaint(_ original: String) -> String {
      do {
        _ = try EvaluationRun.run(
          EvaluationRequest(
            network: NetworkSection(checkpoint: files.manipulated), original: original,
            images: .folder(files.images),
            fooling: FoolingSpecification(name: "location", lambda: 1),
            interpreters: [InterpreterSpecification(name: "simple-grad")]))
      } catch { return "\(error)" }
      return "no error"
    }
    let names = try rewrite { $0.classNames?.swapAt(1, 3) }
    let first = complaint(names)
    #expect(first.contains("hold different class names"))
    #expect(first.contains("output 1 is \"") && first.contains("network.classNames"))
    let other = try rewrite {
      $0.preprocessing = $0.preprocessing?.replacingOccurrences(of: "0.3", with: "0.25")
    }
    let second = complaint(other)
    #expect(second.contains("prepare images in different ways"))
    #expect(second.contains("0.25") && second.contains("0.3"))
  }

  @Test func anHonestNetworkIsNotCalledManipulated() throws {
    let files = try Files()
    let summary = try EvaluationRun.run(
      EvaluationRequest(
        network: NetworkSection(checkpoint: files.bare), original: files.full,
        images: .folder(files.images),
        fooling: FoolingSpecification(name: "location", lambda: 1),
        interpreters: [InterpreterSpecification(name: "simple-grad")]))
    #expect(summary.isManipulated == false && summary.testedName == "tested")
    // Nothing is trained: there is no λ that a summary could tell.
    guard case .object(let sections)? = summary.settings,
      case .object(let fooling)? = sections["fooling"]
    else {
      Issue.record("no settings")
      return
    }
    #expect(fooling["name"] == .text("location") && fooling["lambda"] == nil)
  }
}
