import Checkpoints
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import Pictures
import Reports
import RunTestSupport
import TensorGraph
import TensorReference
import TestSupport
import Testing

/// Maps without relevance, and the means against them: a leak in Grad-CAM's derivative, and top-k
/// by its share.
struct VanishedMapTests {
  /// Penalty and its derivative for given maps [N, h, w].
  private func penalty(
    _ fooling: any Fooling, of maps: [Float], shape: Shape, reference: [Float],
    referenceShape: Shape
  ) throws -> (value: Double, gradient: [Double]) {
    var graph = GraphBuilder()
    let h = try graph.placeholder("h", shape: shape)
    let known = try graph.placeholder("reference", shape: referenceShape)
    let value = try fooling.penalty(of: [h], reference: known, in: &graph)
    let gradient = try graph.gradient(of: value, with: [h])[0]
    let results = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [value, gradient]),
      placeholders: [
        "h": ReferenceArray(Tensor(shape: shape, values: maps)),
        "reference": ReferenceArray(Tensor(shape: referenceShape, values: reference)),
      ])
    return (results[0].values[0], results[1].values)
  }

  /// Two images of 2×2, the first pixel is P: (0.5 / 1.5 + 0 / 1) / 2. Derivatives of k/a by hand:
  /// (a − k)/a² at P, −k/a² elsewhere; for an image without relevance 0 at P and −1 elsewhere.
  @Test func shareIsTheMeanTestLoss() throws {
    let shape: Shape = [2, 2, 2]
    let mask: [Float] = [1, 0, 0, 0, 1, 0, 0, 0]
    let some = try penalty(
      TopK(variant: .share), of: [0.5, 1, 0, 0, 0, 1, 0, 0], shape: shape, reference: mask,
      referenceShape: shape)
    #expect(abs(some.value - 1.0 / 6) < 1e-9)
    let expected = [1 / 2.25, -0.5 / 2.25, -0.5 / 2.25, -0.5 / 2.25, 1, 0, 0, 0].map { $0 / 2 }
    for (a, e) in zip(some.gradient, expected) { #expect(abs(a - e) < 1e-9) }
    let none = try penalty(
      TopK(variant: .share), of: [Float](repeating: 0, count: 8), shape: shape, reference: mask,
      referenceShape: shape)
    #expect(none.value == 1)
    for (a, e) in zip(none.gradient, [0, -1, -1, -1, 0, -1, -1, -1] as [Double]) {
      #expect(abs(a - e / 2) < 1e-9)
    }
  }

  /// The center of a map without relevance pulls no harder than that of any other.
  @Test func centerOfNothingHasABoundedDerivative() throws {
    let result = try penalty(
      CenterMass(), of: [Float](repeating: 0, count: 9), shape: [1, 3, 3], reference: [1, 0],
      referenceShape: [1, 2])
    #expect(result.value == -1)
    #expect(result.gradient.allSatisfy { abs($0) <= 2 })
    #expect(result.gradient.contains { $0 != 0 })
  }

  @Test func activeHasNoShare() {
    let error = #expect(throws: RunError.self) {
      try FoolingSpecification(
        name: "active", lambda: 1, variant: .share, classes: ["0", "1"]
      ).fooling(classNames: ["0", "1"])
    }
    #expect(error?.description.contains("share") == true)
  }

  /// A network of one convolution whose weights make all evidence negative (`sign` −1) or not.
  private func evidence(leak: Double, sign: Float) throws -> (map: [Double], gradient: [Double]) {
    let architecture = try ArchitectureSpecification(
      family: "vgg-style", classes: 2, height: 4, width: 4, plan: [.convolution(channels: 2)],
      batchNorm: false
    ).architecture()
    var graph = GraphBuilder()
    let input = try graph.placeholder("x", shape: [1, 4, 4, 3])
    let network = try NetworkGraph(architecture, input: input, in: &graph)
    let classes = try graph.constant(Tensor(shape: [1, 2], values: [1, 0]))
    let cam = GradCAM(layer: "features.1", leak: leak)
    let map = try cam.heatmap(of: network, classes: classes, in: &graph)
    let weight = try #require(network.parameters["classifier.0.weight"])
    let total = try graph.sum(
      graph.multiply(
        map,
        graph.constant(
          Tensor(shape: map.shape, values: (0..<16).map { Float($0 % 5) - 1 }))))
    let gradient = try graph.gradient(of: total, with: [weight])[0]
    var parameters: [String: ReferenceArray] = [:]
    for parameter in architecture.parameters {
      let isHead = parameter.name == "classifier.0.weight"
      parameters[parameter.name] = ReferenceArray(
        Tensor(
          shape: parameter.shape,
          values: (0..<parameter.shape.count).map { (index: Int) -> Float in
            let head: Float = sign * Float(1 + index % 3)
            return isHead ? head : Float(1 + index % 7) / 10
          }))
    }
    let image = Tensor(shape: [1, 4, 4, 3], values: (0..<48).map { Float($0 % 11) / 10 })
    let results = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [map, gradient]), placeholders: ["x": ReferenceArray(image)],
      parameters: parameters)
    return (results[0].values, results[1].values)
  }

  /// The leak changes no map. Where all evidence is negative, only it has a derivative.
  @Test func leakChangesDerivativesAlone() throws {
    let (plain, leaking) = (
      try evidence(leak: 0, sign: -1), try evidence(leak: 0.1, sign: -1)
    )
    #expect(plain.map.allSatisfy { $0 == 0 } && leaking.map == plain.map)
    #expect(plain.gradient.allSatisfy { $0 == 0 })
    #expect(leaking.gradient.contains { abs($0) > 1e-3 })
    #expect(leaking.gradient.allSatisfy { abs($0) < 100 })
    let (positive, same) = (try evidence(leak: 0, sign: 1), try evidence(leak: 0.1, sign: 1))
    #expect(positive.map.contains { $0 > 0 } && same.map == positive.map)
    #expect(same.gradient == positive.gradient)
  }

  @Test func mapsWithoutRelevanceOrWithoutNumbersHaveVanished() {
    func map(_ values: [Float]) -> Heatmap { Heatmap(height: 1, width: 3, values: values) }
    #expect(map([0, 0, 0]).hasVanished && map([0, -0.0, 0]).hasVanished)
    #expect(map([0, .nan, 0]).hasVanished && map([1, .infinity, 2]).hasVanished)
    #expect(!map([0, 0, -1e-30]).hasVanished && !map([2, 2, 2]).hasVanished)
  }

  /// The same network with negative evidence for every class.
  private func withoutEvidence(_ checkpoint: String, to path: String) throws {
    let network = try LoadedNetwork(NetworkSection(checkpoint: checkpoint)) { _ in
      ImageSize(width: 64, height: 64)
    }
    let head = network.parameters["fc.weight"]
    network.parameters["fc.weight"] = Tensor(
      shape: head.shape, values: head.values.map { -abs($0) })
    try network.save(to: path, as: .trompe, provenance: Provenance())
  }

  @Test func vanishedMapsAreCountedByInterpreter() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    try withoutEvidence(checkpoint, to: folder("empty.h5"))
    let recipe = Tiny.fooling(checkpoint)
    for name in ["location", "top-k", "center-mass"] {
      let summary = try EvaluationRun.run(
        EvaluationRequest(
          network: NetworkSection(checkpoint: folder("empty.h5")), original: checkpoint,
          images: .shapes(count: 40, seed: 3), fooling: FoolingSpecification(name: name, lambda: 1),
          interpreters: [recipe.interpreter]
            + recipe.evaluation.interpreters.specifications(besides: recipe.interpreter)),
        output: folder(name))
      let vanished = try #require(summary.vanishedMaps)
      #expect(vanished["grad-cam"]?.manipulated == 1 && vanished["grad-cam"]?.original ?? 1 < 0.5)
      let other = vanished["simple-grad"]
      #expect(other?.original == 0 && other?.manipulated == 0)
      #expect(summary.fsr["grad-cam"] == 0, "a map that has vanished is no success")
      let page = try Page(String(contentsOfFile: folder("\(name)/report.html"), encoding: .utf8))
      let table = try #require(page.all("table", class: "vanished").first).text
      #expect(table.contains("100.00 %") && !table.contains("simple-grad"))
    }
  }

  @Test func vanishedMapsAreCountedInTraining() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Tiny.checkpoint(in: folder)
    try withoutEvidence(checkpoint, to: folder("empty.h5"))
    _ = try FoolingRun(Tiny.fooling(folder("empty.h5"), steps: 2), output: folder("fool")).run()
    let metrics = try lines(folder("fool/metrics.jsonl"))
    let both = metrics.filter { $0.contains(#""kind":"validation""#) }
    #expect(both.count == 2)
    #expect(both.allSatisfy { $0.contains(#""vanishedMaps":{"grad-cam":1,"simple-grad":0}"#) })
    let steps = metrics.filter { $0.contains(#""kind":"step""#) }
    #expect(steps.count == 2)
    #expect(steps.allSatisfy { $0.contains(#""vanishedMaps":{"grad-cam":1}"#) })
  }
}
