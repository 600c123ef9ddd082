import Checkpoints
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import Testing

/// The control of a fooling: the same steps with λ = 0.
@Suite struct ControlTests {
  private func recipe(_ checkpoint: String) -> FoolingRecipe {
    var recipe = Tiny.fooling(checkpoint, steps: 6, rate: 5e-3)
    recipe.control = true
    recipe.training.saveEvery = 2
    return recipe
  }

  @Test func controlIsTheRunWithoutItsPenalty() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    let summary = try FoolingRun(recipe(checkpoint), output: folder("with")).run()
    var plain = recipe(checkpoint)
    plain.control = false
    plain.fooling.lambda = 0
    let alone = try FoolingRun(plain, output: folder("plain")).run()
    let control = try #require(summary.control)
    #expect(control.accuracy == alone.accuracy.manipulated)
    #expect(control.drop == alone.accuracy.drop)
    #expect(control.fsr == alone.fsr)
    #expect(alone.control == nil)
    let (a, b) = (
      try parameters(folder("with/control/network.h5")),
      try parameters(folder("plain/manipulated.h5"))
    )
    #expect(Set(a.keys) == Set(b.keys))
    for (name, values) in a {
      for (x, y) in zip(values, b[name]!) {
        #expect(abs(x - y) <= 1e-5 * max(1, abs(y)), "\(name)")
      }
    }
    // It leaves the manipulated network as it is without a control.
    var without = recipe(checkpoint)
    without.control = false
    _ = try FoolingRun(without, output: folder("without")).run()
    #expect(
      try parameters(folder("with/manipulated.h5")) == parameters(folder("without/manipulated.h5")))
    let report = try String(contentsOfFile: folder("with/report.html"), encoding: .utf8)
    #expect(report.contains("control (λ = 0)"))
    #expect(
      try !FileManager.default.contentsOfDirectory(atPath: folder("with/control"))
        .contains("states"))
  }

  @Test func aRunStoppedInItsControlGoesOnToTheSameEnd() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    let whole = try FoolingRun(recipe(checkpoint), output: folder("whole")).run()
    let stop = StopRequest()
    var isControl = false
    #expect(throws: RunStopped.self) {
      _ = try FoolingRun(self.recipe(checkpoint), output: folder("cut"), stop: stop) { event in
        if case .note(let text) = event, text.hasPrefix("the control") { isControl = true }
        if case .step(let report) = event, isControl, report.step == 3 { stop.stop() }
      }.run()
    }
    let resumed = try FoolingRun(recipe(checkpoint), output: folder("cut"), resume: true).run()
    #expect(resumed.control == whole.control && resumed.fsr == whole.fsr)
    for file in ["manipulated.h5", "control/network.h5", "predictions.csv", "test-losses.jsonl"] {
      #expect(
        FileManager.default.contents(atPath: folder("cut/" + file))
          == FileManager.default.contents(atPath: folder("whole/" + file)), "\(file)")
    }
  }

  @Test func evaluationMeasuresTheControlAsAThirdNetwork() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    let recipe = recipe(checkpoint)
    let summary = try FoolingRun(recipe, output: folder("run")).run()
    let evaluated = try EvaluationRun.run(
      EvaluationRequest(
        network: NetworkSection(checkpoint: folder("run/manipulated.h5")), original: checkpoint,
        control: folder("run/control/network.h5"), images: .shapes(count: 40, seed: 3),
        fooling: recipe.fooling,
        interpreters: [recipe.interpreter]
          + recipe.evaluation.interpreters.specifications(besides: recipe.interpreter)))
    #expect(evaluated.control == summary.control)
    #expect(evaluated.classes == summary.classes)
    #expect(evaluated.relevanceInside == summary.relevanceInside)
  }

  // MARK: By class

  @Test func ratesByClassAreThoseOfTheirImages() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    let summary = try FoolingRun(recipe(checkpoint), output: folder("run")).run()
    let classes = try #require(summary.classes)
    #expect(classes.reduce(0) { $0 + $1.images } == 40)
    // The mean over images is the mean of the classes by their images.
    for interpreter in summary.fsr.keys {
      let mean =
        classes.reduce(0.0) {
          $0 + Double($1.images) * ($1.fsr[interpreter]?.manipulated ?? 0)
        } / 40
      #expect(abs(mean - summary.fsr[interpreter]!) < 1e-12)
    }
    let top1 = classes.reduce(0.0) { $0 + Double($1.images) * $1.accuracy.manipulated } / 40
    #expect(abs(top1 - summary.accuracy.manipulated.top1) < 1e-12)

    // The same from the table of predictions.
    let rows = try lines(folder("run/predictions.csv")).map { $0.split(separator: ",") }
    #expect(rows.count == 1 + 3 * 40)
    #expect(
      rows[0].joined(separator: ",")
        == "image,network,label,predicted,confidence,label_confidence,correct")
    for own in classes {
      let mine = rows.filter { $0[2] == own.name && $0[1] == "manipulated" }
      #expect(mine.count == own.images)
      #expect(
        abs(Double(mine.count { $0[6] == "true" }) / Double(mine.count) - own.accuracy.manipulated)
          < 1e-12)
      #expect(mine.allSatisfy { ($0[6] == "true") == ($0[2] == $0[3]) })
    }
  }

  @Test func aClassThatAMeanHidesIsNamed() throws {
    let folder = try TemporaryFolder()
    var summary = try FoolingRun(
      recipe(Tiny.checkpoint(in: folder)), output: folder("run")
    ).run()
    let template = try #require(summary.classes?.first)
    func own(_ name: String, _ index: Int, _ share: Double, accuracy: Double)
      -> Summary.ClassResult
    {
      var own = template
      (own.name, own.index, own.images) = (name, index, 100)
      own.accuracy.manipulated = accuracy
      own.fsr["grad-cam"]?.manipulated = share
      return own
    }
    summary.classes =
      (0..<9).map { own("c\($0)", $0, 1, accuracy: 0.99) } + [
        own("ring", 9, 0, accuracy: 0.4)
      ]
    summary.fsr["grad-cam"] = 0.9
    summary.accuracy.manipulated.top1 = 0.93
    #expect(
      summary.classWarnings == [
        "fooling success by grad-cam is 90.00 % over all images, but ring 0.00 % of 100",
        "top-1 accuracy of the manipulated network is 93.00 % over all images, but ring 40.00 % of 100",
      ])
    #expect(summary.leastFooledClasses(2).map(\.name) == ["ring", "c0"])
  }

  // MARK: Numbers that are not finite

  /// Finite weights whose sums overflow: ∞ − ∞ is not a number, of which a ReLU makes 0.
  @Test func aNetworkThatOverflowsInsideIsRefused() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    let network = try LoadedNetwork(NetworkSection(checkpoint: checkpoint)) { _ in
      ImageSize(width: 64, height: 64)
    }
    for name in network.parameters.names where name.hasSuffix("weight") && name.contains("conv") {
      let tensor = network.parameters[name]
      network.parameters[name] = Tensor(
        shape: tensor.shape, values: tensor.values.map { $0 * 1e30 })
    }
    try network.save(to: folder("huge.h5"))
    func complaint(_ body: () throws -> Void) -> String {
      do { try body() } catch { return "\(error)" }
      return "no error"
    }
    let evaluated = complaint {
      _ = try EvaluationRun.run(
        EvaluationRequest(
          network: NetworkSection(checkpoint: folder("huge.h5")), original: checkpoint,
          images: .shapes(count: 8, seed: 3),
          fooling: FoolingSpecification(name: "location", lambda: 1),
          interpreters: [InterpreterSpecification(name: "grad-cam", layer: "layer3")]))
    }
    #expect(evaluated.contains("huge.h5: computes values that are not finite"))
    try ShapesDataset(count: 1, seed: 3, split: .validation).image(at: 0)
      .writePNG(to: folder("image.png"))
    let explained = complaint {
      try ImageExplanation.run(
        ExplanationRequest(
          network: NetworkSection(checkpoint: folder("huge.h5")), images: [folder("image.png")],
          interpreters: [InterpreterSpecification(name: "grad-cam", layer: "layer3")])
      ) { _ in }
    }
    #expect(explained.contains("huge.h5: computes values that are not finite"))
  }
}
