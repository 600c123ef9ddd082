import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

struct ReferenceEvaluatorTests {
  /// An operation that nobody wrote a reference for.
  private struct Unheard: Operation {
    var name: String { "unheard" }
    func resultShape(of operands: [Shape]) throws(ShapeError) -> Shape { operands[0] }
    func vjp(
      _ operands: [Value], result: Value, cotangent: Value, in graph: inout GraphBuilder
    ) throws(ShapeError) -> [Value?] { [nil] }
  }

  @Test func faultsOfAllInputsAreInOneMessage() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2])
    let w = try graph.parameter("w", shape: [2])
    let sum = try graph.add(x, w)
    let program = graph.graph(outputs: [sum])
    #expect(
      throws: ReferenceError(
        "placeholder x has shape [3], expected [2]; parameter w of shape [2] is not given")
    ) {
      try ReferenceEvaluator.evaluate(
        program, placeholders: ["x": ReferenceArray(repeating: 0, shape: [3])])
    }
  }

  @Test func anUnknownOperationIsNamed() throws {
    var graph = GraphBuilder()
    let y = try graph.append(Unheard(), [graph.placeholder("x", shape: [2])])
    #expect(
      throws: ReferenceError("unheard: the reference evaluator does not know Unheard")
    ) {
      try ReferenceEvaluator.evaluate(
        graph.graph(outputs: [y]), placeholders: ["x": ReferenceArray(repeating: 0, shape: [2])])
    }
  }

  @Test func everyNodeAndRepeatedOutputs() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2])
    let y = try graph.negate(x)
    let z = try graph.add(y, y)
    let program = graph.graph(outputs: [z, y, z])
    let inputs = ["x": ReferenceArray(shape: [2], values: [1, -3])]
    let outputs = try ReferenceEvaluator.evaluate(program, placeholders: inputs)
    #expect(outputs.map(\.values) == [[-2, 6], [-1, 3], [-2, 6]])
    let nodes = try ReferenceEvaluator.evaluateEveryNode(of: program, placeholders: inputs)
    #expect(nodes.map(\.values) == [[1, -3], [-1, 3], [-2, 6]])
  }

  @Test func finiteDifferencesOfAKnownFunction() throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [2])
    let w = try graph.parameter("w", shape: [2])
    let loss = try graph.sum(graph.multiply(w, graph.square(x)))
    let program = graph.graph(outputs: [loss, x])
    let x0 = ReferenceArray(shape: [2], values: [3, -1])
    let w0 = ReferenceArray(shape: [2], values: [0.5, 2])
    func gradient(_ input: FiniteDifferences.Input) throws -> ReferenceArray {
      try FiniteDifferences.gradient(
        of: program, with: input, placeholders: ["x": x0], parameters: ["w": w0])
    }
    expectEqual(
      try gradient(.placeholder("x")), ReferenceArray(shape: [2], values: [3, -4]), within: 1e-9,
      "2wx")
    expectEqual(
      try gradient(.parameter("w")), ReferenceArray(shape: [2], values: [9, 1]), within: 1e-9, "x²")
    let product = try FiniteDifferences.hessianVectorProduct(
      of: loss, with: x, named: .placeholder("x"),
      times: ReferenceArray(shape: [2], values: [1, 10]), in: graph, placeholders: ["x": x0],
      parameters: ["w": w0])
    expectEqual(product, ReferenceArray(shape: [2], values: [1, 40]), within: 1e-9, "2wv")
    #expect(
      throws: ReferenceError("finite differences: output 1 has shape [2], not a scalar")
    ) {
      try FiniteDifferences.gradient(
        of: program, output: 1, with: .placeholder("x"), placeholders: ["x": x0],
        parameters: ["w": w0])
    }
  }
}
