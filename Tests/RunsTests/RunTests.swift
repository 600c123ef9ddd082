import Checkpoints
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorCPU
import TensorGraph
import Testing

struct RunTests {
  @Test func foolingRunWritesEverythingAndEvaluationReproducesItsNumbers() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    let recipe = Tiny.fooling(checkpoint)
    let summary = try FoolingRun(recipe, output: folder("fool")).run()
    #expect(summary.validationImages == 40)
    #expect(Set(summary.fsr.keys) == ["grad-cam", "simple-grad"])
    #expect(summary.steps == 6)

    let written = try JSONDecoder().decode(
      Summary.self, from: Data(contentsOf: URL(fileURLWithPath: folder("fool/summary.json"))))
    #expect(written == summary)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder("fool")).sorted()
    #expect(
      names == [
        "manipulated.h5", "metrics.jsonl", "predictions.csv", "recipe.yaml", "report.html",
        "report.json", "summary.json", "test-losses.jsonl",
      ])
    let metrics = try lines(folder("fool/metrics.jsonl"))
    #expect(metrics.count { $0.contains(#""kind":"step""#) } == 6)
    #expect(metrics.count { $0.contains(#""kind":"validation""#) } == 2)

    let request = EvaluationRequest(
      network: NetworkSection(checkpoint: folder("fool/manipulated.h5")), original: checkpoint,
      images: .shapes(count: 40, seed: 3), fooling: recipe.fooling,
      interpreters: [recipe.interpreter]
        + recipe.evaluation.interpreters.specifications(besides: recipe.interpreter))
    let evaluated = try EvaluationRun.run(request)
    #expect(evaluated.accuracy == summary.accuracy)
    #expect(evaluated.fsr == summary.fsr)
    #expect(evaluated.fsrOriginal == summary.fsrOriginal)

    let metadata = try HDF5File(path: folder("fool/manipulated.h5")).readMetadata()
    let provenance = try #require(metadata.provenance)
    #expect(provenance.manipulated == true)
    #expect(provenance.originalSHA256 == (try sha256(ofFile: checkpoint)))
    #expect(provenance.fsr == summary.fsr)
    #expect(
      provenance.recipe == (try String(contentsOfFile: folder("fool/recipe.yaml"), encoding: .utf8))
    )
    #expect(metadata.classNames == ShapesDataset(count: 1, seed: 0, split: .train).classNames)
  }

  @Test func sameSeedGivesTheSameBits() throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      _ = try ClassifierTrainingRun(Tiny.training(), output: folder(name)).run()
    }
    _ = try ClassifierTrainingRun(Tiny.training(seed: 2), output: folder("other")).run()
    #expect(try comparable(folder("a/metrics.jsonl")) == comparable(folder("b/metrics.jsonl")))
    #expect(try parameters(folder("a/network.h5")) == parameters(folder("b/network.h5")))
    #expect(try parameters(folder("a/network.h5")) != parameters(folder("other/network.h5")))
  }

  @Test(arguments: [1, 3, 5])
  func stoppedTrainingGoesOnAsIfItHadNotStopped(after steps: Int) throws {
    let folder = try TemporaryFolder()
    _ = try ClassifierTrainingRun(Tiny.training(), output: folder("whole")).run()
    let stop = StopRequest()
    let run = try ClassifierTrainingRun(Tiny.training(), output: folder("parts"), stop: stop) {
      if case .step(let report) = $0, report.step == steps { stop.stop() }
    }
    #expect(throws: RunStopped.self) { try run.run() }
    _ = try ClassifierTrainingRun(Tiny.training(), output: folder("parts"), resume: true).run()
    #expect(
      try comparable(folder("whole/metrics.jsonl")) == comparable(folder("parts/metrics.jsonl")))
    #expect(try parameters(folder("whole/network.h5")) == parameters(folder("parts/network.h5")))
  }

  @Test func stoppedFoolingGoesOnAsIfItHadNotStopped() throws {
    let folder = try TemporaryFolder()
    let recipe = Tiny.fooling(try Tiny.checkpoint(in: folder))
    let whole = try FoolingRun(recipe, output: folder("whole")).run()
    let stop = StopRequest()
    let run = try FoolingRun(recipe, output: folder("parts"), stop: stop) {
      if case .step(let report) = $0, report.step == 3 { stop.stop() }
    }
    #expect {
      try run.run()
    } throws: { error in
      "\(error)"
        == "stopped after step 3 of 6; go on with the same command and --resume --output "
        + folder("parts")
    }
    let parts = try FoolingRun(recipe, output: folder("parts"), resume: true).run()
    #expect(parts.fsr == whole.fsr && parts.accuracy == whole.accuracy)
    #expect(
      try comparable(folder("whole/metrics.jsonl")) == comparable(folder("parts/metrics.jsonl")))
    #expect(
      try parameters(folder("whole/manipulated.h5")) == parameters(folder("parts/manipulated.h5")))
  }

  @Test func lossThatIsNotFiniteNamesTheStepAndKeepsTheLastGoodState() throws {
    let folder = try TemporaryFolder()
    let recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 40, rate: 1e12)
    let run = try FoolingRun(recipe, output: folder("fool"))
    #expect {
      try run.run()
    } throws: { error in
      "\(error)".contains("at step") && "\(error)".contains("try a lower training.learningRate")
    }
    #expect(!FileManager.default.fileExists(atPath: folder("fool/manipulated.h5")))
  }

  @Test func runsDoNotOverwriteEachOther() throws {
    let folder = try TemporaryFolder()
    _ = try ClassifierTrainingRun(Tiny.training(steps: 1), output: folder("run")).run()
    #expect {
      try ClassifierTrainingRun(Tiny.training(steps: 1), output: folder("run"))
    } throws: { error in
      "\(error)"
        == folder("run")
        + " already holds a run; continue it with --resume, or name another --output"
    }
    #expect {
      try ClassifierTrainingRun(Tiny.training(), output: folder("new"), resume: true)
    } throws: { error in "\(error)".contains("holds no saved state to resume from") }
    #expect {
      try ClassifierTrainingRun(Tiny.training(steps: 1), output: folder("run"), resume: true)
    } throws: { error in
      "\(error)" == folder("run") + " holds a run that is finished: nothing is left to resume"
    }
  }

  @Test func resumingWithAnotherRecipeIsRefused() throws {
    let folder = try TemporaryFolder()
    let stop = StopRequest()
    let run = try ClassifierTrainingRun(Tiny.training(), output: folder("run"), stop: stop) {
      if case .step(let report) = $0, report.step == 2 { stop.stop() }
    }
    #expect(throws: RunStopped.self) { try run.run() }
    #expect {
      try ClassifierTrainingRun(Tiny.training(seed: 9), output: folder("run"), resume: true).run()
    } throws: { error in
      "\(error)".contains("was begun with another recipe")
        && "\(error)".contains(#"says "seed: 1" where this one says "seed: 9""#)
    }
    // The recipe in the folder, changed there: the state still knows.
    let written = folder("run/recipe.yaml")
    let text = try String(contentsOfFile: written, encoding: .utf8)
    try text.replacing("learningRate: 0.05", with: "learningRate: 0.04")
      .write(toFile: written, atomically: true, encoding: .utf8)
    #expect {
      try ClassifierTrainingRun(
        TrainingRecipe(contentsOf: written), output: folder("run"), resume: true
      ).run()
    } throws: { error in
      "\(error)".contains(
        #"says "learningRate: 0.05" where this one says "learningRate: 0.04"; put that back into "#)
    }
  }

  @Test func oneFolderForBothSplitsIsToldOf() throws {
    let folder = try TemporaryFolder()
    let shapes = ShapesDataset(count: 40, seed: 3, split: .train)
    for index in 0..<40 {
      let label = shapes.classNames[shapes.label(at: index)]
      try FileManager.default.createDirectory(
        atPath: folder("images/\(label)"), withIntermediateDirectories: true)
      try shapes.image(at: index).writePNG(to: folder("images/\(label)/\(index).png"))
    }
    var recipe = Tiny.training(steps: 1)
    recipe.data.source = .folders(
      train: folder("images"), validation: folder("./images/../images"))
    var warnings: [String] = []
    _ = try ClassifierTrainingRun(recipe, output: folder("run")) {
      if case .warning(let text) = $0 { warnings.append(text) }
    }.run()
    #expect(warnings.contains { $0.contains("are one folder") })
  }

  @Test func corruptImagesAreNamedAndLeftOut() throws {
    let folder = try TemporaryFolder()
    let shapes = ShapesDataset(count: 60, seed: 3, split: .train)
    for split in ["train", "validation"] {
      for index in 0..<60 {
        let label = shapes.classNames[shapes.label(at: index)]
        try FileManager.default.createDirectory(
          atPath: folder("\(split)/\(label)"), withIntermediateDirectories: true)
        try shapes.image(at: index).writePNG(to: folder("\(split)/\(label)/\(index).png"))
      }
    }
    let bad = folder("validation/\(shapes.classNames[0])/0.png")
    try Data().write(to: URL(fileURLWithPath: bad))
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 2)
    recipe.data.source = .folders(train: folder("train"), validation: folder("validation"))
    var warnings: [String] = []
    let summary = try FoolingRun(recipe, output: folder("fool")) {
      if case .warning(let text) = $0 { warnings.append(text) }
    }.run()
    #expect(summary.validationImages == 59)
    #expect(summary.skippedImages == 1)
    #expect(warnings.count == 1 && warnings[0].hasPrefix("\(bad) is omitted: "))
  }

  /// Behind the last convolution a gradient is the same everywhere, and scaled to [0, 1] it is zero.
  @Test func emptyHeatmapsAreToldOfBeforeTheFirstStep() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    func warnings(_ layer: String) throws -> [String] {
      var recipe = Tiny.fooling(checkpoint, steps: 1)
      recipe.interpreter = InterpreterSpecification(name: "simple-grad-t", layer: layer)
      let forecast = try RunForecast(recipe, on: CPUExecutor())
      var warnings = [forecast.baseline?.warning].compactMap(\.self)
      _ = try FoolingRun(recipe, output: folder(layer)) {
        if case .warning(let text) = $0 { warnings.append(text) }
      }.run()
      return warnings
    }
    let expected =
      "100.00 % of the original network's heatmaps by simple-grad-t are all-zero before any manipulation"
    let last = try warnings("layer3")
    #expect(last.count { $0.hasPrefix(expected) } == 2, "\(last)")
    #expect(try !warnings("layer2").contains { $0.contains("all-zero before") })
  }

  @Test func targetLayerThatDoesNotExistListsTheValidOnes() throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder))
    recipe.interpreter.layer = "layer9"
    let run = try FoolingRun(recipe, output: folder("fool"))
    #expect {
      try run.run()
    } throws: { error in "\(error)".contains("layer9") && "\(error)".contains("layer3") }
  }

  @Test func dataWithMoreClassesThanTheNetworkIsRefused() throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.training()
    recipe.network.architecture?.classes = 3
    let run = try ClassifierTrainingRun(recipe, output: folder("run"))
    #expect {
      try run.run()
    } throws: { error in
      "\(error)".hasPrefix("the data has 10 classes, the network 3: label ")
    }
  }
}

struct LocationTests {
  @Test func maskIsAFrameOfOneSeventhOfTheSide() {
    #expect(Location().mask(height: 3, width: 3).values == [1, 1, 1, 1, 0, 1, 1, 1, 1])
    func area(_ mask: Tensor) -> Int { mask.values.count { $0 == 1 } }
    #expect(area(Location().mask(height: 14, width: 14)) == 96)
    #expect(area(Location(target: .frame(width: 1)).mask(height: 14, width: 14)) == 52)
  }
}
