import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorRuntime
import Testing

/// Several explanations that are fooled at once.
@Suite struct SeveralInterpretersTests {
  private static let text = """
    network: {checkpoint: mine.h5}
    data: {train: train, validation: val}
    fooling: location
    interpreter: [{name: grad-cam, layer: layer3}, {name: simple-grad-t, layer: layer3}]
    budget: {drop: 1.5}

    """

  @Test func aRecipeNamesOneOrSeveral() throws {
    let recipe = try FoolingRecipe(yaml: Self.text, folder: "/")
    #expect(recipe.interpreters.map(\.name) == ["grad-cam", "simple-grad-t"])
    #expect(
      recipe.interpreters.map(\.leak) == [0.1, nil], "a budget sets Grad-CAM's wherever it stands")
    #expect(try FoolingRecipe(yaml: recipe.resolvedYAML(), folder: "/") == recipe)
    var one = recipe
    one.interpreters.removeLast()
    #expect(one.resolvedYAML().contains("interpreter:\n  name: grad-cam"))
  }

  @Test func aNameAloneIsAnInterpreter() throws {
    let lines = Self.text.split(separator: "\n")
    func recipe(_ interpreter: String) throws -> FoolingRecipe {
      try FoolingRecipe(
        yaml: lines.map { $0.hasPrefix("interpreter") ? "interpreter: \(interpreter)" : $0 }
          .joined(separator: "\n"), folder: "/")
    }
    #expect(try recipe("simple-grad") == recipe("{name: simple-grad}"))
    #expect(
      try recipe("[simple-grad, {name: grad-cam, layer: layer3}]")
        == recipe("[{name: simple-grad}, {name: grad-cam, layer: layer3}]"))
  }

  @Test(
    arguments: [
      ("[]", "r.yaml:4: interpreter has 0 entries, expected 1 to 8"),
      (
        "[{name: grad-cam, layer: a}, {name: grad-cam, layer: a}]",
        "interpreter[1] stands there twice"
      ),
      ("[{name: grad-cam, layer: a}, {name: grad-cam}]", "r.yaml:4: interpreter[1]: "),
      ("[{name: grad-cam, layr: a}]", "unknown key \"layr\"; did you mean \"layer\"?"),
      ("[[grad-cam]]", "interpreter[0] is a list of 1, expected a mapping of keys to values"),
      ("[grad-cam]", "interpreter[0]: "),
    ])
  func mistakesAreNamed(value: String, message: String) {
    let text = Self.text.replacing(/interpreter: .*/, with: "interpreter: \(value)")
    #expect {
      try FoolingRecipe(yaml: text, name: "r.yaml", folder: "/")
    } throws: { "\($0)".contains(message) }
  }

  /// L = Σ s_I·L_I, dL = Σ s_I·dL_I.
  @Test func theWorstOfThePenaltiesLeads() throws {
    let network = try LoadedNetwork(
      NetworkSection(
        architecture: ArchitectureSpecification(
          family: "resnet-style", classes: 4, height: 12, width: 12, widths: [4, 6], blocks: [1, 1])
      )
    ) { _ in ImageSize(width: 12, height: 12) }
    let images = (0..<2 * 12 * 12 * 3).map { (index: Int) -> Float in
      Float(sin(Double(7 * index * index % 1009)))
    }
    let inputs: [String: ProgramInput] = [
      TrainingProgram.images: .floats(images), TrainingProgram.labels: .indices([1, 3]),
    ]
    let fooling = try FoolingSpecification(name: "location", lambda: 1).fooling(classNames: [])
    let both = try [
      InterpreterSpecification(name: "grad-cam", layer: "layer1"),
      InterpreterSpecification(name: "simple-grad"),
    ].map { try $0.interpreter() }
    func program(_ interpreters: [any Interpreter]) throws -> TrainingProgram {
      let program = try TrainingProgram.fooling(
        network, interpreters: interpreters, fooling: fooling, lambda: 2, batchSize: 2,
        grid: .side(6))
      try program.run(inputs)
      return program
    }
    let (alone, together) = (try both.map { try program([$0]) }, try program(both))
    let penalties = try alone.map { try #require($0.losses.penalty) }
    // Half of the threshold of 0.2.
    let shares = penalties.map { exp($0 / 0.1) }
    let weights = shares.map { $0 / shares.reduce(0, +) }
    let expected = zip(weights, penalties).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(penalties[0] - penalties[1]) > 1e-3, "else this would prove little")
    #expect(abs(try #require(together.losses.penalty) - expected) < 1e-5)
    for parameter in network.architecture.parameters where parameter.isTrainable {
      let own = try together.gradient(of: parameter.name).values
      let parts = try alone.map { try $0.gradient(of: parameter.name).values }
      let largest = own.map(abs).max() ?? 0
      for (index, value) in own.enumerated() {
        let sum = weights[0] * Double(parts[0][index]) + weights[1] * Double(parts[1][index])
        #expect(abs(Double(value) - sum) <= 2e-5 * Double(max(largest, 1e-2)), "\(parameter.name)")
      }
    }
  }

  @Test func twoThatSampleAreRefused() throws {
    let network = try LoadedNetwork(
      NetworkSection(
        architecture: ArchitectureSpecification(
          family: "resnet-style", classes: 4, height: 12, width: 12, widths: [4], blocks: [1]))
    ) { _ in ImageSize(width: 12, height: 12) }
    let sampled = try [
      InterpreterSpecification(name: "smooth-grad", samples: 2),
      InterpreterSpecification(name: "integrated-gradients", steps: 2),
    ].map { try $0.interpreter() }
    let fooling = try FoolingSpecification(name: "location", lambda: 1).fooling(classNames: [])
    #expect {
      _ = try TrainingProgram.fooling(
        network, interpreters: sampled, fooling: fooling, lambda: 1, batchSize: 2)
    } throws: { "\($0)".contains("name one of them at most") }
  }

  /// Each has a success rate of its own, from the search to the report.
  @Test(arguments: ["location", "top-k"])
  func eachIsMeasured(fooling: String) throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    let recipe = try FoolingRecipe(
      yaml: """
        network: {checkpoint: \(checkpoint)}
        data: {shapes: {train: 64, validation: 20, seed: 3}, threads: 2}
        fooling: \(fooling)
        interpreter:
          - {name: grad-cam, layer: layer3}
          - {name: integrated-gradients-t, layer: layer2, steps: 2}
          - {name: lrp-t, layer: layer3}
        budget: {drop: 60, fsr: 0.5}
        training: {learningRate: 3e-3, steps: 20, batchSize: 8}
        evaluation: {batchSize: 8}
        """, folder: "/")
    let summary = try FoolingRun(recipe, output: folder("fool")).run()
    let names = ["grad-cam", "integrated-gradients-t", "lrp-t"]
    #expect(summary.fooledInterpreters == names && summary.interpreter == names[0])
    #expect(Array(summary.interpreters.prefix(3)) == names)
    let budget = try #require(summary.budget)
    #expect(Set(names).isSubset(of: budget.rest.fsr.keys))
    #expect(
      budget.isMet == (names.allSatisfy { budget.rest.fsr[$0]! >= 0.5 } && budget.rest.drop <= 60))
    let page = try String(contentsOfFile: folder("fool/report.html"), encoding: .utf8)
    #expect(page.contains("that by lrp-t of"))
  }
}
