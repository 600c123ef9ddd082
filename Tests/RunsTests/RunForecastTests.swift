import Foundation
import Manipulation
import RunTestSupport
import Testing

@Suite struct RunForecastTests {
  @Test func stepsImagesAndMemoryAreThoseOfTheRun() throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 7)
    recipe.training.validateEvery = 3
    recipe.training.validateImages = 16
    let forecast = try RunForecast(recipe, measures: false)
    #expect(forecast.time == nil)
    #expect(forecast.steps == 7 && forecast.batchSize == 8)
    #expect(forecast.trainingImages == 64 && forecast.validationImages == 40)
    #expect(forecast.epochs == 7.0 / 8)
    // Before and after, and after steps 3 and 6.
    #expect(forecast.evaluatedImages == 2 * 40 + 2 * 16)
    let network = try LoadedNetwork(recipe.network)
    let bytes = 4 * network.architecture.parameters.reduce(0) { $0 + $1.shape.count }
    #expect(forecast.memory.weights == bytes)
    // Two moments of what is trained, which is all but the running statistics.
    #expect(forecast.memory.optimizer == 8 * network.architecture.trainableCount)
    let interpreter = try recipe.interpreter.interpreter()
    let program = try TrainingProgram.fooling(
      network, interpreters: [interpreter], fooling: recipe.fooling.fooling(classNames: []),
      lambda: 2, batchSize: 8)
    #expect(forecast.memory.training == program.plannedPeakBytes)
    #expect(forecast.flopsPerStep == program.flops && program.flops > 0)
    #expect(
      forecast.memory.total > forecast.memory.training + bytes && forecast.memory.evaluation > 0)
    // Epochs are counted in steps, and a comparison with the original keeps it in memory.
    recipe.training.duration = .epochs(2)
    recipe.fooling = FoolingSpecification(name: "top-k", lambda: 1)
    let longer = try RunForecast(recipe, measures: false)
    #expect(longer.steps == 16 && longer.epochs == 2)
    #expect(longer.memory.weights == 2 * bytes)
    #expect(longer.memory.evaluation > forecast.memory.evaluation)
  }

  @Test func measuringWritesNothingAndAddsUp() throws {
    let folder = try TemporaryFolder()
    let recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 100)
    let before = try FileManager.default.subpathsOfDirectory(atPath: folder("")).sorted()
    let file = try Data(contentsOf: URL(fileURLWithPath: recipe.network.checkpoint!))
    let time = try #require(try RunForecast(recipe).time)
    #expect(time.step > 0 && time.evaluatedImage > 0)
    #expect(abs(time.training - 100 * time.step) < 1e-9)
    #expect(abs(time.evaluation - 80 * time.evaluatedImage) < 1e-9)
    #expect(time.total == time.training + time.evaluation)
    #expect(
      try FileManager.default.subpathsOfDirectory(atPath: folder("")).sorted() == before)
    #expect(try Data(contentsOf: URL(fileURLWithPath: recipe.network.checkpoint!)) == file)
  }

  @Test func aStandardTrainingIsForecastToo() throws {
    let forecast = try RunForecast(Tiny.training(steps: 6))
    #expect(forecast.work == "standard training" && forecast.steps == 6)
    // After step 3 a part, at the end all.
    #expect(forecast.evaluatedImages == 16 + 40)
    #expect((forecast.time?.total ?? 0) > 0)
    #expect(forecast.memory.optimizer < forecast.memory.weights)  // SGD's velocity
  }

  /// What would stop the run stops the forecast.
  @Test func mistakesAreThoseOfTheRun() throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder))
    recipe.training.batchSize = 100
    #expect(throws: RunError.self) { try RunForecast(recipe, measures: false) }
    recipe.training.batchSize = 8
    recipe.interpreter.layer = "layer9"
    #expect(throws: (any Error).self) { try RunForecast(recipe, measures: false) }
  }
}
