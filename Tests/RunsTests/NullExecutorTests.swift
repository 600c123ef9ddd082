import Attacks
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import TensorNull
import TensorRuntime
import Testing

/// Whole runs without arithmetic: what is read, written, named and handed on.
@Suite struct NullExecutorTests {
  private static let checkpoint = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../checkpoints/shapes-resnet.h5").standardizedFileURL.path

  private func run(
    _ recipe: FoolingRecipe, _ executor: NullExecutor, in output: String, resume: Bool = false,
    stop: StopRequest = StopRequest(), observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws -> Summary {
    try FoolingRun(
      recipe, on: executor, output: output, resume: resume, stop: stop, observe: observe
    ).run()
  }

  private func trained(in folder: TemporaryFolder, _ executor: NullExecutor) throws -> String {
    _ = try ClassifierTrainingRun(Tiny.training(), on: executor, output: folder("train")).run()
    return folder("train/network.h5")
  }

  @Test func trainingAndFoolingRun() throws {
    let folder = try TemporaryFolder()
    let executor = NullExecutor()
    let checkpoint = try trained(in: folder, executor)
    var steps = 0
    let summary = try run(Tiny.fooling(checkpoint), executor, in: folder("fool")) {
      if case .step(let report) = $0 {
        steps += 1
        #expect(report.loss == 0.5 && report.penalty == 0.5)
      }
    }
    #expect(steps == 6 && summary.steps == 6)
    // Nobody has computed anything: the network is the one it was.
    #expect(try parameters(folder("fool/manipulated.h5")) == parameters(checkpoint))
    for name in ["summary.json", "report.html", "metrics.jsonl", "recipe.yaml"] {
      #expect(FileManager.default.fileExists(atPath: folder("fool/\(name)")), "\(name)")
    }
    let updating = executor.programs.filter { $0.optimizer != nil }
    #expect(updating.map(\.runs) == [6, 6], "one program of each run, a run for each step")
    #expect(updating.allSatisfy { $0.optimizer?.step == 6 })
  }

  @Test(arguments: ["active", "top-k", "center-mass"], ["grad-cam", "smooth-grad-t"])
  func foolingsReadWhatTheyName(fooling: String, interpreter: String) throws {
    let folder = try TemporaryFolder()
    let executor = NullExecutor()
    var recipe = Tiny.fooling(try trained(in: folder, executor), steps: 2)
    recipe.fooling = FoolingSpecification(
      name: fooling, lambda: 1,
      classes: fooling == "active"
        ? Array(ShapesDataset(count: 1, seed: 1, split: .validation).classNames.prefix(2)) : nil)
    recipe.interpreter = InterpreterSpecification(
      name: interpreter, layer: "layer3", samples: interpreter == "smooth-grad-t" ? 5 : nil)
    recipe.compute.samplesAtOnce = interpreter == "smooth-grad-t" ? 2 : nil
    recipe.data.composites = .tiles(train: 16, validation: 8, seed: 1)
    #expect(try run(recipe, executor, in: folder("fool")).steps == 2)
  }

  @Test func aStoppedRunGoesOn() throws {
    let folder = try TemporaryFolder()
    let executor = NullExecutor()
    let recipe = Tiny.fooling(try trained(in: folder, executor))
    let stop = StopRequest()
    #expect(throws: RunStopped.self) {
      _ = try run(recipe, executor, in: folder("fool"), stop: stop) {
        if case .step(let report) = $0, report.step == 4 { stop.stop() }
      }
    }
    let again = NullExecutor()
    #expect(try run(recipe, again, in: folder("fool"), resume: true).steps == 6)
    let program = try #require(again.programs.first { $0.optimizer != nil })
    #expect(program.runs == 2 && program.optimizer?.step == 6)
  }

  @Test func whatIsNotFiniteEndsTraining() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try trained(in: folder, NullExecutor())
    let error = #expect(throws: RunError.self) {
      _ = try run(Tiny.fooling(checkpoint), NullExecutor(value: .nan), in: folder("fool"))
    }
    #expect(error?.description.contains("values that are not finite") == true)
    let divergence = #expect(throws: (any Error).self) {
      _ = try ClassifierTrainingRun(
        Tiny.training(), on: NullExecutor(value: .infinity), output: folder("infinite")
      ).run()
    }
    #expect("\(divergence!)".contains("the loss is infinite at step 1"))
  }

  @Test func attacksAndEvaluationsRun() throws {
    let folder = try TemporaryFolder()
    let executor = NullExecutor()
    let data = DataSection(source: .shapes(train: 10, validation: 60, seed: 7), threads: 2)
    let attack = try AttackRun(
      AttackRecipe(
        network: NetworkSection(checkpoint: Self.checkpoint), data: data,
        interpreter: InterpreterSpecification(name: "simple-grad"),
        attack: AttackSpecification(
          methods: ["top-k", "random-sign"], epsilons: [8], stepSize: 1, iterations: 3, images: 3),
        evaluation: EvaluationSection(batchSize: 4)),
      on: executor, output: folder("attack")
    ).run()
    #expect(attack.results.count == 2)
    _ = try CurvatureRun(
      AttackRecipe(
        network: NetworkSection(checkpoint: Self.checkpoint), data: data,
        interpreter: InterpreterSpecification(name: "simple-grad"),
        attack: AttackSpecification(methods: ["top-k"], images: 2),
        evaluation: EvaluationSection(batchSize: 2)),
      on: executor, output: folder("curvature")
    ).run()
    let evaluated = try EvaluationRun.run(
      EvaluationRequest(
        network: NetworkSection(checkpoint: Self.checkpoint), original: Self.checkpoint,
        images: .shapes(count: 20, seed: 7),
        fooling: FoolingSpecification(name: "location", lambda: 1),
        interpreters: [InterpreterSpecification(name: "simple-grad")]),
      on: executor)
    #expect(evaluated.accuracy.original == evaluated.accuracy.manipulated)
  }

  // MARK: The executor itself

  @Test func ownersAreChecked() throws {
    let (one, other) = (NullExecutor(), NullExecutor())
    var graph = GraphBuilder()
    let y = try graph.square(graph.parameter("w", shape: [2]))
    let computation = graph.computation([("y", y)])
    let parameters = try one.makeParameters([("w", [2])])
    let error = #expect(throws: ExecutionError.self) {
      _ = try other.compile(computation, parameters: parameters, policy: ExecutionPolicy())
    }
    #expect(
      error?.description
        == "the null executor reads parameters that it made, not those of another")
  }

  @Test func takenOutputsCannotBeRead() throws {
    let executor = NullExecutor()
    var graph = GraphBuilder()
    let w = try graph.parameter("w", shape: [2])
    let loss = try graph.sum(graph.square(w))
    let gradient = try graph.gradient(of: loss, with: [w])[0]
    let computation = graph.computation(
      [("loss", loss), ("gradient", gradient)],
      update: StepUpdate(.adam, gradients: ["w": "gradient"], guarded: ["loss"]))
    let program = try executor.compile(
      computation, parameters: executor.makeParameters([("w", [2])]), policy: ExecutionPolicy())
    try program.run([:])
    #expect(try program.output("gradient") == Tensor(shape: [2], values: [0.5, 0.5]))
    #expect(try program.step([:], learningRate: 1) == .applied)
    #expect(try program.output("loss").values == [0.5])
    let error = #expect(throws: ExecutionError.self) { _ = try program.output("gradient") }
    #expect(error?.description == "output gradient is read after a step that took its memory")
  }
}
