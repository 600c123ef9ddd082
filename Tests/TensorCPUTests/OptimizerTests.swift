import Foundation
import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorRuntime
import Testing

@Suite(.everyInstructionSet) struct OptimizerTests {
  /// Three steps of PyTorch's optimizers in double precision; the origin stands in the file.
  private struct Fixture: Decodable {
    struct Settings: Decodable {
      let learningRate: Float
      let beta1: Float?
      let beta2: Float?
      let epsilon: Float?
      let momentum: Float?
      let weightDecay: Float
    }
    struct Run: Decodable {
      let optimizer: String
      let settings: Settings
      let parametersAfterStep: [[Double]]
      var method: UpdateRule {
        optimizer == "adam"
          ? .adam(
            beta1: settings.beta1!, beta2: settings.beta2!, epsilon: settings.epsilon!,
            weightDecay: settings.weightDecay)
          : .sgd(
            momentum: settings.momentum!, weightDecay: settings.weightDecay, nesterov: false)
      }
    }
    let parameters: [Float]
    let gradients: [[Float]]
    let runs: [Run]

    static func load() throws -> Fixture {
      let url = try #require(
        Bundle.module.url(forResource: "Fixtures/optimizers", withExtension: "json"))
      return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
    }
  }

  /// A program whose output is its input: the gradient.
  private func program(_ store: ParameterStore, count: Int) throws -> Executable {
    var graph = GraphBuilder()
    let g = try graph.placeholder("g", shape: [count])
    return try Executable(
      graph.graph(outputs: [g]), parameters: store, options: .init(threads: 2))
  }

  @Test(arguments: 0..<3)
  func stepsAreThoseOfPyTorch(run: Int) throws {
    let fixture = try Fixture.load()
    try #require(fixture.runs.count == 3)
    let run = fixture.runs[run]
    let store = try ParameterStore([("w", [5])])
    store["w"] = Tensor(shape: [5], values: fixture.parameters)
    let executable = try program(store, count: 5)
    let optimizer = try Optimizer(run.method, parameters: store, names: ["w"])
    for (gradient, expected) in zip(fixture.gradients, run.parametersAfterStep) {
      try executable.run(["g": .floats(gradient)])
      optimizer.update(
        from: executable, gradients: ["w": 0], learningRate: run.settings.learningRate)
      for (a, e) in zip(store["w"].values, expected) {
        // A few roundings of a parameter, and of a step of at most 0.3.
        #expect(abs(Double(a) - e) <= 2e-7 * max(1, abs(e)), "\(run.optimizer): \(a), not \(e)")
      }
    }
    #expect(optimizer.step == 3)
  }

  /// Gradients that were added up elsewhere.
  @Test func gradientsMayStandInAStore() throws {
    let store = try ParameterStore([("w", [2]), ("v", [1])])
    let gradients = try ParameterStore([("v", [1]), ("w", [2])])
    gradients["w"] = Tensor(shape: [2], values: [1, -2])
    gradients["v"] = Tensor(shape: [1], values: [4])
    let optimizer = try Optimizer(
      .sgd(momentum: 0, weightDecay: 0, nesterov: false), parameters: store, names: ["v", "w"])
    let version = store.version
    optimizer.update(from: gradients, learningRate: 0.5, threads: 2)
    #expect(store["w"].values == [-0.5, 1] && store["v"].values == [-2])
    #expect(optimizer.step == 1 && store.version > version)
  }

  /// v = 0.9·v + g, w −= rate·(g + 0.9·v)
  @Test func nesterovLooksAhead() throws {
    let store = try ParameterStore([("w", [1])])
    let executable = try program(store, count: 1)
    let optimizer = try Optimizer(
      .sgd(momentum: 0.5, weightDecay: 0, nesterov: true), parameters: store, names: ["w"])
    for expected: Float in [-1.5, -3.25] {
      try executable.run(["g": .floats([1])])
      optimizer.update(from: executable, gradients: ["w": 0], learningRate: 1)
      #expect(store["w"].values == [expected])
    }
  }

  @Test(arguments: [
    UpdateRule.adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01),
    .sgd(momentum: 0.9, weightDecay: 5e-4, nesterov: true),
  ])
  func aRestoredOptimizerGoesOnBitByBit(method: UpdateRule) throws {
    // More than one thread's share.
    let count = 20_011
    func gradient(_ step: Int) -> [Float] {
      (0..<count).map { Float(sin(Double($0 * (step + 1)))) }
    }
    func advance(
      _ optimizer: Optimizer, _ executable: Executable, _ steps: Range<Int>
    ) throws {
      for step in steps {
        try executable.run(["g": .floats(gradient(step))])
        optimizer.update(from: executable, gradients: ["w": 0], learningRate: 1e-2)
      }
    }
    let store = try ParameterStore([("w", [count])])
    let executable = try program(store, count: count)
    let optimizer = try Optimizer(method, parameters: store, names: ["w"])
    try advance(optimizer, executable, 0..<3)
    let saved = optimizer.state
    let (step, parameters) = (optimizer.step, store["w"])
    try advance(optimizer, executable, 3..<6)

    let other = try ParameterStore([("w", [count])])
    other["w"] = parameters
    let restored = try Optimizer(method, parameters: other, names: ["w"])
    try restored.restore(step: step) { name in saved.first { $0.name == name }?.tensor }
    try advance(restored, program(other, count: count), 3..<6)
    #expect(restored.step == optimizer.step)
    #expect(other["w"].values.map(\.bitPattern) == store["w"].values.map(\.bitPattern))
    for (a, b) in zip(restored.state, optimizer.state) {
      #expect(a.name == b.name)
      #expect(a.tensor.values.map(\.bitPattern) == b.tensor.values.map(\.bitPattern))
    }
  }

  @Test func aStateThatDoesNotFitChangesNothing() throws {
    let store = try ParameterStore([("a", [2]), ("b", [3])])
    let optimizer = try Optimizer(.adam, parameters: store, names: ["a", "b"])
    func error(_ body: () throws -> Void) -> String? {
      #expect(throws: ExecutionError.self) { try body() }?.description
    }
    #expect(
      error {
        try optimizer.restore(step: 7) {
          $0.hasPrefix("a") ? Tensor(shape: [2], values: [1, 2]) : nil
        }
      } == "the saved optimizer has no b/first")
    #expect(
      error {
        try optimizer.restore(step: 7) { _ in Tensor(shape: [2], values: [1, 2]) }
      } == "the saved optimizer's b/first has shape [2], expected [3]")
    #expect(optimizer.step == 0)
    #expect(optimizer.state.allSatisfy { $0.tensor.values.allSatisfy { $0 == 0 } })
    #expect(
      error {
        _ = try Optimizer(.adam, parameters: store, names: ["c"])
      } == "the optimizer's parameter c is not in the store")
  }
}
