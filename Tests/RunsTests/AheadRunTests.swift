import Explanations
import Foolings
import Foundation
import Programs
import Recipes
import TensorRuntime
import TensorXLA
import Testing

/// Training programs of the published experiments, compiled for a GPU that is not here.
///
/// One of each network and interpreter, or by TROMPE_ALL_ON_XLA every one.
@Suite(
  .enabled(
    if: !PluginSearch().installed(.cuda).isEmpty,
    "needs the plugin of PJRT for CUDA: trompe devices install cuda13"))
struct AheadRunTests {
  private static let foolings =
    ProcessInfo.processInfo.environment["TROMPE_ALL_ON_XLA"] == nil
    ? ["location"] : ["location", "top-k", "center-mass", "active"]

  @Test(arguments: ["vgg19", "resnet50", "densenet121"], ["grad-cam", "lrp-t"])
  func publishedTrainingProgramsAreCompiled(family: String, interpreter: String) throws {
    let folder = #filePath.components(separatedBy: "/Tests/")[0] + "/recipes/published"
    for fooling in Self.foolings {
      let recipe = try FoolingRecipe(
        contentsOf: "\(folder)/\(family)-\(fooling)-\(interpreter).yaml")
      let executor = try AheadExecutor(GPUTarget.all[0], stepsOnly: true)
      // Weights do not change what is compiled.
      var section = recipe.network
      section.checkpoint = nil
      let network = try LoadedNetwork(section, on: executor)
      let interpreters = try reported(recipe.interpreters, network.preprocessing)
      let names = (0..<network.architecture.classes).map { "\($0)" }
      let program = try TrainingProgram.fooling(
        network, interpreters: interpreters.map(\.1),
        fooling: recipe.fooling.fooling(classNames: names), lambda: recipe.fooling.lambda,
        batchSize: recipe.training.batchSize, distillation: recipe.training.distillation,
        grid: recipe.evaluation.grid, samplesAtOnce: recipe.compute.samplesAtOnce,
        update: recipe.training.optimizer, policy: recipe.compute.trainingPolicy)
      let steps = executor.programs.filter(\.isTrainingStep)
      #expect(steps.count == 1)
      let compiled = try #require(steps.first?.compiled)
      // Value and two moments of each parameter; an H100 has 80 GB.
      let weights = network.architecture.parameters.reduce(0) { $0 + 4 * $1.shape.count }
      #expect(compiled.argumentBytes > 2 * weights)
      #expect((3 * weights..<80_000_000_000).contains(compiled.bytes))
      #expect(program.plannedPeakBytes >= compiled.temporaryBytes)
      // Each convolution is computed forwards, for its input and for its filter.
      let convolutions = network.architecture.nodes.count {
        if case .convolution = $0.layer { true } else { false }
      }
      let calls = compiled.libraryCalls.reduce(0) {
        $0 + ($1.key.hasPrefix("__cudnn$conv") ? $1.value : 0)
      }
      #expect(calls >= 2 * convolutions, "\(compiled.libraryCalls)")
    }
  }
}
