import Defences
import Explanations
import Foundation
import ImageData
import Manipulation
import RunTestSupport
import TensorCPU
import TensorRuntime
import TensorXLA
import Testing

/// The plugin for CPUs that this machine has.
private enum CPUPlugin {
  static let path = try? PluginSearch().plugin(for: XLADevice(.cpu))
  /// XLA compiles for seconds: all cases are for the night.
  static let runsAll = ProcessInfo.processInfo.environment["TROMPE_ALL_ON_XLA"] != nil
}

/// Runs on XLA's CPU against the same on our own.
@Suite(
  .enabled(
    if: CPUPlugin.path != nil,
    "needs a plugin of PJRT for CPUs: trompe devices install cpu, or TROMPE_PLUGIN"))
struct XLARunTests {
  private func xla() throws -> XLAExecutor {
    try XLAExecutor(XLADevice(.cpu), plugin: CPUPlugin.path)
  }

  /// Losses of every step, and the parameters that are written.
  private func fool(
    _ recipe: FoolingRecipe, on executor: any Executor, in output: String
  ) throws -> (losses: [Double], penalties: [Double], parameters: [String: [Float]]) {
    var (losses, penalties): ([Double], [Double]) = ([], [])
    _ = try FoolingRun(recipe, on: executor, output: output) {
      if case .step(let report) = $0 {
        losses.append(report.loss)
        penalties.append(report.penalty ?? 0)
      }
    }.run()
    return (losses, penalties, try parameters("\(output)/manipulated.h5"))
  }

  private func expectClose(
    _ a: [String: [Float]], _ b: [String: [Float]], within tolerance: Float
  ) {
    #expect(Set(a.keys) == Set(b.keys))
    for (name, values) in a {
      let others = b[name] ?? []
      let largest = others.reduce(0) { max($0, abs($1)) }
      let difference = zip(values, others).reduce(0) { max($0, abs($1.0 - $1.1)) }
      // Biases that begin at zero are small, and sums in which much cancels.
      #expect(
        difference <= tolerance * max(largest, 2e-2), "\(name): \(difference) of \(largest)")
    }
  }

  /// ‖(a − o) − (b − o)‖/‖b − o‖ over all parameters, o before the run.
  private func differenceOfChanges(
    _ a: [String: [Float]], _ b: [String: [Float]], from before: [String: [Float]]
  ) -> Float {
    var (apart, change): (Float, Float) = (0, 0)
    for (name, start) in before {
      for ((x, y), o) in zip(zip(a[name] ?? [], b[name] ?? []), start) {
        apart += (x - y) * (x - y)
        change += (y - o) * (y - o)
      }
    }
    return (apart / change).squareRoot()
  }

  /// Gradients of a layer before global average pooling are the same everywhere: their maps are nothing but
  /// rounding, so inner layers are taken. `center-mass` is left out: its first step is at the kink of a
  /// distance of zero, where rounding chooses the direction.
  private static let cases: [(fooling: String, interpreter: InterpreterSpecification)] = [
    ("location", InterpreterSpecification(name: "grad-cam", layer: "layer3")),
    ("location", InterpreterSpecification(name: "simple-grad")),
    ("location", InterpreterSpecification(name: "lrp-t", layer: "layer2")),
    ("top-k", InterpreterSpecification(name: "grad-cam", layer: "layer3")),
    ("top-k", InterpreterSpecification(name: "simple-grad-t", layer: "layer2")),
    ("active", InterpreterSpecification(name: "grad-cam", layer: "layer3")),
    ("location", InterpreterSpecification(name: "smooth-grad-t", layer: "layer2", samples: 4)),
  ]

  /// Losses to 1e-4, parameters after three steps to 1e-3, their change to 1e-2.
  @Test(arguments: CPUPlugin.runsAll ? Array(cases.indices) : [0])
  func threeStepsOfEveryFoolingAgree(place: Int) throws {
    let folder = try TemporaryFolder()
    let (fooling, interpreter) = Self.cases[place]
    let checkpoint = try Tiny.checkpoint(in: folder)
    var recipe = Tiny.fooling(checkpoint, steps: 3)
    recipe.fooling = FoolingSpecification(
      name: fooling, lambda: 1,
      classes: fooling == "active"
        ? Array(ShapesDataset(count: 1, seed: 1, split: .validation).classNames.prefix(2)) : nil)
    recipe.interpreter = interpreter
    // Adam makes a whole step of a gradient that is nothing but rounding. `ExecutorConformance` compares
    // its updates.
    recipe.training.optimizer = .sgd(momentum: 0.9, weightDecay: 0, nesterov: false)
    recipe.training.learningRate = 1e-2
    // In two chunks: gradients are summed up on the device.
    recipe.compute.samplesAtOnce = interpreter.name == "smooth-grad-t" ? 2 : nil
    recipe.data.composites = .tiles(train: 16, validation: 8, seed: 1)
    let own = try fool(recipe, on: CPUExecutor(), in: folder("own"))
    let other = try fool(recipe, on: xla(), in: folder("xla"))
    #expect(own.losses.count == 3)
    for (a, b) in zip(own.losses + own.penalties, other.losses + other.penalties) {
      #expect(abs(a - b) <= 1e-4 * max(1, abs(a)), "\(own.losses), \(other.losses)")
    }
    expectClose(other.parameters, own.parameters, within: 1e-3)
    let apart = differenceOfChanges(
      other.parameters, own.parameters, from: try parameters(checkpoint))
    #expect(apart <= 1e-2)
  }

  /// Batch statistics, running ones among the outputs; penalties on curvature.
  @Test(arguments: CPUPlugin.runsAll ? [nil, "ssr", "gradient-norm"] : [nil] as [String?])
  func standardTrainingAgrees(regularizer: String?) throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.training(steps: 3)
    recipe.training.regularizers =
      regularizer.map { [RegularizerSpecification(name: $0, weight: 0.1)] } ?? []
    func train(_ executor: any Executor, _ name: String) throws -> ([Double], [String: [Float]]) {
      var losses: [Double] = []
      _ = try ClassifierTrainingRun(recipe, on: executor, output: folder(name)) {
        if case .step(let report) = $0 { losses.append(report.loss) }
      }.run()
      return (losses, try parameters(folder("\(name)/network.h5")))
    }
    let (own, ownParameters) = try train(CPUExecutor(), "own")
    let (other, otherParameters) = try train(xla(), "xla")
    #expect(own.count == 3)
    for (a, b) in zip(own, other) { #expect(abs(a - b) <= 1e-4 * max(1, abs(a))) }
    expectClose(otherParameters, ownParameters, within: 1e-3)
  }

  /// A stopped run goes on to the same bytes.
  @Test func aStoppedRunGoesOnToTheSameBytes() throws {
    let folder = try TemporaryFolder()
    let recipe = Tiny.fooling(try Tiny.checkpoint(in: folder))
    let whole = try fool(recipe, on: xla(), in: folder("whole"))
    let stop = StopRequest()
    #expect(throws: RunStopped.self) {
      _ = try FoolingRun(recipe, on: xla(), output: folder("parts"), stop: stop) {
        if case .step(let report) = $0, report.step == 4 { stop.stop() }
      }.run()
    }
    _ = try FoolingRun(recipe, on: xla(), output: folder("parts"), resume: true).run()
    #expect(try parameters(folder("parts/manipulated.h5")) == whole.parameters)
  }

  /// Losses that are not finite end a run with the place where they came from.
  @Test func whatIsNotFiniteIsNamed() throws {
    let folder = try TemporaryFolder()
    let recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), rate: 1e30)
    let error = #expect(throws: RunError.self) {
      _ = try FoolingRun(recipe, on: xla(), output: folder("fool")).run()
    }
    #expect(error?.description.contains("at layer") == true, "\(error!)")
  }
}
