import Checkpoints
import Explanations
import Foundation
import ImageData
import Networks
import TensorCPU
import TensorGraph
import TensorRuntime
import TestSupport
import Testing

/// Heatmaps of captum and zennit in double precision (tools/make_explanation_fixtures.py).
private struct Fixture: Decodable {
  struct Picture: Decodable {
    let path: String
    let label: Int
  }
  struct Heatmap: Decodable {
    let l2: Double
    /// At flat indices ⌊k·(n−1)/(c−1)⌋.
    let entries: [Double]
  }
  struct Method: Decodable {
    let name: String
    let shape: [Int]
    let images: [Heatmap]
  }
  let side: Int
  let layer: String
  let steps: Int
  let images: [Picture]
  let heatmaps: [Method]

  /// The interpreter that must agree with one of the fixture's methods.
  func interpreter(_ method: String, network: String) throws -> any Interpreter {
    var specification = InterpreterSpecification(name: method)
    switch method {
    case "lrp", "lrp-t": specification.batchNorm = .merged
    case "lrp-other":
      specification.name = "lrp"
      specification.batchNorm = .merged
      let dense = RelevanceComposite.Entry(.dense, .epsilon(0.01))
      specification.composite = RelevanceComposite(
        network.hasPrefix("vgg")
          ? [
            .init(.convolution, .flat(epsilon: 0.01), position: .first),
            .init(.convolution, .alphaBeta(alpha: 2, beta: 1, epsilon: 0.01)), dense,
          ]
          : [
            .init(.convolution, .wSquare(epsilon: 0.01), position: .first),
            .init(.convolution, .gamma(0.25, epsilon: 0.01)), dense,
          ])
    case "integrated-gradients", "integrated-gradients-t": specification.steps = steps
    default: break
    }
    if method == "grad-cam" || method.hasSuffix("-t") { specification.layer = layer }
    return try specification.interpreter()
  }
}

@Suite(.enabled(if: Shared.isThere, "needs ../shared"), .serialized)
struct IndependentImplementationTests {
  /// ‖actual − expected‖ / ‖expected‖ of each heatmap is at most 1e-3 (fp32 against float64), and
  /// so is the difference of the norms over all pixels: as programs are trained and as they are
  /// evaluated, whose convolutions round differently.
  @Test(arguments: TrainedNetworks.cifar + [TrainedNetworks.imagenette], [false, true])
  func heatmapsAgree(
    network: (checkpoint: String, specification: ArchitectureSpecification),
    isBatchInvariant: Bool
  ) throws {
    let (checkpoint, specification) = network
    let url = try #require(
      Bundle.module.url(
        forResource: checkpoint, withExtension: "json", subdirectory: "Fixtures"))
    let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
    let architecture = try specification.architecture()
    let loaded = try Checkpoint(
      contentsOf: HDF5File(path: "\(Shared.root)/checkpoints/\(checkpoint).h5"),
      expecting: architecture.parameters.map {
        ParameterSpecification(name: $0.name, shape: $0.shape)
      })
    let parameters = try ParameterStore(architecture.parameters.map { ($0.name, $0.shape) })
    for (name, value) in loaded.parameters { parameters[name] = value }

    let normalize = Normalizer(Preprocessing())
    let size = ImageSize(width: fixture.side, height: fixture.side)
    let images = try fixture.images.flatMap {
      let image = try Image(contentsOf: "\(Shared.root)/\($0.path)")
      return normalize(image.size == size ? image : image.resized(to: size))
    }
    let labels = fixture.images.map { Int32($0.label) }
    let setting = Setting(
      architecture: architecture, parameters: parameters, images: images, labels: labels,
      policy: ExecutionPolicy(
        isBatchInvariant: isBatchInvariant, keepsParameterWork: true))
    for method in fixture.heatmaps {
      let interpreter = try fixture.interpreter(method.name, network: checkpoint)
      let maps = try setting.heatmaps(of: interpreter)
      #expect(maps.shape == Shape([labels.count] + method.shape), "\(method.name)")
      let pixels = maps.shape.count / labels.count
      var worst = 0.0
      for (image, expected) in method.images.enumerated() {
        let map = maps.values[image * pixels..<(image + 1) * pixels].map(Double.init)
        let last = expected.entries.count - 1
        var (difference, scale) = (0.0, 0.0)
        for (k, entry) in expected.entries.enumerated() {
          let deviation = map[k * (pixels - 1) / last] - entry
          difference += deviation * deviation
          scale += entry * entry
        }
        let norm = map.reduce(0) { $0 + $1 * $1 }.squareRoot()
        if expected.l2 == 0 {
          // An image without positive relevance: its map is zero everywhere, here as there.
          #expect(norm == 0, "\(method.name), image \(image)")
          continue
        }
        #expect(scale > 0, "\(method.name), image \(image): no sampled pixel has relevance")
        worst = max(worst, (difference / scale).squareRoot(), abs(norm / expected.l2 - 1))
      }
      print("\(checkpoint) \(method.name): largest relative error \(worst)")
      #expect(worst < 1e-3, "\(method.name)")
    }
  }

  private struct Setting {
    let architecture: Architecture
    let parameters: ParameterStore
    let images: [Float]
    let labels: [Int32]
    let policy: ExecutionPolicy

    /// Sampled methods run sample by sample: a small program many times, then the combination.
    func heatmaps(of interpreter: any Interpreter) throws -> Tensor {
      var graph = GraphBuilder()
      let (network, classes) = try lower(interpreter, &graph)
      guard let sampled = interpreter as? any SampledInterpreter else {
        let heatmap = try interpreter.heatmap(of: network, classes: classes, in: &graph)
        return try run(graph.graph(outputs: [heatmap]))
      }
      let indices = Array(labels.indices)
      func variations(_ sample: Int) -> Tensor {
        sampled.variations(sample: sample, images: indices, of: architecture)
      }
      let variation = try graph.placeholder("variation", shape: variations(0).shape)
      let sample = try sampled.sample(
        of: network, classes: classes, variation: variation, in: &graph)
      let program = try executable(graph.graph(outputs: [sample]))
      var mean = Tensor(repeating: 0, shape: sample.shape)
      for index in 0..<sampled.sampleCount {
        let values = try run(program, ["variation": .floats(variations(index).values)]).values
        for position in values.indices {
          mean.values[position] += values[position] / Float(sampled.sampleCount)
        }
      }
      var second = GraphBuilder()
      let (again, marks) = try lower(interpreter, &second)
      let placeholder = try second.placeholder("mean", shape: mean.shape)
      let heatmap = try sampled.combine(
        mean: placeholder, of: again, classes: marks, in: &second)
      return try run(
        executable(second.graph(outputs: [heatmap])), ["mean": .floats(mean.values)])
    }

    private func lower(
      _ interpreter: any Interpreter, _ graph: inout GraphBuilder
    ) throws -> (NetworkGraph, Value) {
      let input = try graph.placeholder(
        "images", shape: Shape([labels.count] + architecture.inputShape.dimensions))
      let network = try NetworkGraph(
        architecture, input: input, keeping: interpreter.keptActivations, in: &graph)
      let label = try graph.placeholder("labels", shape: [labels.count], type: .int32)
      return (network, try graph.oneHot(label, depth: architecture.classes))
    }

    private func executable(_ graph: Graph) throws -> any Program {
      try CPUExecutor().compile(
        Computation(graph, outputs: ["result"]), parameters: parameters, policy: policy)
    }

    private func run(_ graph: Graph) throws -> Tensor { try run(executable(graph), [:]) }

    private func run(
      _ program: any Program, _ further: [String: ProgramInput]
    ) throws -> Tensor {
      var inputs = further
      let names = program.computation.graph.placeholders
      if names["images"] != nil { inputs["images"] = .floats(images) }
      if names["labels"] != nil { inputs["labels"] = .indices(labels) }
      try program.run(inputs)
      return try program.output("result")
    }
  }
}
