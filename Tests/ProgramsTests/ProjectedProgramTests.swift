import Explanations
import ImageData
import Manipulation
import Networks
import RunTestSupport
import TensorGraph
import Testing

/// Bases of a whole space, or of one direction: those that a test needs.
private final class KnownSpaces: TangentSource {
  let size: Int
  init(size: Int) { self.size = size }

  /// Coordinate axes, from that of the image's class on.
  func bases(
    of images: [Float], classes: [Int32], neighbours: Int, dimensions: Int
  ) throws -> [Float] {
    #expect(images.count == classes.count * size)
    var bases = [Float](repeating: 0, count: classes.count * dimensions * size)
    for (image, label) in classes.enumerated() {
      for axis in 0..<dimensions {
        bases[(image * dimensions + axis) * size + (Int(label) + axis) % size] = 1
      }
    }
    return bases
  }
}

@Suite struct ProjectedProgramTests {
  private static let side = 8
  private static let size = side * side * 3
  private static let batch = 3

  private let network: LoadedNetwork
  private let images: [Float]

  init() throws {
    network = try LoadedNetwork(
      NetworkSection(
        architecture: ArchitectureSpecification(
          family: "resnet-style", classes: 4, height: Self.side, width: Self.side, widths: [4, 6],
          blocks: [1, 1])), seed: 3)
    var random = RandomGenerator(seed: 4)
    images = (0..<Self.batch * Self.size).map { _ in Float(random.normal()) }
  }

  private func maps(
    _ specification: InterpreterSpecification, dimensions: Int?, valid: Int = Self.batch,
    own: [Int32]? = nil
  ) throws -> [[Float]] {
    var specification = specification
    specification.projected = dimensions.map {
      TangentProjection(
        neighbours: 200, dimensions: $0, source: KnownSpaces(size: Self.size))
    }
    let program = try EvaluationProgram(
      network, interpreters: [("own", specification.interpreter())], batchSize: Self.batch,
      samplesAtOnce: 1)
    try program.run(
      images: images, labels: [0, 1, 2], own: own, identities: Array(0..<valid))
    return program.heatmaps(0, count: Self.batch).map(\.values)
  }

  static let methods = [
    InterpreterSpecification(name: "simple-grad"),
    InterpreterSpecification(name: "input-x-gradient"),
    InterpreterSpecification(name: "smooth-grad", samples: 3),
    InterpreterSpecification(name: "uni-grad", samples: 3),
    InterpreterSpecification(name: "integrated-gradients", steps: 3),
    InterpreterSpecification(name: "simple-grad", softplus: 20),
  ]

  /// In one program, and in the two of methods that average over samples.
  @Test(arguments: methods)
  func aWholeBasisIsTheExplanationItself(specification: InterpreterSpecification) throws {
    let plain = try maps(specification, dimensions: nil)
    // As many as there are dimensions, one less than which are allowed by 200 neighbours.
    let whole = try maps(specification, dimensions: Self.size)
    for (own, expected) in zip(whole, plain) {
      let scale = expected.reduce(0) { max($0, abs($1)) }
      #expect(scale > 0)
      #expect(zip(own, expected).allSatisfy { abs($0 - $1) <= 1e-5 * scale })
    }
  }

  /// One axis of the image's own class: relevance at that pixel alone.
  @Test func neighboursAreOfTheImagesOwnClass() throws {
    let specification = InterpreterSpecification(name: "simple-grad")
    let byLabel = try maps(specification, dimensions: 1)
    let byOwn = try maps(specification, dimensions: 1, own: [30, 90, 9])
    for (image, (first, second)) in zip(byLabel, byOwn).enumerated() {
      #expect(first.indices.filter { first[$0] > 0 } == [0])
      #expect(second.indices.filter { second[$0] > 0 } == [[10], [30], [3]][image])
    }
  }

  /// What fills up a batch is given no basis, and nobody is bothered for one.
  @Test func rowsBeyondTheImagesHaveNoBasis() throws {
    let maps = try maps(InterpreterSpecification(name: "simple-grad"), dimensions: 5, valid: 2)
    #expect(maps[0].contains { $0 > 0 } && maps[1].contains { $0 > 0 })
    #expect(maps[2].allSatisfy { $0 == 0 })
  }

  @Test func projectionsWithoutImagesAreErrors() throws {
    let specification = InterpreterSpecification(
      name: "simple-grad", projected: TangentProjection())
    let program = try EvaluationProgram(
      network, interpreters: [("own", specification.interpreter())], batchSize: Self.batch)
    let error = #expect(throws: (any Error).self) {
      try program.run(images: images, labels: [0, 1, 2])
    }
    #expect("\(try #require(error))".contains("no training images"))
  }
}
