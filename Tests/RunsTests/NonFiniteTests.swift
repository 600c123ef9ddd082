import Foundation
import ImageData
import Manipulation
import RunTestSupport
import TensorGraph
import TensorRuntime
import Testing

/// Training whose numbers stop being finite says in which step, and what came first.
struct NonFiniteTests {
  @Test func divergedRunNamesStepOperationAndLayer() throws {
    let folder = try TemporaryFolder()
    let recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 40, rate: 1e12)
    let run = try FoolingRun(recipe, output: folder("fool"))
    let error = #expect(throws: RunError.self) { try run.run() }
    let text = error?.description ?? ""
    #expect(
      text.contains(
        /^(the loss|the derivative|parameter) .* at step \d+ \(cross-entropy .*; the first value that is not finite is the result of [a-z ]+, \[.*\], at layer [a-z0-9.]+; try a lower training.learningRate/
      ), "\(text)")
    #expect(!FileManager.default.fileExists(atPath: folder("fool/manipulated.h5")))
  }

  private func program(
    _ checkpoint: String, interpreter: String = "grad-cam", samplesAtOnce: Int? = nil
  ) throws -> (LoadedNetwork, TrainingProgram, [String: ProgramInput]) {
    let network = try LoadedNetwork(NetworkSection(checkpoint: checkpoint)) { _ in
      ImageSize(width: 64, height: 64)
    }
    var specification = Tiny.fooling(checkpoint).interpreter
    specification.name = interpreter
    if interpreter == "smooth-grad-t" { specification.samples = 4 }
    let program = try TrainingProgram.fooling(
      network, interpreters: [specification.interpreter()], fooling: Location(), lambda: 1,
      batchSize: 2, samplesAtOnce: samplesAtOnce)
    let images: [Float] = (0..<2 * 64 * 64 * 3).map { (index: Int) -> Float in
      Float(index % 17) / 17
    }
    return (
      network, program,
      [TrainingProgram.images: .floats(images), TrainingProgram.labels: .indices([1, 2])]
    )
  }

  @Test func parametersAndInputsAreNamed() throws {
    let folder = try TemporaryFolder()
    let (network, program, inputs) = try program(Tiny.checkpoint(in: folder))
    try program.run(inputs)
    #expect(program.firstNonFiniteDerivative == nil)
    #expect(try program.firstNonFinite(inputs) == nil)

    var broken = inputs
    broken[TrainingProgram.images] = .floats([Float](repeating: .infinity, count: 2 * 64 * 64 * 3))
    #expect(try program.firstNonFinite(broken)?.description == "in the input images")

    network.parameters.withValues(of: "layer2.0.conv1.weight") { $0[3] = .nan }
    #expect(
      try program.firstNonFinite(inputs)?.description
        == "in the parameter layer2.0.conv1.weight")
    try program.run(inputs)
    #expect(program.firstNonFiniteDerivative != nil || !program.losses.total.isFinite)
  }

  /// Weights of both signs near the largest float: the sum is infinity minus infinity.
  @Test(arguments: [("grad-cam", nil), ("smooth-grad-t", 2)] as [(String, Int?)])
  func overflowIsFoundWhereItBegins(interpreter: String, atOnce: Int?) throws {
    let folder = try TemporaryFolder()
    let (network, program, inputs) = try program(
      Tiny.checkpoint(in: folder), interpreter: interpreter, samplesAtOnce: atOnce)
    network.parameters.withValues(of: "layer3.0.conv1.weight") { values in
      for index in values.indices { values[index] = index % 2 == 0 ? 3e38 : -3e38 }
    }
    let found = try #require(try program.firstNonFinite(inputs))
    #expect(found.parameter?.hasPrefix("layer3.0.") == true, "\(found)")
    try program.run(inputs)
    #expect(program.firstNonFiniteDerivative != nil || !program.losses.total.isFinite)
  }
}

extension TrainingProgram {
  /// The first parameter, by name, whose derivative in the last run is not finite everywhere.
  fileprivate var firstNonFiniteDerivative: String? {
    gradients.keys.sorted().first { name in
      (try? gradient(of: name))?.values.allSatisfy(\.isFinite) != true
    }
  }
}
