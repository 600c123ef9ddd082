import Foundation
import KerasModels
import Networks
import TensorGraph
import TensorReference
import Testing

/// What the last numbers of a network mean.
@Suite struct ClassifierOutputTests {
  private func network(
    outputs: Int, classes: Int, end: Layer? = nil
  ) throws -> Architecture {
    var nodes = [
      LayerNode(name: "row", layer: .flatten, inputs: ["input"]),
      LayerNode(
        name: "fc", layer: .dense(DenseLayer(inputs: 3, outputs: outputs)), inputs: ["row"]),
    ]
    if let end { nodes.append(LayerNode(name: "p", layer: end, inputs: ["fc"])) }
    return try Architecture(name: "end", inputShape: [1, 1, 3], classes: classes, nodes: nodes)
  }

  private func sigmoid(_ z: Double) -> Double { 1 / (1 + exp(-z)) }

  /// Logits of two images, and the mean cross-entropy against classes 1 and 0.
  private func results(_ architecture: Architecture) throws -> (logits: [Double], loss: Double) {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2, 1, 1, 3])
    let network = try NetworkGraph(architecture, input: x, in: &graph)
    let labels = try graph.placeholder("labels", shape: [2, architecture.classes])
    let loss = try network.crossEntropy(of: labels, in: &graph)
    var numbers = TestNumbers(3)
    var oneHot = [Double](repeating: 0, count: 2 * architecture.classes)
    oneHot[1] = 1
    oneHot[architecture.classes] = 1
    let results = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [network.logits, loss]),
      placeholders: [
        "x": numbers.array([2, 1, 1, 3]),
        "labels": ReferenceArray(shape: [2, architecture.classes], values: oneHot),
      ], parameters: architecture.testParameters())
    return (results[0].values, results[1].values[0])
  }

  @Test func oneNumberTellsTwoClassesApart() throws {
    let plain = try network(outputs: 1, classes: 2)
    let ended = try network(outputs: 1, classes: 1, end: .activation(.sigmoid))
    #expect(plain.output == .binary && ended.output == .binary && ended.classes == 2)
    for architecture in [plain, ended] {
      let (logits, loss) = try results(architecture)
      let z = [2 * logits[1], 2 * logits[3]]
      #expect(logits[0] == -logits[1] && logits[2] == -logits[3] && z[0] != z[1])
      // −log σ(z) of the first, which is of class 1; −log(1 − σ(z)) of the second.
      let expected = -(log(sigmoid(z[0])) + log(1 - sigmoid(z[1]))) / 2
      #expect(abs(loss - expected) < 1e-12)
    }
    #expect(try JSONDecoder().decode(Architecture.self, from: JSONEncoder().encode(plain)) == plain)
  }

  @Test func sigmoidsOverSeveralNumbersAreLabels() throws {
    let architecture = try network(outputs: 3, classes: 3, end: .activation(.sigmoid))
    #expect(architecture.output == .labels)
    let (logits, loss) = try results(architecture)
    var expected = 0.0
    for (position, z) in logits.enumerated() {
      let isLabel = position == 1 || position == 3
      expected -= log(isLabel ? sigmoid(z) : 1 - sigmoid(z)) / 6
    }
    #expect(abs(loss - expected) < 1e-12)
  }

  @Test func everythingElseIsASoftmaxs() throws {
    for end: Layer? in [nil, .softmax] {
      let architecture = try network(outputs: 3, classes: 3, end: end)
      #expect(architecture.output == .softmax)
      let (logits, loss) = try results(architecture)
      func likelihood(_ row: ArraySlice<Double>, _ label: Int) -> Double {
        row[row.startIndex + label] - log(row.reduce(0) { $0 + exp($1) })
      }
      let expected = -(likelihood(logits[0..<3], 1) + likelihood(logits[3..<6], 0)) / 2
      #expect(abs(loss - expected) < 1e-12)
    }
    // One number and one class: no statement, as it is asked for.
    #expect(try network(outputs: 1, classes: 1).output == .softmax)
  }

  /// A model of Keras's with one output, whatever it ends in; a family with one class.
  @Test func kerasModelsAndFamiliesOfOneNumberAreBinary() throws {
    for activation in ["linear", "sigmoid"] {
      let text = """
        {"class_name": "Sequential", "config": {"name": "m", "layers": [
          {"class_name": "InputLayer", "config": {"batch_shape": [null, 2, 2, 3], "name": "in"}},
          {"class_name": "Flatten", "config": {"name": "row"}},
          {"class_name": "Dense", "config": {"name": "d", "units": 1, "activation": "\(activation)"}}]}}
        """
      let architecture = try Architecture(kerasModelConfig: text)
      #expect(architecture.output == .binary && architecture.classes == 2)
      let again = try Architecture(kerasModelConfig: architecture.kerasModelConfig())
      #expect(again.output == .binary && again.parameters == architecture.parameters)
    }
    let family = try ArchitectureSpecification(
      family: "resnet18", classes: 1, height: 64, width: 64
    ).architecture()
    #expect(family.output == .binary && family.shapes.last == [1])
  }
}
