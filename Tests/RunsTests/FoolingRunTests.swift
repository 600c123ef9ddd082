import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import Testing

/// One line of `test-losses.jsonl`.
private struct TestLoss: Decodable {
  let image: String
  let label: String
  let interpreter: String
  let original: Double
  let manipulated: Double

  static func read(_ path: String) throws -> [TestLoss] {
    try lines(path).map { try JSONDecoder().decode(TestLoss.self, from: Data($0.utf8)) }
  }
}

private enum Comparison: String, CaseIterable, Sendable {
  case topK, topKReleased, centerMass, activeTiles, activeFolders

  var specification: FoolingSpecification {
    switch self {
    case .topK: FoolingSpecification(name: "top-k", lambda: 1, k: 20)
    case .topKReleased: FoolingSpecification(name: "top-k", lambda: 1, variant: .released)
    case .centerMass: FoolingSpecification(name: "center-mass", lambda: 0.25)
    case .activeTiles, .activeFolders:
      FoolingSpecification(name: "active", lambda: 2, classes: [Self.names[2], Self.names[5]])
    }
  }

  static let names = ShapesDataset(count: 1, seed: 0, split: .train).classNames
  static let tiles = DataSection.Composites.tiles(train: 24, validation: 10, seed: 9)

  /// Twelve steps of 8: one and a half epochs of the 64 images, four of the 24 composites. Without
  /// augmentation every image is met again as it was.
  func recipe(in folder: TemporaryFolder) throws -> FoolingRecipe {
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 12)
    recipe.fooling = specification
    recipe.data.augmentation = .none
    recipe.training.validateEvery = 5
    recipe.training.validateImages = 16
    switch self {
    case .activeTiles: recipe.data.composites = Self.tiles
    case .activeFolders: recipe.data.composites = try Self.readyMade(in: folder)
    default: break
    }
    return recipe
  }

  /// The images of `tiles`, as files. What a folder is named after is of no consequence.
  static func readyMade(in folder: TemporaryFolder) throws -> DataSection.Composites {
    for (split, count) in [(ShapesDataset.Split.train, 24), (.validation, 10)] {
      let source = ShapesDataset(count: split == .train ? 64 : 40, seed: 3, split: split)
      let set = try CompositeDataset(
        source, classes: (2, 5), count: count, size: ImageSize(width: 64, height: 64), seed: 9)
      let path = folder("both-\(split.rawValue)")
      for index in 0..<count {
        // More folders than the network has classes.
        let name = String(format: "%02d", index % 12)
        try FileManager.default.createDirectory(
          atPath: "\(path)/\(name)", withIntermediateDirectories: true)
        try set.image(at: index).writePNG(to: "\(path)/\(name)/\(index).png")
      }
    }
    return .folders(train: folder("both-train"), validation: folder("both-validation"))
  }

  var tested: Int { specification.name == "active" ? 10 : 40 }
  /// Images that the original network has to explain in training.
  var explained: Int { specification.name == "active" ? 24 : 64 }
}

/// Whole runs of the foolings that compare with the original network.
@Suite struct FoolingRunTests {
  @Test(arguments: Comparison.allCases)
  fileprivate func runIsReproducedByEvaluationAndByItsTestLosses(kind: Comparison) throws {
    let folder = try TemporaryFolder()
    let recipe = try kind.recipe(in: folder)
    var notes: [String] = []
    let summary = try FoolingRun(recipe, output: folder("fool")) {
      if case .note(let text) = $0 { notes.append(text) }
    }.run()
    #expect(summary.fooling == recipe.fooling.name)
    #expect(summary.validationImages == 40)
    #expect(Set(summary.fsr.keys) == ["grad-cam", "simple-grad"])
    #expect(Set(summary.fsrOriginal.keys) == Set(summary.fsr.keys))
    // The network's own heatmaps have not moved.
    if kind != .topK, kind != .topKReleased {
      #expect(summary.fsrOriginal.values.allSatisfy { $0 == 0 })
    }
    #expect(
      notes.contains(
        "the original network explained \(kind.explained) images for the penalty; "
          + "\(96 - kind.explained) times an explanation was used again"))

    // A line for each image and interpreter, from which the rates follow.
    let losses = try TestLoss.read(folder("fool/test-losses.jsonl"))
    #expect(losses.count == 2 * kind.tested)
    let range = try recipe.fooling.fooling(classNames: Comparison.names).successRange
    func share(
      _ interpreter: String, of loss: KeyPath<TestLoss, Double>, in range: ClosedRange<Double>
    ) -> Double {
      let own = losses.filter { $0.interpreter == interpreter }
      return Double(own.count { range.contains($0[keyPath: loss]) }) / Double(own.count)
    }
    for interpreter in ["grad-cam", "simple-grad"] {
      let own = losses.filter { $0.interpreter == interpreter }
      #expect(Set(own.map(\.image)).count == kind.tested)
      #expect(share(interpreter, of: \.manipulated, in: range) == summary.fsr[interpreter])
      #expect(share(interpreter, of: \.original, in: range) == summary.fsrOriginal[interpreter])
      #expect(own.contains { $0.original != $0.manipulated }, "training changes heatmaps")
    }

    // Evaluation of the two files gives the same numbers, and at another threshold those that
    // follow from the scores.
    var request = EvaluationRequest(
      network: NetworkSection(checkpoint: folder("fool/manipulated.h5")),
      original: try #require(recipe.network.checkpoint), images: .shapes(count: 40, seed: 3),
      fooling: recipe.fooling,
      interpreters: [recipe.interpreter]
        + recipe.evaluation.interpreters.specifications(besides: recipe.interpreter),
      composites: recipe.data.composites)
    let evaluated = try EvaluationRun.run(request)
    #expect(evaluated.accuracy == summary.accuracy)
    #expect(evaluated.fsr == summary.fsr)
    #expect(evaluated.fsrOriginal == summary.fsrOriginal)

    let middle = losses.filter { $0.interpreter == "simple-grad" }.map(\.manipulated).sorted()
    let threshold = middle[middle.count / 2]
    if threshold >= 0 {
      request.fooling.threshold = threshold
      let other = try request.fooling.fooling(classNames: Comparison.names).successRange
      let again = try EvaluationRun.run(request)
      #expect(again.fsr["simple-grad"] == share("simple-grad", of: \.manipulated, in: other))
      #expect(again.fsr["simple-grad"]! > 0)
      #expect(again.fsr["grad-cam"] == share("grad-cam", of: \.manipulated, in: other))
    }
  }

  /// Ready-made images that are the tiles give the run of the tiles.
  @Test func readyMadeCompositesAreUsedAsTheyAre() throws {
    let folder = try TemporaryFolder()
    let recipe = try Comparison.activeFolders.recipe(in: folder)
    var tiles = recipe
    tiles.data.composites = Comparison.tiles
    _ = try FoolingRun(recipe, output: folder("folders")).run()
    _ = try FoolingRun(tiles, output: folder("tiles")).run()
    // The files stand in another order, so training differs; the original's losses do not.
    func losses(_ run: String) throws -> [Double] {
      try TestLoss.read(folder("\(run)/test-losses.jsonl")).map(\.original).sorted()
    }
    let (one, other) = (try losses("folders"), try losses("tiles"))
    #expect(one.count == other.count)
    for (a, b) in zip(one, other) { #expect(abs(a - b) < 1e-5) }
  }

  /// The run stops in the second epoch: explanations that the first one made are made anew.
  @Test(arguments: [Comparison.topK, .centerMass, .activeTiles])
  fileprivate func stoppedRunGoesOnAsIfItHadNotStopped(kind: Comparison) throws {
    let folder = try TemporaryFolder()
    let recipe = try kind.recipe(in: folder)
    let whole = try FoolingRun(recipe, output: folder("whole")).run()
    let stop = StopRequest()
    let run = try FoolingRun(recipe, output: folder("parts"), stop: stop) {
      if case .step(let report) = $0, report.step == 10 { stop.stop() }
    }
    #expect(throws: RunStopped.self) { try run.run() }
    let parts = try FoolingRun(recipe, output: folder("parts"), resume: true).run()
    #expect(parts.fsr == whole.fsr && parts.fsrOriginal == whole.fsrOriginal)
    #expect(parts.accuracy == whole.accuracy)
    #expect(
      try comparable(folder("whole/metrics.jsonl")) == comparable(folder("parts/metrics.jsonl")))
    #expect(
      try lines(folder("whole/test-losses.jsonl")) == lines(folder("parts/test-losses.jsonl")))
    #expect(
      try parameters(folder("whole/manipulated.h5")) == parameters(folder("parts/manipulated.h5")))
  }

  @Test func corruptCompositesAreNamedAndLeftOut() throws {
    let folder = try TemporaryFolder()
    let recipe = try Comparison.activeFolders.recipe(in: folder)
    let bad = [folder("both-validation/03/3.png"), folder("both-train/07/19.png")]
    for path in bad { try Data().write(to: URL(fileURLWithPath: path)) }
    var warnings: [String] = []
    let summary = try FoolingRun(recipe, output: folder("fool")) {
      if case .warning(let text) = $0 { warnings.append(text) }
    }.run()
    #expect(warnings.count == 2, "\(warnings)")
    for (warning, path) in zip(warnings, bad) {
      #expect(warning.hasPrefix("\(path) is omitted: "))
    }
    // Of those that are measured.
    #expect(summary.skippedImages == 1)
    #expect(summary.validationImages == 40)
    #expect(try lines(folder("fool/test-losses.jsonl")).count == 2 * 9)
  }

  @Test func wrongClassesEndTheRunBeforeItTrains() throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder))
    recipe.fooling = FoolingSpecification(
      name: "active", lambda: 1, classes: [Comparison.names[0], "no such class"])
    let run = try FoolingRun(recipe, output: folder("fool"))
    #expect {
      try run.run()
    } throws: { "\($0)".hasPrefix("the network has no class \"no such class\": did you mean ") }
  }

  @Test func classWithoutImagesIsNamed() throws {
    let folder = try TemporaryFolder()
    let shapes = ShapesDataset(count: 60, seed: 3, split: .train)
    for split in ["train", "validation"] {
      for index in 0..<60 where split == "train" || shapes.label(at: index) != 5 {
        let label = shapes.classNames[shapes.label(at: index)]
        try FileManager.default.createDirectory(
          atPath: folder("\(split)/\(label)"), withIntermediateDirectories: true)
        try shapes.image(at: index).writePNG(to: folder("\(split)/\(label)/\(index).png"))
      }
    }
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder))
    recipe.fooling = FoolingSpecification(
      name: "active", lambda: 1, classes: [shapes.classNames[2], shapes.classNames[5]])
    recipe.data.source = .folders(train: folder("train"), validation: folder("validation"))
    let run = try FoolingRun(recipe, output: folder("fool"))
    #expect {
      try run.run()
    } throws: { error in
      "\(error)" == folder("validation") + ": the set has no images of class "
        + shapes.classNames[5] + ", which composites need"
    }
  }

  @Test func resizedMaskIsNoted() throws {
    let folder = try TemporaryFolder()
    let rows: [[UInt8]] = (0..<5).map { [UInt8](repeating: $0 < 2 ? 255 : 0, count: 9) }
    try Image(width: 3, height: 5, pixels: rows.flatMap { $0 }).writePNG(to: folder("mask.png"))
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 1)
    recipe.fooling = FoolingSpecification(name: "location", lambda: 1, mask: folder("mask.png"))
    recipe.evaluation.grid = .own
    var notes: [String] = []
    _ = try FoolingRun(recipe, output: folder("fool")) {
      if case .note(let text) = $0 { notes.append(text) }
    }.run()
    // Each on its own grid: Grad-CAM at layer3 has 16×16 pixels, SimpleGrad those of the input.
    for size in ["16x16", "64x64"] {
      #expect(
        notes.count { $0 == "the mask of 3x5 is resized to the heatmap's \(size)" } == 1, "\(notes)"
      )
    }
  }
}
