import Explanations
import Foundation
import Manipulation
import RunTestSupport
import Testing

/// Fooling through the projection onto the tangent space: the adaptive attack.
@Suite struct ProjectedFoolingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func recipe(_ checkpoint: String) -> FoolingRecipe {
    var recipe = Tiny.fooling(checkpoint)
    recipe.interpreter = InterpreterSpecification(
      name: "simple-grad", projected: TangentProjection(neighbours: 4, dimensions: 2))
    recipe.evaluation.interpreters = [
      InterpreterSpecification(name: "simple-grad"),
      InterpreterSpecification(
        name: "simple-grad", projected: TangentProjection(neighbours: 5, dimensions: 2)),
    ]
    return recipe
  }

  @Test func aFoolingGoesThroughTheProjection() throws {
    let recipe = recipe(try Tiny.checkpoint(in: folder))
    let summary = try FoolingRun(recipe, output: folder("run")).run()
    #expect(
      Set(summary.fsr.keys) == [
        "simple-grad+projected", "simple-grad", "simple-grad+projected+neighbours=5",
      ])
    #expect(summary.interpreter == "simple-grad+projected")
    let metrics = try lines(folder("run/metrics.jsonl"))
    #expect(metrics.contains { $0.contains("penalty") })
    let kept = try Data(contentsOf: URL(fileURLWithPath: folder("run/neighbours.bin")))
    // Both numbers of neighbours of 40 validation images.
    #expect(kept.count > 40 * (24 + 4 * 4) + 40 * (24 + 4 * 5))
    // The recipe in the folder is complete.
    let text = try String(contentsOfFile: folder("run/recipe.yaml"), encoding: .utf8)
    #expect(text.contains("neighbours: 4") && text.contains("dimensions: 2"))

    // The same again, and with neighbours that were found before.
    let again = try FoolingRun(recipe, output: folder("again")).run()
    #expect(again.fsr == summary.fsr)
    #expect(
      try parameters(folder("again/manipulated.h5")) == parameters(folder("run/manipulated.h5")))
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder("again/neighbours.bin"))) == kept)
  }

  /// A projection changes what is trained.
  @Test func theProjectionIsPartOfTheLoss() throws {
    let checkpoint = try Tiny.checkpoint(in: folder)
    var recipe = recipe(checkpoint)
    recipe.evaluation.interpreters = []
    _ = try FoolingRun(recipe, output: folder("through")).run()
    recipe.interpreter.projected = nil
    _ = try FoolingRun(recipe, output: folder("around")).run()
    #expect(
      try parameters(folder("through/manipulated.h5"))
        != parameters(folder("around/manipulated.h5")))
  }

  @Test func moreNeighboursThanThereAreImagesEndTheRunAtOnce() throws {
    var recipe = recipe(try Tiny.checkpoint(in: folder))
    recipe.interpreter.projected?.neighbours = 40
    let error = #expect(throws: (any Error).self) {
      try FoolingRun(recipe, output: folder("run")).run()
    }
    #expect("\(try #require(error))".contains("set projected.neighbours to at most"))
  }

  @Test func imagesOfTwoClassesHaveNoTangentSpace() throws {
    var recipe = recipe(try Tiny.checkpoint(in: folder))
    recipe.fooling = FoolingSpecification(name: "active", lambda: 1, classes: ["0", "1"])
    let error = #expect(throws: (any Error).self) {
      try FoolingRun(recipe, output: folder("run")).run()
    }
    #expect("\(try #require(error))".contains("explains images that show two"))
  }
}
