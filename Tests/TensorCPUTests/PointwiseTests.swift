import Foundation
import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

@Suite(.everyInstructionSet) struct PointwiseTests {
  private static let shapes: [Shape] = [
    [1], [2049], [4099], [3, 2503], [2503, 3], [2048, 2], [1, 1, 7], [5, 1, 9, 1], [17, 64, 33],
    [2, 3, 5, 7], [4, 1, 4, 100], [131, 127],
  ]

  @Test(arguments: shapes)
  func reductionsOverEveryChoiceOfAxes(shape: Shape) throws {
    try check(["x": shape]) { graph, x in
      var outputs: [Value] = []
      for choice in 1..<(1 << shape.rank) {
        let axes = (0..<shape.rank).filter { choice & (1 << $0) != 0 }
        for function in Reduction.Function.allCases {
          outputs.append(try graph.append(Reduction(function, axes: axes), [x["x"]!]))
        }
        outputs.append(try graph.sum(graph.square(x["x"]!), axes: axes))
      }
      return outputs
    }
  }

  @Test(arguments: shapes)
  func notANumberReachesEveryReduction(shape: Shape) throws {
    var generator = SeededGenerator(seed: 4)
    for position in Set([0, shape.count / 3, shape.count - 1]) {
      var x = ReferenceArray.random(shape, using: &generator)
      x.values[position] = .nan
      var graph = GraphBuilder()
      let value = try graph.placeholder("x", shape: shape)
      var outputs: [Value] = []
      for axis in 0..<shape.rank {
        for function in Reduction.Function.allCases {
          outputs.append(try graph.append(Reduction(function, axes: [axis]), [value]))
        }
      }
      try expectReference(graph.graph(outputs: outputs), ["x": x])
    }
  }

  /// From below the normal range to overflow, with what is no number.
  private static let numbers: [Float] = {
    var numbers: [Float] = [
      0, -0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
      .leastNormalMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 88.72283,
      88.7229, -103.97, -103.98, 1, -1,
    ]
    for step in stride(from: Float(-120), through: 120, by: 0.037) { numbers.append(step) }
    for exponent in stride(from: Float(-149), through: 127, by: 0.31) {
      numbers += [Float(exp2(Double(exponent))), -Float(exp2(Double(exponent)))]
    }
    return numbers
  }()

  /// Relative to each result, beside half a step of the numbers below the normal range; a few
  /// roundings of 6e-8, where the argument of the exponential is itself rounded some more.
  @Test(arguments: Unary.Function.allCases)
  func functionsOverTheWholeRange(function: Unary.Function) throws {
    var graph = GraphBuilder()
    let count = Self.numbers.count
    let x = try graph.placeholder("x", shape: [count])
    let y = try graph.unary(function, x)
    let input = ReferenceArray(Tensor(shape: [count], values: Self.numbers))
    let actual = try execute(graph.graph(outputs: [y]), ["x": input])[0]
    for (x, a) in zip(input.values, actual.values) {
      let exact = function(x)
      let expected = Double(Float(exact))
      if expected.isNaN || expected.isInfinite {
        #expect(a == expected || (a.isNaN && expected.isNaN), "\(function)(\(x)) is \(a)")
        continue
      }
      // 1 / (1 + e⁻ˣ) overflows inside where the result is below 1e-38.
      let least = function == .sigmoid ? 3e-38 : 3e-45
      #expect(
        abs(a - exact) <= 1e-6 * abs(exact) + least, "\(function)(\(x)) is \(a), not \(exact)")
    }
  }

  @Test func comparisonsAndChoicesWithInfinitiesAndNaN() throws {
    let values: [Double] = [0, 1, -1, .infinity, -.infinity, .nan]
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [6, 1])
    let y = try graph.placeholder("y", shape: [1, 6])
    var outputs: [Value] = []
    for function in Binary.Function.allCases {
      outputs.append(try graph.binary(function, x, y))
    }
    let mask = try graph.isGreater(x, y)
    outputs.append(
      try graph.select(
        mask, graph.broadcast(x, to: [6, 6]), graph.broadcast(y, to: [6, 6])))
    try expectReference(
      graph.graph(outputs: outputs),
      [
        "x": ReferenceArray(shape: [6, 1], values: values),
        "y": ReferenceArray(shape: [1, 6], values: values),
      ], within: 1e-7)
  }
}
