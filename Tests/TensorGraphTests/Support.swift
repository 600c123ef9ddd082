import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

/// Expects both arrays to have one shape and to differ by at most `tolerance` relative to the
/// larger of 1 and the largest expected magnitude.
func expectEqual(
  _ actual: ReferenceArray, _ expected: ReferenceArray, within tolerance: Double, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.shape == expected.shape, "\(what)", sourceLocation: sourceLocation)
  guard actual.shape == expected.shape else { return }
  let bound = tolerance * max(1, expected.largest)
  for (position, (a, e)) in zip(actual.values, expected.values).enumerated()
  where !(abs(a - e) <= bound) {
    Issue.record(
      "\(what): \(a) at \(position), expected \(e) within \(bound)", sourceLocation: sourceLocation)
    return
  }
}

/// Builds a graph with both settings of simplification, verifies and evaluates each, expects equal
/// outputs and returns those of the simplified one.
@discardableResult
func evaluate(
  _ placeholders: [String: ReferenceArray] = [:], within tolerance: Double = 1e-12,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ build: (inout GraphBuilder) throws -> [Value]
) throws -> [ReferenceArray] {
  var results: [[ReferenceArray]] = []
  for simplifies in [true, false] {
    var builder = GraphBuilder(simplifies: simplifies)
    let outputs = try build(&builder)
    let graph = builder.graph(outputs: outputs)
    try graph.verify()
    results.append(try ReferenceEvaluator.evaluate(graph, placeholders: placeholders))
  }
  for (simplified, plain) in zip(results[0], results[1]) {
    expectEqual(
      simplified, plain, within: tolerance, "simplified against plain",
      sourceLocation: sourceLocation)
  }
  return results[0]
}

/// Expects the one output that `build` asks for to have the given shape and values.
func expectValues(
  _ shape: Shape, _ values: [Double], within tolerance: Double = 1e-12,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ build: (inout GraphBuilder) throws -> Value
) throws {
  let result = try evaluate(sourceLocation: sourceLocation) { [try build(&$0)] }
  expectEqual(
    result[0], ReferenceArray(shape: shape, values: values), within: tolerance, "literal",
    sourceLocation: sourceLocation)
}

extension GraphBuilder {
  /// A fixed array that no rule folds.
  mutating func array(_ shape: Shape, _ values: [Float]) throws -> Value {
    try constant(Tensor(shape: shape, values: values))
  }
}
