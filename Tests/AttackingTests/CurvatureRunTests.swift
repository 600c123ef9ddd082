import Attacks
import Explanations
import Foundation
import ImageData
import Manipulation
import RunTestSupport
import TensorGraph
import Testing

/// `trompe curvature` on the built-in network.
@Suite struct CurvatureRunTests {
  private static let checkpoint = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../checkpoints/shapes-resnet.h5").standardizedFileURL.path

  private func recipe(_ function: CurvedFunction) -> AttackRecipe {
    AttackRecipe(
      network: NetworkSection(checkpoint: Self.checkpoint),
      data: DataSection(source: .shapes(train: 10, validation: 30, seed: 7), threads: 2),
      interpreter: InterpreterSpecification(name: "simple-grad"),
      attack: AttackSpecification(methods: ["random-sign", "top-k"], beta: 5, images: 3, seed: 1),
      curvature: CurvatureSection(function: function, eigenvalues: 3, iterations: 12),
      evaluation: EvaluationSection(batchSize: 2))
  }

  @Test(arguments: CurvedFunction.allCases)
  func attacksFollowTheCurvature(function: CurvedFunction) throws {
    let folder = try TemporaryFolder()
    let summary = try CurvatureRun(recipe(function), output: folder("a")).run()
    let records = try lines(folder("a/curvature.jsonl")).map {
      try JSONDecoder().decode(CurvatureRecord.self, from: Data($0.utf8))
    }
    #expect(records.count == 3 && summary.images == 3)
    for record in records {
      #expect(record.eigenvalues.count == 3)
      let largest = abs(record.eigenvalues[0])
      #expect(record.eigenvalues.map(abs) == record.eigenvalues.map(abs).sorted(by: >))
      #expect(Set(record.curvatures.keys) == ["random-sign", "top-k", "gradient"])
      // Twelve products leave the largest eigenvalue a little small.
      for curvature in record.curvatures.values { #expect(abs(curvature) <= 1.02 * largest) }
      for turn in record.turns.values { #expect(turn <= 1.02 * largest && turn > 0) }
      #expect(record.turns["top-k"]! > 2 * record.turns["random-sign"]!)
    }
    _ = try CurvatureRun(recipe(function), output: folder("b")).run()
    #expect(try lines(folder("a/curvature.jsonl")) == lines(folder("b/curvature.jsonl")))
    let written = try JSONDecoder().decode(
      CurvatureSummary.self,
      from: Data(contentsOf: URL(fileURLWithPath: folder("a/summary.json"))))
    #expect(written == summary)
    #expect(summary.directions.map(\.name) == ["random-sign", "top-k", "gradient"])
  }

  /// H·v against differences of the gradient, in single precision.
  @Test(arguments: CurvedFunction.allCases)
  func productsAreDifferencesOfTheGradient(function: CurvedFunction) throws {
    let network = try LoadedNetwork(NetworkSection(checkpoint: Self.checkpoint), kernels: .plain)
    let program = try CurvatureProgram(
      network, of: function, batchSize: 2)
    let normalizer = Normalizer(network.preprocessing)
    let source = ShapesDataset(count: 2, seed: 4, split: .validation)
    let images = (0..<2).flatMap { normalizer(source.image(at: $0)) }
    let labels = (0..<2).map { Int32(source.label(at: $0)) }
    var random = RandomGenerator(seed: 1)
    let vectors = images.map { _ in Float(random.normal()) }
    func gradient(_ step: Float) throws -> [Float] {
      try program.run(
        images: zip(images, vectors).map { $0 + step * $1 }, labels: labels, vectors: vectors,
        beta: 1
      ).gradient.values
    }
    let step: Float = 1e-3
    let (ahead, behind) = (try gradient(step), try gradient(-step))
    let product = try program.run(images: images, labels: labels, vectors: vectors, beta: 1)
      .product.values
    var (error, size) = (0.0, 0.0)
    for place in product.indices {
      let expected = Double(ahead[place] - behind[place]) / Double(2 * step)
      error += pow(expected - Double(product[place]), 2)
      size += expected * expected
    }
    #expect(size > 0 && (error / size).squareRoot() < 0.02, "\((error / size).squareRoot())")
  }
}
