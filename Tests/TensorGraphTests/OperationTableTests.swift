import Foundation
import TensorGraph
import TensorReference
import Testing

struct OperationTableTests {
  /// Central differences with step 1e-5 of functions whose third derivatives reach 1e4
  /// (reciprocals near 0.5) are off by some 1e-7.
  static let differenceTolerance = 1e-6

  @Test func tableCoversEveryOperationOfTheModule() throws {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let folder = root.appending(path: "Sources/TensorGraph/Ops")
    var declared: Set<String> = []
    for file in try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil) where file.pathExtension == "swift"
    {
      let source = try String(contentsOf: file, encoding: .utf8)
      for match in source.matches(of: /struct (\w+): Operation\b/) {
        declared.insert(String(match.1))
      }
    }
    #expect(declared.count >= 25, "the scan of \(folder.path()) found only \(declared)")
    let covered = Set(OperationTable.cases.map(\.typeName))
    #expect(declared.subtracting(covered) == [], "operations without a case in OperationTable")
    #expect(covered.subtracting(declared) == [], "cases of operations that no file declares")
  }

  /// With L = Σ c·(y + y²/2), so that the cotangent depends on the operands, and
  /// S = Σ v·∂L/∂x over all operands: ∂L/∂x and ∂S/∂x against central differences of L and of S.
  @Test(arguments: OperationTable.cases)
  func derivativesMatchFiniteDifferencesToSecondOrder(_ entry: OperationCase) throws {
    var generator = SeededGenerator(seed: 1)
    var inputs: [String: ReferenceArray] = [:]
    for (position, operand) in entry.operands.enumerated() {
      inputs["x\(position)"] = operand.domain.draw(operand.shape, using: &generator)
    }
    let shape = try entry.operation.resultShape(of: entry.operands.map(\.shape))
    inputs["c"] = .random(shape, using: &generator)
    inputs["own"] = .random(shape, using: &generator)

    var plain: [ReferenceArray] = []
    for simplifies in [false, true] {
      var builder = GraphBuilder(simplifies: simplifies)
      var operands: [Value] = []
      for (position, operand) in entry.operands.enumerated() {
        operands.append(
          try builder.placeholder("x\(position)", shape: operand.shape, type: operand.type))
      }
      let y = try builder.append(entry.operation, operands)
      // Inputs are their own variable.
      var variables: [(input: FiniteDifferences.Input, value: Value)] = []
      if entry.operation is Placeholder { variables = [(.placeholder("own"), y)] }
      if entry.operation is Parameter { variables = [(.parameter("own"), y)] }
      for (position, operand) in operands.enumerated() where !entry.discrete.contains(position) {
        variables.append((.placeholder("x\(position)"), operand))
      }

      let c = try builder.placeholder("c", shape: shape)
      let halfSquare = try builder.multiply(builder.square(y), 0.5)
      let loss = try builder.sum(builder.multiply(c, builder.add(y, halfSquare)))
      let gradients = try builder.gradient(of: loss, with: variables.map(\.value))
      var along = try builder.scalar(0)
      var directions = inputs
      // The same directions for both settings, so that they can be compared.
      generator = SeededGenerator(seed: 2)
      for (position, gradient) in gradients.enumerated() {
        let v = try builder.placeholder("v\(position)", shape: gradient.shape)
        directions["v\(position)"] = .random(gradient.shape, using: &generator)
        along = try builder.add(along, builder.sum(builder.multiply(v, gradient)))
      }
      let second = try builder.gradient(of: along, with: variables.map(\.value))

      let parameters = ["own": inputs["own"]!]
      let graph = builder.graph(outputs: [y] + gradients + second)
      try graph.verify()
      let values = try ReferenceEvaluator.evaluate(
        graph, placeholders: directions, parameters: parameters)
      for (order, target) in [(1, loss), (2, along)] {
        let differenced = builder.graph(outputs: [target])
        for (position, variable) in variables.enumerated() {
          let expected = try FiniteDifferences.gradient(
            of: differenced, with: variable.input, placeholders: directions, parameters: parameters)
          let actual = values[1 + (order - 1) * variables.count + position]
          expectEqual(
            actual, expected, within: Self.differenceTolerance,
            "derivative of order \(order) with respect to \(variable.input), simplifies: \(simplifies)"
          )
        }
      }
      if simplifies {
        for (position, (a, b)) in zip(values, plain).enumerated() {
          expectEqual(a, b, within: 1e-12, "output \(position), simplified against plain")
        }
      } else {
        plain = values
      }
    }
  }

  /// Operands without a gradient get exact zeros, not an error.
  @Test(arguments: OperationTable.cases.filter { !$0.discrete.isEmpty })
  func discreteOperandsHaveZeroGradient(_ entry: OperationCase) throws {
    var builder = GraphBuilder()
    var operands: [Value] = []
    for (position, operand) in entry.operands.enumerated() {
      operands.append(
        try builder.placeholder("x\(position)", shape: operand.shape, type: operand.type))
    }
    let y = try builder.append(entry.operation, operands)
    let variables = entry.discrete.sorted().map { operands[$0] }
    let gradients = try builder.gradient(of: builder.sum(y), with: variables)
    let values = try ReferenceEvaluator.evaluate(builder.graph(outputs: gradients))
    for (value, variable) in zip(values, variables) {
      #expect(value == ReferenceArray(repeating: 0, shape: variable.shape))
    }
  }
}
