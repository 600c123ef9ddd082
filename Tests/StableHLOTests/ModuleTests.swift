import Foundation
import StableHLO
import TensorGraph
import TensorRuntime
import TensorTestSupport
import Testing

struct ModuleTests {
  @Test(arguments: Family.allCases)
  func operationsAreWrittenAsInTheGoldenFile(_ family: Family) throws {
    let url = try #require(
      Bundle.module.url(
        forResource: family.rawValue, withExtension: "mlir", subdirectory: "Fixtures"))
    let golden = try String(contentsOf: url, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    let written = try family.text().split(separator: "\n", omittingEmptySubsequences: false)
    for (number, (line, expected)) in zip(written, golden).enumerated() where line != expected {
      Issue.record("line \(number + 1) of \(family).mlir: \(line), expected \(expected)")
      return
    }
    #expect(written.count == golden.count)
  }

  /// Value, first and second derivative of all there is.
  @Test(arguments: OperationTable.cases)
  func everyOperationHasAForm(_ entry: OperationCase) throws {
    for simplifies in [false, true] {
      let graph = try DerivativeProgram(entry, simplifies: simplifies, computesTaps: true).graph
      _ = try Module.run(
        Computation(graph, outputs: graph.outputs.indices.map { "y\($0)" }))
    }
  }

  private struct Unheard: TensorGraph.Operation {
    var name: String { "unheard of" }
    func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape { operands[0] }
    func vjp(
      _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
    ) throws(ShapeError) -> [Value?] { [nil] }
  }

  @Test func anOperationWithoutAFormIsNamed() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2])
    let y = try graph.append(Unheard(), [x])
    let computation = graph.computation([("y", y)])
    let error = #expect(throws: LoweringError.self) { try Module.run(computation) }
    #expect(error?.description == "unheard of, %1 of the program, has no form in StableHLO")
  }

  /// Parameters, moments and assigned parameters take the memory of the old ones; nothing else does.
  @Test func aStepDonatesWhatItChanges() throws {
    let module = try Module.step(Family.line(.adam), parameters: { _ in [3] })
    #expect(
      module.arguments.map(\.role) == [
        .placeholder("x"), .parameter("w"), .parameter("s"), .moment(of: "w", 0),
        .moment(of: "w", 1), .scalar(.rootCorrection), .scalar(.rate),
      ])
    #expect(
      module.results.map(\.role) == [
        .output("sum"), .output("new"), .parameter("s"), .moment(of: "w", 0),
        .moment(of: "w", 1), .parameter("w"), .checks,
      ])
    #expect(module.donations == [2: 2, 3: 3, 4: 4, 1: 5])
    #expect(
      module.checks == [
        .output("sum"), .gradient(of: "w"), .parameter("s"), .parameter("w"),
      ])
  }

  /// Images and labels of a batch are split, a mask of one row is not; parameters and results are whole.
  @Test func severalDevicesShareABatch() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [4, 6])
    let mask = try graph.placeholder("mask", shape: [1, 6])
    let labels = try graph.placeholder("labels", shape: [4], type: .int32)
    let w = try graph.parameter("w", shape: [6, 2])
    let y = try graph.matrixProduct(graph.multiply(x, mask), w)
    let loss = try graph.sum(graph.multiply(y, graph.oneHot(labels, depth: 2)))
    let computation = graph.computation([("loss", loss), ("y", y)])
    let module = try Module.run(computation, devices: 2)
    let whole = #"#sdy.sharding<@mesh, [{}, {}]>"#
    #expect(module.text.contains(#"sdy.mesh @mesh = <["data"=2]>"#))
    #expect(module.text.contains("mhlo.num_partitions = 2 : i32"))
    for (position, argument) in module.arguments.enumerated() {
      switch argument.role {
      case .placeholder("x"), .placeholder("labels"): #expect(module.split.contains(position))
      default: #expect(!module.split.contains(position))
      }
    }
    #expect(
      module.text.contains(
        #"tensor<4x6xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"data"}, {}]>}"#))
    #expect(module.text.contains("tensor<1x6xf32> {sdy.sharding = \(whole)}"))
    #expect(module.text.contains("tensor<4x2xf32> {sdy.sharding = \(whole)}"))
    // Four images are no three equal parts.
    #expect(try Module.run(computation, devices: 3).split.isEmpty)
    #expect(try !Module.run(computation).text.contains("sdy"))
  }

  @Test func largeConstantsAreArguments() throws {
    var graph = GraphBuilder()
    let (small, large) = (Tensor(repeating: 2, shape: [64]), Tensor(repeating: 3, shape: [65]))
    let (a, b) = (try graph.constant(small), try graph.constant(large))
    let module = try Module.run(graph.computation([("a", a), ("b", b)]))
    #expect(module.arguments.map(\.role) == [.constant(large)])
  }

  /// Sums are floats whatever is multiplied.
  @Test func precisionIsSaidOfConvolutionsAlone() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [1, 3, 3, 2])
    let w = try graph.parameter("w", shape: [2, 3, 3, 2])
    let y = try graph.reshape(graph.convolution(x, w, window: Window2D(3)), to: [1, 2])
    let v = try graph.parameter("v", shape: [2, 2])
    let z = try graph.matrixProduct(y, v)
    let computation = graph.computation([("z", z)])
    func lines(_ multiplication: Multiplication, _ part: String) throws -> [Substring] {
      try Module.run(computation, multiplication: multiplication).text
        .split(separator: "\n").filter { $0.contains(part) }
    }
    for multiplication in Multiplication.allCases {
      let dots = try lines(multiplication, "dot_general")
      #expect(dots.allSatisfy { $0.contains("precision = [HIGHEST, HIGHEST]") })
    }
    func convolution(_ multiplication: Multiplication) throws -> Substring {
      try #require(try lines(multiplication, "convolution(").first)
    }
    #expect(try convolution(.float32).contains("precision HIGHEST"))
    #expect(try convolution(.tensorFloat32).contains("precision DEFAULT"))
    #expect(
      try convolution(.bfloat16).hasSuffix(
        "(tensor<1x3x3x2xbf16>, tensor<2x3x3x2xbf16>) -> tensor<1x1x1x2xf32>"))
  }

  /// Read as a double and rounded, as plugins do.
  @Test func numbersAreReadBackAsTheyAre() throws {
    var generator = SeededGenerator(seed: 3)
    var values: [Float] = [
      0, -0.0, 1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, .leastNormalMagnitude,
      .greatestFiniteMagnitude, 1e-7, 16_777_215,
    ]
    for _ in 0..<10_000 {
      values.append(Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator)))
    }
    for value in values {
      var graph = GraphBuilder(simplifies: false)
      let constant = try graph.constant(Tensor(shape: [1], values: [value]))
      let text = try Module.run(graph.computation([("y", constant)])).text
      let literal = try #require(text.firstMatch(of: /dense<\[(.*)\]>/)?.1)
      let bits =
        literal.hasPrefix("0x")
        ? UInt32(literal.dropFirst(2), radix: 16) : Double(literal).map { Float($0).bitPattern }
      let isSame =
        value.isNaN
        ? bits.map { Float(bitPattern: $0).isNaN } == true : bits == value.bitPattern
      #expect(isSame, "\(value) is written \(literal)")
      // MLIR reads no decimal without a point.
      #expect(literal.hasPrefix("0x") || literal.contains("."))
    }
  }
}
