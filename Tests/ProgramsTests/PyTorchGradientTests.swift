import Checkpoints
import Explanations
import Foundation
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorCPUTestSupport
import TensorGraph
import TensorRuntime
import TestSupport
import Testing

/// Expected values by PyTorch's double backward in double precision (tools/make_network_fixtures.py).
struct Fixture: Decodable {
  struct Picture: Decodable {
    let path: String
    let label: Int
  }
  struct Gradient: Decodable {
    let name: String
    let shape: [Int]
    let l2: Double
    /// At flat indices ⌊k·(n−1)/(c−1)⌋ of the array in the file's layout.
    let entries: [Double]
  }
  let explanation: String
  let targetLayer: String?
  /// Missing where only the penalty is differentiated.
  let lambda: Double?
  let images: [Picture]
  let loss: Double?
  let crossEntropy: Double?
  let penalty: Double
  let heatmaps: [[[Double]]]
  /// Of the loss, or of the penalty where there is no λ.
  let gradients: [Gradient]
  let penaltyGradients: [Gradient]?

  var interpreter: any Interpreter {
    switch (explanation, targetLayer) {
    case ("gradcam", let layer?): GradCAM(layer: layer)
    case (_, let layer?): SimpleGradAtLayer(layer: layer)
    default: SimpleGrad()
    }
  }
}

func decode<Content: Decodable>(_ name: String) throws -> Content {
  let url = try #require(
    Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Fixtures"))
  return try JSONDecoder().decode(Content.self, from: Data(contentsOf: url))
}

/// The fixture's images as a batch.
func batch(_ pictures: [Fixture.Picture]) throws -> (images: [Float], labels: [Int32]) {
  let normalize = Normalizer(Preprocessing())
  let images = try pictures.flatMap {
    normalize(try Image(contentsOf: Shared.root + "/" + $0.path))
  }
  return (images, pictures.map { Int32($0.label) })
}

/// ‖actual − expected‖ / ‖expected‖ over the sampled entries, and the same of the norms.
func relativeError(
  _ tensor: Tensor, _ expected: Fixture.Gradient
) -> (entries: Double, norm: Double) {
  let values = WeightLayout.torchvision.toFile(tensor).values
  let count = expected.entries.count
  var (difference, scale) = (0.0, 0.0)
  for (k, entry) in expected.entries.enumerated() {
    let index = count == 1 ? 0 : k * (values.count - 1) / (count - 1)
    difference += (Double(values[index]) - entry) * (Double(values[index]) - entry)
    scale += entry * entry
  }
  let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  // A gradient that is exactly zero must come out as exactly zero.
  return (
    scale == 0 ? difference.squareRoot() : (difference / scale).squareRoot(),
    expected.l2 == 0 ? norm : abs(norm - expected.l2) / expected.l2
  )
}

@Suite(.enabled(if: Shared.isThere, "needs ../shared"), .everyInstructionSet)
struct PyTorchGradientTests {
  /// fp32 against double precision. Where gradients of single images cancel, what is left of a
  /// sum is less exact than its terms: hence the norm over a tensor and not each entry.
  @Test(
    arguments: [
      ("resnet20-gradcam-layer3", 1e-4), ("resnet20-gradcam-layer2", 1e-4),
      ("resnet20-simplegrad-layer2", 1e-4), ("resnet20-simplegrad-input", 1e-4),
      ("vgg-gradcam-features20", 1e-4), ("vgg-gradcam-features13", 1e-4),
    ])
  func lossAndGradientsAgreeWithPyTorchsDoubleBackward(name: String, tolerance: Double) throws {
    let fixture: Fixture = try decode(name)
    let section: NetworkSection = name.hasPrefix("resnet20") ? .resnet20 : .vgg
    let network = try LoadedNetwork(section) { _ in ImageSize(width: 32, height: 32) }
    let (images, labels) = try batch(fixture.images)

    var graph = GraphBuilder()
    let x = try graph.placeholder("images", shape: [labels.count, 32, 32, 3])
    let label = try graph.placeholder("labels", shape: [labels.count], type: .int32)
    let classes = try graph.oneHot(label, depth: 10)
    let interpreter = fixture.interpreter
    let lowered = try NetworkGraph(
      network.architecture, input: x, keeping: interpreter.keptActivations, in: &graph)
    let heatmaps = try interpreter.heatmap(of: lowered, classes: classes, in: &graph)
    let penalty = try Location().penalty(of: [heatmaps], reference: nil, in: &graph)
    let crossEntropy = try graph.crossEntropy(lowered.logits, labels: classes)
    let loss = try graph.add(crossEntropy, graph.multiply(penalty, fixture.lambda ?? 1))
    let lossGradients = fixture.lambda == nil ? [] : fixture.gradients
    let penaltyList = fixture.penaltyGradients ?? fixture.gradients
    let variables = try lossGradients.map { try #require(lowered.parameters[$0.name]) }
    let penaltyVariables = try penaltyList.map {
      try #require(lowered.parameters[$0.name])
    }
    let gradients = try graph.gradient(of: loss, with: variables)
    let penaltyGradients = try graph.gradient(of: penalty, with: penaltyVariables)
    let outputs = [loss, crossEntropy, penalty, heatmaps] + gradients + penaltyGradients
    let program = try Executable(graph.graph(outputs: outputs), parameters: network.parameters)
    let lists = [(4, lossGradients), (4 + gradients.count, penaltyList)]
    try runBesideKinks(program, ["labels": .indices(labels)], images: images) {
      lists.allSatisfy { offset, list in
        list.enumerated().allSatisfy { index, expected in
          let error = relativeError(program.output(offset + index), expected)
          return error.entries < tolerance && error.norm < tolerance
        }
      }
    }

    let scalars: [Double?] = [fixture.loss, fixture.crossEntropy, fixture.penalty]
    for (index, expected) in scalars.enumerated() {
      guard let expected else { continue }
      #expect(abs(Double(program.output(index).values[0]) / expected - 1) < 1e-5)
    }
    let map = program.output(3).values
    let pixels = map.count / labels.count
    for (image, rows) in fixture.heatmaps.enumerated() {
      let expected = rows.flatMap(\.self)
      for (pixel, value) in expected.enumerated() {
        #expect(abs(Double(map[image * pixels + pixel]) - value) < 1e-5 * expected.max()!)
      }
    }
    var worst = (0.0, "")
    for (offset, list) in lists {
      for (index, expected) in list.enumerated() {
        let error = relativeError(program.output(offset + index), expected)
        let larger = max(error.entries, error.norm)
        if larger > worst.0 { worst = (larger, expected.name) }
        #expect(
          error.entries < tolerance && error.norm < tolerance,
          "\(offset == 4 ? "loss" : "penalty") by \(expected.name): \(error)")
      }
    }
    print("\(name): largest relative error \(worst.0) at \(worst.1)")
  }
}

extension PyTorchGradientTests {
  /// Runs with the images as they are or, if that is not right, moved by a last bit or two.
  ///
  /// Of millions of activations, one may be nearer to 0 than rounding. On which side of a ReLU it falls
  /// depends on the order of a sum, and a gradient by up to 8 % on that; what moves the images by less
  /// than rounding moves it as well. A derivative that is wrong is wrong for all of them.
  func runBesideKinks(
    _ program: Executable, _ inputs: [String: ProgramInput], images: [Float],
    until isRight: () -> Bool
  ) throws {
    for bits: Float in [0, 1, -1, 2, -2] {
      var inputs = inputs
      inputs["images"] = .floats(images.map { $0 * (1 + bits * .ulpOfOne) })
      try program.run(inputs)
      if isRight() { return }
    }
  }
}

/// Cross-entropy with the statistics of the batch, as in standard training.
private struct BatchStatisticsFixture: Decodable {
  struct Statistic: Decodable {
    let name: String
    let l2: Double
  }
  let images: [Fixture.Picture]
  let loss: Double
  let gradients: [Fixture.Gradient]
  let runningStatistics: [Statistic]
}

extension PyTorchGradientTests {
  @Test func trainingStepWithBatchStatisticsAgreesWithPyTorch() throws {
    let fixture: BatchStatisticsFixture = try decode("resnet20-batch-statistics")
    let network = try LoadedNetwork(.resnet20) { _ in ImageSize(width: 32, height: 32) }
    let (images, labels) = try batch(fixture.images)
    let program = try TrainingProgram.classifier(
      network, batchSize: labels.count)
    try program.run([
      TrainingProgram.images: .floats(images), TrainingProgram.labels: .indices(labels),
    ])
    #expect(abs(program.losses.crossEntropy / fixture.loss - 1) < 1e-5)
    for expected in fixture.gradients {
      let error = try relativeError(
        program.gradient(of: expected.name), expected)
      #expect(error.entries < 1e-4 && error.norm < 1e-4, "\(expected.name): \(error)")
    }
    for expected in fixture.runningStatistics {
      let output = try #require(program.statistics[expected.name])
      let norm = try program.program.output(output).values.reduce(0.0) {
        $0 + Double($1) * Double($1)
      }.squareRoot()
      #expect(abs(norm / expected.l2 - 1) < 1e-5, "\(expected.name)")
    }
  }
}
