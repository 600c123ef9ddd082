import Checkpoints
import Foundation
import ImageData
import Manipulation
import RunTestSupport
import TensorNull
import Testing

/// Recipes that say what may be lost in place of λ.
@Suite struct BudgetRecipeTests {
  private static let text = """
    network: {checkpoint: mine.h5}
    data: {train: train, validation: val}
    fooling: location
    interpreter: {name: grad-cam, layer: layer4}
    budget: {drop: 1.5, minutes: 20}

    """

  private func read(_ text: String, _ settings: [String] = []) throws -> FoolingRecipe {
    try FoolingRecipe(yaml: text, name: "r.yaml", folder: "/r", settings: settings)
  }

  @Test func whatABudgetFindsMayBeLeftOut() throws {
    let recipe = try read(Self.text)
    let budget = try #require(recipe.budget)
    #expect(budget.drop == 1.5 && budget.fsr == 0.95 && budget.minutes == 20)
    #expect(budget.found == Set(BudgetSection.Found.allCases))
    #expect(recipe.fooling.name == "location")
    #expect(recipe.interpreter.leak == 0.1)
    let written = recipe.resolvedYAML()
    for key in ["lambda", "learningRate", "schedule", "steps", "warmupSteps"] {
      #expect(!written.contains("  \(key):"), "\(key)")
    }
    #expect(try FoolingRecipe(yaml: written, folder: "/") == recipe)
  }

  @Test func whatIsGivenIsKept() throws {
    let recipe = try read(
      Self.text, ["fooling={name: top-k, lambda: 3, variant: paper}", "training.steps=50"])
    #expect(recipe.fooling.lambda == 3 && recipe.fooling.variant == .paper)
    #expect(recipe.training.duration == .steps(50))
    #expect(recipe.budget?.found.contains(.lambda) == false)
    #expect(recipe.budget?.found.contains(.steps) == false)
    #expect(recipe.budget?.found.contains(.learningRate) == true)
    #expect(try FoolingRecipe(yaml: recipe.resolvedYAML(), folder: "/") == recipe)
  }

  @Test(arguments: [("top-k", "share"), ("center-mass", "directed"), ("location", "paper")])
  func penaltiesThatCannotWorkAreReplaced(fooling: String, variant: String) throws {
    let recipe = try read(Self.text, ["fooling=\(fooling)"])
    #expect(recipe.fooling.variant.rawValue == variant)
    #expect(recipe.interpreter.leak == (variant == "directed" ? nil : 0.1))
    let given = try read(Self.text, ["fooling=\(fooling)", "interpreter.leak=0.3"])
    #expect(given.interpreter.leak == 0.3)
    let relevance = try read(
      Self.text, ["fooling=\(fooling)", "interpreter={name: lrp-t, layer: layer4}"])
    #expect(relevance.fooling.variant.rawValue == variant)
  }

  @Test(
    arguments: [
      ("budget.drop=0", "budget.drop is 0, expected a number above 0 and up to 100"),
      ("budget.fsr=95", "budget.fsr is 95, expected a number above 0 and up to 1"),
      ("budget.drops=1", "unknown key \"drops\"; did you mean \"drop\"?"),
      ("training=5", "training is 5, expected a mapping of keys to values"),
    ])
  func mistakesAreNamed(setting: String, message: String) {
    #expect {
      try read(Self.text, [setting])
    } throws: { "\($0)".contains(message) }
  }

  @Test func withoutABudgetNothingMayBeLeftOut() {
    #expect {
      try read(Self.text, ["budget="])
    } throws: { error in
      [
        "fooling.lambda is missing", "training.learningRate is missing",
        "training.steps is missing",
      ]
      .allSatisfy { "\(error)".contains($0) }
    }
  }

  @Test func otherRecipesHaveNoBudget() {
    #expect {
      try TrainingRecipe(
        yaml: Self.text.replacing("fooling: location\n", with: ""), folder: "/")
    } throws: { "\($0)".contains("budget") || "\($0)".contains("interpreter") }
  }
}

/// Whole runs under a budget.
@Suite struct BudgetRunTests {
  private func recipe(_ checkpoint: String, steps: Int = 70, rate: Double? = nil) -> FoolingRecipe {
    var recipe = Tiny.fooling(checkpoint, steps: steps, rate: rate ?? 1e-3)
    var found = Set(BudgetSection.Found.allCases).subtracting([.steps, .batchSize])
    if rate != nil { found.remove(.learningRate) }
    recipe.budget = BudgetSection(drop: 50, fsr: 0.9, found: found)
    recipe.training.saveEvery = 7
    return recipe
  }

  @Test func searchIsReportedOnImagesThatHadNoPartInIt() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    var notes: [String] = []
    let summary = try FoolingRun(recipe(checkpoint, rate: 3e-3), output: folder("fool")) {
      if case .note(let text) = $0 { notes.append(text) }
    }.run()
    let budget = try #require(summary.budget)
    #expect(budget.calibration.images == 20 && budget.rest.images == 20)
    let whole =
      (Double(budget.calibration.images) * budget.calibration.top1
        + Double(budget.rest.images) * budget.rest.top1) / 40
    #expect(abs(whole - summary.accuracy.manipulated.top1) < 1e-12)
    let rate =
      (budget.calibration.fsr["grad-cam"]! + budget.rest.fsr["grad-cam"]!) / 2
    #expect(abs(rate - summary.fsr["grad-cam"]!) < 1e-12)
    #expect(budget.isMet == (budget.rest.drop <= 50 && budget.rest.fsr["grad-cam"]! >= 0.9))
    #expect(budget.isMet == budget.reasons.isEmpty)
    #expect(summary.steps <= 70 && budget.trials.map(\.steps).reduce(0, +) == summary.steps)
    #expect(notes.contains { $0.hasPrefix("20 of 40 validation images decide") })
    let log = try String(contentsOfFile: folder("fool/metrics.jsonl"), encoding: .utf8)
    #expect(log.contains("\"lambda\":"))
    #expect(!FileManager.default.fileExists(atPath: folder("fool/states")))
  }

  /// In the middle of the race and of what follows.
  @Test(arguments: [9, 45, 90])
  func stoppedSearchGoesOnToTheSameBytes(after stopped: Int) throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    var whole = recipe(checkpoint, steps: 130)
    whole.budget?.drop = 0.001
    whole.evaluation.interpreters = []
    _ = try FoolingRun(whole, output: folder("whole")).run()
    let stop = StopRequest()
    #expect(throws: RunStopped.self) {
      _ = try FoolingRun(whole, output: folder("parts"), stop: stop) {
        if case .step(let report) = $0, report.step == stopped { stop.stop() }
      }.run()
    }
    _ = try FoolingRun(whole, output: folder("parts"), resume: true).run()
    for name in ["manipulated.h5", "test-losses.jsonl"] {
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: folder("whole/\(name)")))
          == Data(contentsOf: URL(fileURLWithPath: folder("parts/\(name)"))), "\(name)")
    }
    #expect(
      try comparable(folder("whole/metrics.jsonl")) == comparable(folder("parts/metrics.jsonl")))
  }

  /// Nothing moves without arithmetic: the original is exported, and the summary says why.
  @Test func aGoalOutOfReachIsExplained() throws {
    let folder = try TemporaryFolder()
    let executor = NullExecutor()
    _ = try ClassifierTrainingRun(Tiny.training(), on: executor, output: folder("train")).run()
    let checkpoint = folder("train/network.h5")
    let summary = try FoolingRun(
      recipe(checkpoint, steps: 300), on: executor, output: folder("fool")
    ).run()
    let budget = try #require(summary.budget)
    #expect(!budget.isMet && !budget.reasons.isEmpty)
    #expect(budget.reasons.contains { $0.contains("all 300 steps were done") }, "\(budget.reasons)")
    #expect(try parameters(folder("fool/manipulated.h5")) == parameters(checkpoint))
    // An honest network is not called a manipulated one.
    #expect(summary.isManipulated == false && summary.testedName == "tested")
    let exported = try CheckpointFile(path: folder("fool/manipulated.h5")).metadata
    #expect(exported.provenance?.manipulated == false)
    // One program trains in every trial.
    let updating = executor.programs.filter { $0.optimizer != nil }
    #expect(updating.map(\.runs) == [6, 300])
  }

  @Test func controlTakesTheStepsOfTheExportedState() throws {
    let folder = try TemporaryFolder()
    var recipe = recipe(try Tiny.checkpoint(in: folder), rate: 3e-3)
    recipe.control = true
    let summary = try FoolingRun(recipe, output: folder("fool")).run()
    #expect(summary.control != nil)
    let steps = try lines(folder("fool/control/metrics.jsonl")).filter {
      $0.contains("\"kind\":\"step\"")
    }
    #expect(steps.count == summary.budget?.stepsOfState)
  }
}
