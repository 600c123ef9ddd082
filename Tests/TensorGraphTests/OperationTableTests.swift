import Foundation
import TensorGraph
import TensorReference
import TensorTestSupport
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

  /// Both derivatives of a `DerivativeProgram` against central differences of what they derive.
  @Test(arguments: OperationTable.cases)
  func derivativesMatchFiniteDifferencesToSecondOrder(_ entry: OperationCase) throws {
    var plain: [ReferenceArray] = []
    for simplifies in [false, true] {
      let program = try DerivativeProgram(entry, simplifies: simplifies)
      let graph = program.graph
      try graph.verify()
      let values = try ReferenceEvaluator.evaluate(
        graph, placeholders: program.placeholders, parameters: program.parameters)
      for (position, target) in program.targets.enumerated() {
        let differenced = program.builder.graph(outputs: [target])
        for (number, variable) in program.variables.enumerated() {
          let expected = try FiniteDifferences.gradient(
            of: differenced, with: variable, placeholders: program.placeholders,
            parameters: program.parameters)
          let actual = values[1 + position * program.variables.count + number]
          expectEqual(
            actual, expected, within: Self.differenceTolerance,
            "derivative of order \(position + 1) with respect to \(variable), simplifies: \(simplifies)"
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
