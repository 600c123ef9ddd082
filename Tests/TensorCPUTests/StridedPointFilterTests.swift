import TensorCPU
import TensorCPUTestSupport
import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

/// oneDNN 2.6 wrote behind its scratch here and read what stood in it: results changed from run to
/// run, and so did buffers that belong to others.
@Suite(.everyInstructionSet) struct StridedPointFilterTests {
  @Test(arguments: [1, 3, 8, 16, 40])
  func filterGradientOfAStridedPointIsRightAtEveryRun(channels: Int) throws {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [5, 14, 14, channels])
    let dy = try graph.placeholder("dy", shape: [5, 7, 7, 16])
    let window = Window2D(1, stride: 2)
    let first = try graph.append(ConvolutionFilterGradient(window: window), [x, dy])
    // Others' scratch and buffers come and go between two of the same.
    let noise = try graph.exponential(graph.sum(graph.multiply(x, x), axes: [1, 2]))
    let second = try graph.append(
      ConvolutionFilterGradient(window: window), [graph.multiply(x, 2), dy])
    let program = graph.graph(outputs: [first, noise, second])
    var generator = SeededGenerator(seed: UInt64(channels))
    let inputs = [
      "x": ReferenceArray.random([5, 14, 14, channels], using: &generator).roundedToFloat,
      "dy": ReferenceArray.random([5, 7, 7, 16], using: &generator).roundedToFloat,
    ]
    let expected = try sharedByInstructionSets(of: inputs) {
      try ReferenceEvaluator.evaluate(program, placeholders: inputs)
    }
    let executable = try Executable(program, parameters: ParameterStore([]))
    var earlier: [Tensor]?
    for _ in 0..<20 {
      try executable.run(inputs.mapValues { .floats($0.tensor.values) })
      let outputs = (0..<3).map { executable.output($0) }
      if let earlier { #expect(outputs == earlier) }
      earlier = outputs
    }
    for (output, reference) in zip(earlier!, expected) {
      // 245 products of numbers below 1, in single precision.
      for (a, e) in zip(output.values, reference.values) {
        #expect(abs(Double(a) - e) < 1e-4 * max(1, abs(e)))
      }
    }
  }
}
