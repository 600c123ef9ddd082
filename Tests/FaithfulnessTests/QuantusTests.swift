import Checkpoints
import Evaluation
import Explanations
import Faithfulness
import Foundation
import ImageData
import Manipulation
import Networks
import Pictures
import RunTestSupport
import TensorFiles
import TensorGraph
import TestSupport
import Testing

/// Scores by Quantus 0.6 on the same heatmaps, masks, noise and random parameters, and those of the code
/// released with Petsiuk et al. 2018 (tools/make_metric_fixtures.py).
@Suite struct QuantusTests {
  static let names = ["tiny"] + (Shared.isThere ? ["resnet20"] : [])

  @Test(arguments: names) func faithfulnessCorrelationIsThatOfQuantus(name: String) throws {
    let subject = try MetricFixture(name)
    let subsets = try subject.arrays.read("\(name).subsets")
    let (runs, size) = (subsets.shape[1], subsets.shape[2])
    let metric = FaithfulnessCorrelation(runs: runs, subset: size)
    let result = try metric.result(of: subject.images, by: subject.bench()) { image, run in
      let begin = (image * runs + run) * size
      return subsets.values[begin..<begin + size].map { Int($0) }
    }
    subject.expectEqual(result, subject.expected.faithfulnessCorrelation)
  }

  @Test(arguments: names) func roadIsThatOfQuantus(name: String) throws {
    let subject = try MetricFixture(name)
    let normals = try subject.table("normals")
    let result = try ROAD().result(of: subject.images, by: subject.bench()) { _, _, count in
      (0..<count).map { normals[$0 % normals.count] }
    }
    let shares = result.curve.compactMap(\.value)
    #expect(result.curve.map(\.x) == stride(from: 1, to: 100, by: 2).map { Double($0) / 100 })
    #expect(shares.count == 50)
    for (own, wanted) in zip(shares, subject.expected.road) { #expect(abs(own - wanted) <= 1e-4) }
    let mean = subject.expected.road.reduce(0, +) / 50
    #expect(abs((result.mean ?? .nan) - mean) <= 1e-4)
  }

  /// Logits squared times thousands of pixels: relative.
  @Test(arguments: names) func infidelityIsThatOfQuantus(name: String) throws {
    let subject = try MetricFixture(name)
    subject.expectEqual(
      try Infidelity().result(of: subject.images, by: subject.bench(), seed: 0),
      subject.expected.infidelity)
  }

  @Test(arguments: names) func maxSensitivityIsThatOfQuantus(name: String) throws {
    let subject = try MetricFixture(name)
    let uniforms = try subject.table("uniforms")
    let samples = name == "tiny" ? 20 : 10
    let channels = subject.images.channels
    let result = try MaxSensitivity(samples: samples).result(
      of: subject.images, by: subject.bench()
    ) { image, sample, noise in
      for place in noise.indices {
        // Quantus's noise is [C, H, W].
        let own = place % channels * (noise.count / channels) + place / channels
        let number = uniforms[(131 * sample + 17 * image + own) % uniforms.count]
        noise[place] = Float(-0.2 + 0.4 * Double(number))
      }
    }
    subject.expectEqual(result, subject.expected.maxSensitivity)
  }

  @Test(arguments: names) func deletionFromBlackIsPixelFlippingOfQuantus(name: String) throws {
    let subject = try MetricFixture(name)
    let metric = PixelCurve(.deletion, fill: .black)
    subject.expectEqual(
      try metric.result(of: subject.images, by: subject.bench(), seed: 0),
      subject.expected.pixelFlipping)
  }

  @Test(arguments: names) func deletionAndInsertionAreThoseOfTheReleasedCode(name: String) throws {
    let subject = try MetricFixture(name)
    let bench = try subject.bench()
    subject.expectEqual(
      try PixelCurve(.deletion).result(of: subject.images, by: bench, seed: 0),
      subject.expected.deletion)
    subject.expectEqual(
      try PixelCurve(.insertion).result(of: subject.images, by: bench, seed: 0),
      subject.expected.insertion)
  }

  @Test(arguments: names) func sparsenessAndComplexityAreThoseOfQuantus(name: String) throws {
    let subject = try MetricFixture(name)
    let bench = try subject.bench()
    subject.expectEqual(
      try Sparseness().result(of: subject.images, by: bench, seed: 0), subject.expected.sparseness)
    subject.expectEqual(
      try Complexity().result(of: subject.images, by: bench, seed: 0), subject.expected.complexity)
  }

  @Test func parameterRandomisationIsThatOfQuantusLayerByLayer() throws {
    let subject = try MetricFixture("tiny")
    let before = try subject.network.parameters.snapshot()
    let result = try ParameterRandomisation().result(
      of: subject.images, by: subject.bench(), seed: 0)
    let layers = try #require(subject.expected.mprtLayers)
    let expected = try #require(subject.expected.mprt)
    #expect(result.curve.map(\.name) == layers)
    for point in result.curve {
      let scores = try #require(expected[point.name])
      let mean = scores.reduce(0, +) / Double(scores.count)
      #expect(abs((point.value ?? .nan) - mean) <= MetricFixture.tolerance, "\(point.name)")
    }
    subject.expectEqual(
      result,
      subject.images.labels.indices.map { image in
        layers.reduce(0.0) { $0 + expected[$1]![image] } / Double(layers.count)
      })
    #expect(try subject.network.parameters.snapshot() == before)
  }

  @Test func efficientParameterRandomisationIsThatOfQuantus() throws {
    let subject = try MetricFixture("tiny")
    subject.expectEqual(
      try EfficientParameterRandomisation().result(
        of: subject.images, by: subject.bench(), seed: 0),
      try #require(subject.expected.emprt))
  }
}

/// One network with its images, heatmaps and what others find of them.
struct MetricFixture {
  struct Scores: Decodable {
    enum CodingKeys: String, CodingKey {
      case faithfulnessCorrelation = "faithfulness-correlation"
      case maxSensitivity = "max-sensitivity"
      case pixelFlipping = "pixel-flipping"
      case mprtLayers = "mprt-layers"
      case labels, images, road, infidelity, deletion, insertion, sparseness, complexity, mprt,
        emprt
    }
    let labels: [Int]
    let images: [String]?
    let faithfulnessCorrelation: [Double]
    let road: [Double]
    let infidelity: [Double]
    let maxSensitivity: [Double]
    let pixelFlipping: [Double]
    let deletion: [Double]
    let insertion: [Double]
    let sparseness: [Double]
    let complexity: [Double]
    let mprt: [String: [Double]]?
    let mprtLayers: [String]?
    let emprt: [Double]?
  }
  private struct All: Decodable {
    let tiny: Scores
    let resnet20: Scores
  }

  static let tolerance = 1e-4

  let name: String
  let network: LoadedNetwork
  let interpreter: any Interpreter
  let images: ExplainedImages
  let arrays: SafetensorsFile
  let expected: Scores

  private static func file(_ name: String) -> String {
    Bundle.module.resourcePath! + "/Fixtures/" + name
  }

  init(_ name: String) throws {
    self.name = name
    arrays = try SafetensorsFile(path: Self.file("metrics.safetensors"))
    let all = try JSONDecoder().decode(
      All.self, from: Data(contentsOf: URL(fileURLWithPath: Self.file("metrics.json"))))
    let samples: [Float]
    if name == "tiny" {
      expected = all.tiny
      network = try LoadedNetwork(
        NetworkSection(
          checkpoint: Self.file("tiny.safetensors"),
          architecture: ArchitectureSpecification(
            family: "vgg-style", classes: 5, height: 16, width: 16,
            plan: [.convolution(channels: 6), .pool, .convolution(channels: 8)], batchNorm: true,
            classifier: [12])))
      samples = try arrays.read("tiny.images").values
      interpreter = SimpleGrad()
    } else {
      expected = all.resnet20
      network = try LoadedNetwork(.resnet20)
      let normalizer = Normalizer(network.preprocessing)
      samples = try (expected.images ?? []).flatMap {
        normalizer(try Image(contentsOf: "\(Shared.root)/\($0)"))
      }
      interpreter = SimpleGradAtLayer(layer: "layer2")
    }
    let maps = try arrays.read("\(name).maps")
    let size = ImageSize(width: maps.shape[2], height: maps.shape[1])
    images = ExplainedImages(
      samples: samples, size: size, labels: expected.labels,
      heatmaps: expected.labels.indices.map {
        Heatmap(
          height: size.height, width: size.width,
          values: Array(maps.values[$0 * size.area..<($0 + 1) * size.area]))
      })
  }

  /// Random parameters are those of the fixture. A batch has rows of several images.
  func bench() throws -> MetricBench {
    MetricBench(
      network, interpreter: (interpreter.name, interpreter), batchSize: 8,
      random: { [arrays, name, network] layer in
        let own = network.architecture.parameters.filter { $0.layer == layer }
        return try Dictionary(
          uniqueKeysWithValues: own.map { ($0.name, try arrays.read("\(name).random.\($0.name)")) })
      })
  }

  func table(_ name: String) throws -> [Float] { try arrays.read(name).values }

  /// To 1e-4, relative where numbers are large.
  func expectEqual(
    _ result: MetricResult, _ wanted: [Double], _ location: SourceLocation = #_sourceLocation
  ) {
    #expect(result.scores.count == wanted.count, sourceLocation: location)
    for (own, wanted) in zip(result.scores, wanted) {
      #expect(
        abs((own ?? .nan) - wanted) <= Self.tolerance * max(1, abs(wanted)),
        "\(name): \(own ?? .nan) for \(wanted)", sourceLocation: location)
    }
  }
}
