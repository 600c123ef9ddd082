import Foundation
import TensorGraph
import TensorRuntime
import TensorTestSupport
import TensorXLA
import Testing

/// Programs compiled for a GPU that is not here.
@Suite struct AheadTests {
  static let plugin = PluginSearch().installed(.cuda).first

  @Test func withoutAPluginItIsSaidHowToGetOne() {
    let error = #expect(throws: ExecutionError.self) {
      _ = try AheadExecutor(
        GPUTarget.all[0], search: PluginSearch(environment: ["HOME": "/nowhere"]))
    }
    #expect(error?.description.contains("`trompe devices install cuda13`") == true)
  }

  /// Convolutions become calls of cuDNN; parameters and moments take the place of old ones.
  @Test(
    .enabled(
      if: plugin != nil,
      "needs the plugin of PJRT for CUDA: trompe devices install cuda13"))
  func aStepIsCompiledAndNotRun() throws {
    let network = ResidualNetwork(batch: 4)
    let graph = try network.graph()
    var generator = SeededGenerator(seed: 9)
    let start = network.parameters(of: graph, using: &generator)
    let names = graph.parameters.keys.sorted()
    let computation = Computation(
      graph, outputs: ["loss", "heatmap", "logits"] + names.map { "d \($0)" },
      update: StepUpdate(
        .adam, gradients: Dictionary(uniqueKeysWithValues: names.map { ($0, "d \($0)") }),
        guarded: ["loss"]))
    for stepsOnly in [false, true] {
      let executor = try AheadExecutor(
        GPUTarget.all[0], plugin: Self.plugin, stepsOnly: stepsOnly)
      let parameters = try executor.makeParameters(names.map { ($0, start[$0]!.shape) })
      let program = try #require(
        try executor.compile(computation, parameters: parameters, policy: ExecutionPolicy())
          as? AheadProgram)
      let compiled = try #require(program.compiled)
      #expect(program.isTrainingStep && program.batchSize == 4)
      #expect(compiled.seconds > 0 && compiled.seconds < 60)
      // Three of each: value and two moments.
      let weights = names.reduce(0) { $0 + 4 * start[$1]!.shape.count }
      #expect(compiled.argumentBytes >= 3 * weights)
      #expect(compiled.resultBytes < 3 * weights && compiled.temporaryBytes > 0)
      #expect(program.resources.peakBytes >= compiled.temporaryBytes)
      let convolutions = compiled.libraryCalls.filter { $0.key.hasPrefix("__cudnn$conv") }
      #expect(convolutions.values.reduce(0, +) > 0, "\(compiled.libraryCalls)")
      let error = #expect(throws: ExecutionError.self) { try program.run([:]) }
      #expect(
        error?.description
          == "the program was compiled for h100, which is not here: nothing can be run")
      let alone = Computation(graph, outputs: computation.outputs)
      let evaluation = try #require(
        try executor.compile(alone, parameters: parameters, policy: ExecutionPolicy())
          as? AheadProgram)
      #expect((evaluation.compiled == nil) == stepsOnly)
      #expect(executor.programs.count == 2)
    }
  }
}
