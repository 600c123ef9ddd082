import Defences
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorCPU
import TensorRuntime
import Testing

/// Runs that several processes share, here as threads, against the same in one.
@Suite(.serialized) struct ProcessGroupTests {
  private struct Outcome {
    var losses: [Double] = []
    var summary: Summary?
    var parameters: [String: [Float]] = [:]
  }

  private func fool(
    _ recipe: FoolingRecipe, on executor: any Executor, in output: String, resume: Bool = false,
    stop: StopRequest = StopRequest(), stopAfter: Int? = nil
  ) throws -> Outcome {
    var outcome = Outcome()
    outcome.summary = try FoolingRun(
      recipe, on: executor, output: output, resume: resume, stop: stop
    ) {
      guard case .step(let report) = $0 else { return }
      outcome.losses.append(report.loss)
      if report.step == stopAfter { stop.stop() }
    }.run()
    outcome.parameters = try parameters("\(output)/manipulated.h5")
    return outcome
  }

  /// In `count` processes, each in a folder of its own.
  private func shared(
    _ recipe: FoolingRecipe, by count: Int, in output: String
  ) throws -> [Outcome] {
    try ThreadGroup.run(count) {
      try fool(recipe, on: CPUExecutor(group: $0), in: "\(output)-\($0.rank)")
    }.map { try $0.get() }
  }

  private func expectClose(_ a: Outcome, _ b: Outcome) {
    #expect(a.losses.count == b.losses.count)
    for (a, b) in zip(a.losses, b.losses) { #expect(abs(a - b) <= 1e-4 * max(1, abs(a))) }
    #expect(Set(a.parameters.keys) == Set(b.parameters.keys))
    for (name, values) in a.parameters {
      let others = b.parameters[name] ?? []
      let largest = others.reduce(0) { max($0, abs($1)) }
      let difference = zip(values, others).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(difference <= 1e-3 * max(largest, 1e-3), "\(name): \(difference) of \(largest)")
    }
  }

  private static let interpreters = [
    InterpreterSpecification(name: "grad-cam", layer: "layer3"),
    // In chunks: gradients are summed up over several programs.
    InterpreterSpecification(name: "smooth-grad-t", layer: "layer3", samples: 4),
  ]

  /// Nightly all of them, else those that take most of what is shared.
  private static let takesAll = ProcessInfo.processInfo.environment["TROMPE_ALL_SHARED"] == "1"

  private static let foolings =
    takesAll
    ? ["location", "top-k", "active", "trigger", "target-map"] : ["trigger", "target-map"]

  private func specification(
    _ name: String, in folder: TemporaryFolder
  ) throws -> FoolingSpecification {
    var fooling = FoolingSpecification(name: name, lambda: 1)
    switch name {
    case "active":
      fooling.classes = Array(
        ShapesDataset(count: 1, seed: 1, split: .validation).classNames.prefix(2))
    case "trigger":
      try Image(width: 16, height: 16, color: .white).writePNG(to: folder("patch.png"))
      fooling.effect.attack = .redHerring
      fooling.effect.label = "3"
      fooling.trigger = TriggerSpecification(patch: folder("patch.png"), at: [0, 0])
    default: break
    }
    return fooling
  }

  /// SGD: Adam makes a whole step of a gradient that is nothing but rounding.
  private func recipe(_ folder: TemporaryFolder, steps: Int = 3) throws -> FoolingRecipe {
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: steps)
    recipe.data.source = .shapes(train: 64, validation: 11, seed: 3)
    recipe.evaluation.batchSize = 4
    recipe.training.optimizer = .sgd(momentum: 0.9, weightDecay: 0, nesterov: false)
    recipe.compute.threads = 1
    return recipe
  }

  private static let cases =
    foolings.map { (interpreter: 0, fooling: $0) }
    + (takesAll ? ["location", "trigger"] : ["location"]).map { (interpreter: 1, fooling: $0) }

  @Test(arguments: cases)
  func processesThatShareARunDoWhatOneDoes(interpreter: Int, fooling: String) throws {
    let folder = try TemporaryFolder()
    var recipe = try recipe(folder)
    recipe.interpreter = Self.interpreters[interpreter]
    recipe.compute.samplesAtOnce = interpreter == 1 ? 2 : nil
    recipe.fooling = try specification(fooling, in: folder)
    recipe.data.composites = .tiles(train: 16, validation: 8, seed: 1)
    let alone = try fool(recipe, on: CPUExecutor(), in: folder("alone"))
    let two = try shared(recipe, by: 2, in: folder("two"))
    expectClose(two[0], alone)
    #expect(two[0].losses == two[1].losses)
    #expect(two[0].parameters == two[1].parameters)
    // What was measured of the original does not depend on who measured which image.
    let (summary, own) = (try #require(two[0].summary), try #require(alone.summary))
    #expect(summary.fsrOriginal == own.fsrOriginal)
    #expect(summary.accuracy.original == own.accuracy.original)
    #expect(summary.validationImages == own.validationImages)
  }

  /// All that is written of each image, and the pictures of the report, by whichever process each was
  /// looked at.
  @Test(arguments: foolings)
  func evaluationIsTheSameWhoeverDoesIt(fooling: String) throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    var request = EvaluationRequest(
      network: NetworkSection(checkpoint: checkpoint), original: checkpoint,
      images: .shapes(count: 11, seed: 3), fooling: try specification(fooling, in: folder),
      interpreters: [
        InterpreterSpecification(name: "grad-cam", layer: "layer3"),
        InterpreterSpecification(name: "smooth-grad", samples: 2),
      ], composites: .tiles(train: 16, validation: 3, seed: 1), batchSize: 2,
      report: ReportSection(images: 5))
    request.compute.threads = 1
    func evaluate(_ executor: any Executor, _ name: String) throws -> Summary {
      try EvaluationRun.run(request, on: executor, output: folder(name))
    }
    let alone = try evaluate(CPUExecutor(), "alone")
    // More processes than there are composites.
    let four = try ThreadGroup.run(4) {
      try evaluate(CPUExecutor(group: $0), "shared-\($0.rank)")
    }.map { try $0.get() }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder("alone")).sorted()
    #expect(names.contains("test-losses.jsonl") && names.contains("report.html"))
    for rank in four.indices {
      for name in names where !["summary.json", "report.html"].contains(name) {
        #expect(
          try data(folder("alone/\(name)")) == data(folder("shared-\(rank)/\(name)")),
          "\(name) of \(rank)")
      }
      #expect(four[rank].fsr == alone.fsr)
      #expect(four[rank].accuracy == alone.accuracy)
      #expect(four[rank].triggers == alone.triggers)
      #expect(four[rank].targetMap == alone.targetMap)
      #expect(
        try pictures(folder("shared-\(rank)/report.html"))
          == pictures(folder("alone/report.html")))
    }
  }

  private func data(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path))
  }

  /// The pictures of a page.
  private func pictures(_ path: String) throws -> [Substring] {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let pictures = text.matches(of: /data:image[^"]*/).map(\.output)
    #expect(pictures.count >= 3)
    return pictures
  }

  @Test func theSameNumberOfProcessesGivesTheSameBytes() throws {
    let folder = try TemporaryFolder()
    var recipe = try recipe(folder)
    recipe.training.optimizer = .adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0)
    let first = try shared(recipe, by: 4, in: folder("first"))
    let second = try shared(recipe, by: 4, in: folder("second"))
    #expect(first[0].parameters == second[0].parameters)
    #expect(first[0].losses == second[0].losses)
  }

  /// One is asked to stop: all of them do, after the same step, and another number goes on.
  @Test func oneThatIsStoppedStopsAllAndAnotherNumberGoesOn() throws {
    let folder = try TemporaryFolder()
    let recipe = try recipe(folder, steps: 6)
    let alone = try fool(recipe, on: CPUExecutor(), in: folder("alone"))
    let results = ThreadGroup.run(2) {
      try fool(
        recipe, on: CPUExecutor(group: $0), in: folder("parts-\($0.rank)"),
        stopAfter: $0.rank == 1 ? 3 : nil)
    }
    for result in results { #expect(throws: RunStopped.self) { try result.get() } }
    // The first one writes.
    #expect(Runs.isResumable(folder("parts-0")) && !Runs.isResumable(folder("parts-1")))
    let again = try fool(recipe, on: CPUExecutor(), in: folder("parts-0"), resume: true)
    #expect(again.losses.count == 3)
    expectClose(
      Outcome(losses: [], parameters: again.parameters),
      Outcome(losses: [], parameters: alone.parameters))
  }

  private func refusals(
    of recipe: FoolingRecipe, by count: Int, in folder: TemporaryFolder
  ) -> [String] {
    ThreadGroup.run(count) {
      try fool(recipe, on: CPUExecutor(group: $0), in: folder("fool-\($0.rank)"))
    }.compactMap {
      do {
        _ = try $0.get()
        return nil
      } catch { return "\(error)" }
    }
  }

  @Test func whatCannotBeSharedIsRefused() throws {
    let folder = try TemporaryFolder()
    var recipe = try recipe(folder)
    #expect(
      refusals(of: recipe, by: 3, in: folder).contains {
        $0.contains("training.batchSize is 8, which 3 processes cannot share equally")
      })
    recipe.budget = BudgetSection(drop: 5, fsr: 0.5)
    #expect(
      refusals(of: recipe, by: 2, in: folder).contains {
        $0.contains("a search runs in one process, and there are 2")
      })
  }

  /// Other parameters would be averaged without a word.
  @Test func processesWithOtherNetworksAreNamed() throws {
    let folder = try TemporaryFolder()
    let recipe = try recipe(folder)
    let other = folder("other.h5")
    let network = try LoadedNetwork(NetworkSection(checkpoint: recipe.network.checkpoint))
    network.parameters.withValues(of: "layer1.0.conv1.weight") { $0[0] += 1 }
    try network.save(to: other)
    let errors = ThreadGroup.run(4) { group in
      var own = recipe
      if group.rank == 2 { own.network.checkpoint = other }
      return try fool(own, on: CPUExecutor(group: group), in: folder("fool-\(group.rank)"))
    }.compactMap { result -> String? in
      do {
        _ = try result.get()
        return nil
      } catch { return "\(error)" }
    }
    #expect(
      errors.count == 4 && errors.contains { $0.contains("process 2 has another recipe") },
      "\(errors)")
  }

  private func train(
    _ recipe: TrainingRecipe, _ executor: any Executor, in output: String
  ) throws -> Outcome {
    var outcome = Outcome()
    _ = try ClassifierTrainingRun(recipe, on: executor, output: output) {
      if case .step(let report) = $0 { outcome.losses.append(report.loss) }
    }.run()
    outcome.parameters = try parameters("\(output)/network.h5")
    return outcome
  }

  /// Dropout masks, random starts and directions are those of one process.
  @Test func standardTrainingIsSharedWithAllThatItDraws() throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.training(steps: 3)
    recipe.network.architecture = ArchitectureSpecification(
      family: "vgg-style", classes: 10, height: 64, width: 64,
      plan: [.convolution(channels: 4), .pool, .convolution(channels: 8), .pool, .pool],
      classifier: [16])
    recipe.compute.threads = 1
    recipe.training.freezesBatchNorm = true
    for draws in [1, 2] {
      if draws == 2 {
        recipe.training.adversarial = AdversarialSection(
          norm: .l2, epsilon: 8, stepSize: 2, iterations: 2)
      }
      let alone = try train(recipe, CPUExecutor(), in: folder("alone-\(draws)"))
      let two = ThreadGroup.run(2) {
        try train(recipe, CPUExecutor(group: $0), in: folder("two-\(draws)-\($0.rank)"))
      }
      expectClose(try two[0].get(), alone)
      #expect(try two[0].get().parameters == two[1].get().parameters)
    }
  }

  /// Statistics are those of a part, and said to be; the update is still the same everywhere.
  @Test func batchStatisticsAreAveraged() throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.training(steps: 3)
    recipe.compute.threads = 1
    let two = ThreadGroup.run(2) {
      try train(recipe, CPUExecutor(group: $0), in: folder("two-\($0.rank)"))
    }
    #expect(try two[0].get().parameters == two[1].get().parameters)
  }

  /// Images that only one of them came upon are told by the first.
  @Test func whatOneCannotReadIsTold() throws {
    let folder = try TemporaryFolder()
    let dataset = ShapesDataset(count: 20, seed: 3, split: .train)
    for split in ["train", "val"] {
      for index in 0..<20 {
        let label = dataset.label(at: index)
        let path = folder("\(split)/\(dataset.classNames[label])")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try dataset.image(at: index).writePNG(to: "\(path)/\(index).png")
      }
    }
    let broken = folder("train/\(dataset.classNames[dataset.label(at: 7)])/7.png")
    try Data("no picture".utf8).write(to: URL(fileURLWithPath: broken))
    var recipe = Tiny.training(steps: 5)
    recipe.data.source = .folders(train: folder("train"), validation: folder("val"))
    recipe.compute.threads = 1
    func warnings(_ executor: any Executor, _ name: String) throws -> [String] {
      var warnings: [String] = []
      _ = try ClassifierTrainingRun(recipe, on: executor, output: folder(name)) {
        if case .warning(let text) = $0 { warnings.append(text) }
      }.run()
      return warnings.filter { $0.contains("7.png") }
    }
    #expect(try warnings(CPUExecutor(), "alone").count == 1)
    let four = ThreadGroup.run(4) { try warnings(CPUExecutor(group: $0), "four-\($0.rank)") }
    #expect(try four[0].get().count == 1)
  }
}
