import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

/// Random programs against the reference.
@Suite(.everyInstructionSet) struct RandomGraphTests {
  private static let shapes: [[Shape]] = [
    [[2, 3], [2, 3], [3], [2, 1], []],
    // Square arrays: transposed and sliced views have the shape of what they read.
    [[3, 3], [3, 3], [3], [1, 3], [3, 1]],
    [[2, 2, 2], [2, 2], [2, 1, 2], [1, 2, 1], [2]],
    [[4, 1, 3], [1, 5, 1], [5, 3], [1], [4, 5, 3]],
  ]
  /// Beyond a tile of 2048 elements, prime, and long along one axis.
  private static let largeShapes: [[Shape]] = [
    [[3, 2503], [3, 2503], [2503], [3, 1], []],
    [[2503, 3], [2503, 3], [3], [2503, 1], [1, 1]],
    [[5, 7, 11, 13], [5, 7, 11, 13], [13], [5, 1, 1, 13], [1, 7, 1, 1]],
    [[127, 131], [127, 131], [131], [127, 1], [1, 131]],
    [[9001], [9001], [1], [], [9001]],
  ]

  private func draw(
    _ shapes: [Shape], _ kind: RandomExpression.Kind, using generator: inout SeededGenerator
  ) -> Arrays {
    var arrays: Arrays = [:]
    for (position, shape) in shapes.enumerated() {
      arrays["\(position)"] =
        kind == .whole
        ? .randomIntegers(shape, using: &generator)
        : .random(shape, using: &generator).roundedToFloat
    }
    return arrays
  }

  /// The last values of a random program, and of some the gradient.
  private func program(
    _ arrays: Arrays, _ kind: RandomExpression.Kind, steps: Int, simplifies: Bool,
    _ generator: SeededGenerator
  ) throws -> Graph {
    var builder = GraphBuilder(simplifies: simplifies)
    let variables = try arrays.sorted { $0.key < $1.key }.map {
      try builder.placeholder($0.key, shape: $0.value.shape)
    }
    var recipe = RandomExpression(generator: generator, kind: kind)
    let pool = try recipe.values(
      from: variables, steps: steps, constantShape: variables[0].shape, in: &builder)
    var outputs = Array(pool.suffix(2)) + [pool[pool.count - steps / 2]]
    if kind == .whole {
      let loss = try builder.add(builder.sum(pool.last!), builder.sum(pool[pool.count - 3]))
      outputs += try [loss] + builder.gradient(of: loss, with: variables)
    }
    return builder.graph(outputs: outputs)
  }

  @Test(arguments: 0..<300)
  func smoothProgramsRunAsTheReference(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let arrays = draw(Self.shapes[seed % Self.shapes.count], .smooth, using: &generator)
    let graph = try program(
      arrays, .smooth, steps: 14, simplifies: seed % 3 != 0, generator)
    try expectReference(graph, arrays, "seed \(seed)")
  }

  /// Values and gradients of programs over whole numbers, in which nothing is rounded: equal, bit
  /// by bit.
  @Test(arguments: 0..<400)
  func wholeProgramsRunExactly(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let arrays = draw(Self.shapes[seed % Self.shapes.count], .whole, using: &generator)
    let graph = try program(arrays, .whole, steps: 16, simplifies: seed % 3 != 0, generator)
    guard try isExact(graph, arrays) else { return }
    try expectReference(graph, arrays, within: 0, "seed \(seed)")
  }

  /// All numbers have at most 24 bits, and with room for the partial sums of a reduction.
  private func isExact(_ graph: Graph, _ arrays: Arrays) throws -> Bool {
    try ReferenceEvaluator.evaluateEveryNode(of: graph, placeholders: arrays)
      .allSatisfy { $0.values.reduce(0) { $0 + abs($1) } < 0x1p24 }
  }

  /// Too many programs that are skipped would leave the test above empty.
  @Test func mostWholeProgramsAreExact() throws {
    var exact = 0
    for seed in 0..<400 {
      var generator = SeededGenerator(seed: UInt64(seed))
      let arrays = draw(Self.shapes[seed % Self.shapes.count], .whole, using: &generator)
      let graph = try program(arrays, .whole, steps: 16, simplifies: seed % 3 != 0, generator)
      if try isExact(graph, arrays) { exact += 1 }
    }
    #expect(exact > 300)
  }

  @Test(arguments: 0..<40)
  func programsOverLargeShapesRunAsTheReference(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(1000 + seed))
    let shapes = Self.largeShapes[seed % Self.largeShapes.count]
    let arrays = draw(shapes, .smooth, using: &generator)
    let graph = try program(
      arrays, .smooth, steps: 12, simplifies: seed % 3 != 0, generator)
    try expectReference(graph, arrays, "seed \(seed)")
  }

  @Test(arguments: 0..<12)
  func residualNetworksRunAsTheReference(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let network = ResidualNetwork(
      blocks: 1 + seed % 3, channels: [4, 8, 5, 16][seed % 4], extent: 5 + seed % 3,
      batch: 1 + seed % 2)
    let graph = try network.graph()
    let images = network.images(using: &generator)
    let parameters = network.parameters(of: graph, using: &generator)
    // ReLU masks and signs turn over where an activation is within rounding of zero; with these
    // seeds none does.
    try expectReference(graph, images, parameters: parameters, within: 1e-4, "seed \(seed)")
  }
}
