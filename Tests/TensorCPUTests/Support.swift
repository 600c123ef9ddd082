import CTensorKernels
import TensorCPU
import TensorGraph
import TensorReference
import TensorRuntime
import TensorTestSupport
import Testing

typealias Arrays = [String: ReferenceArray]

/// A program whose outputs have numbers instead of names.
typealias Executable = CPUProgram

extension CPUProgram {
  typealias Input = ProgramInput

  /// Policy and kernels in one.
  struct Options {
    var threads: Int
    var keepsParameterWork: Bool
    var usesWinograd: Bool
    var isBatchInvariant: Bool
    var blocksChannels: Bool?
    var precision: ExecutionPolicy.Precision
    var recomputes: Bool
    var instructionSet: InstructionSet

    init(
      threads: Int = CPUExecutor.defaultThreads, keepsParameterWork: Bool = false,
      usesWinograd: Bool = true, isBatchInvariant: Bool = false,
      blocksChannels: Bool? = nil,
      precision: ExecutionPolicy.Precision = .float32, recomputes: Bool = false,
      instructionSet: InstructionSet = .current
    ) {
      (self.threads, self.keepsParameterWork) = (threads, keepsParameterWork)
      (self.usesWinograd, self.isBatchInvariant) = (usesWinograd, isBatchInvariant)
      (self.blocksChannels, self.precision) = (blocksChannels, precision)
      (self.recomputes, self.instructionSet) = (recomputes, instructionSet)
    }

    var policy: ExecutionPolicy {
      ExecutionPolicy(
        threads: threads, precision: precision, isBatchInvariant: isBatchInvariant,
        keepsParameterWork: keepsParameterWork, recomputes: recomputes)
    }
    var kernels: CPUKernelOptions {
      CPUKernelOptions(
        library: usesWinograd ? .own : .onednn, blocksChannels: blocksChannels,
        instructionSet: instructionSet)
    }
  }

  convenience init(
    _ graph: Graph, parameters: ParameterStore, options: Options = Options()
  ) throws(ExecutionError) {
    try self.init(
      Computation(graph, outputs: graph.outputs.indices.map { "\($0)" }), parameters: parameters,
      policy: options.policy, kernels: options.kernels)
  }

  func run(_ inputs: [String: Input] = [:], profiling: Bool) throws(ExecutionError) {
    try profiling ? runProfiled(inputs) : run(inputs)
  }

  var plannedPeakBytes: Int { resources.peakBytes }
}

/// fp32 rounds to 6e-8 relative; the programs of these tests pile up some tens of roundings, with
/// cancellation against the largest element of an output, to which the tolerance is relative.
let roundingTolerance = 2e-5

func store(_ parameters: Arrays) throws -> ParameterStore {
  let store = try ParameterStore(
    parameters.sorted { $0.key < $1.key }.map { ($0.key, $0.value.shape) })
  for (name, array) in parameters { store[name] = array.tensor }
  return store
}

/// Placeholder values in the type that the graph wants.
func inputs(_ placeholders: Arrays, of graph: Graph) -> [String: Executable.Input] {
  var inputs: [String: Executable.Input] = [:]
  for (name, id) in graph.placeholders {
    guard let array = placeholders[name] else { continue }
    inputs[name] =
      graph.nodes[id].type == .int32
      ? .indices(array.values.map { Int32($0) }) : .floats(array.values.map { Float($0) })
  }
  return inputs
}

/// As if every second processor took over twice as long: threads share work by how fast they were.
func assumeUnequalProcessors() {
  for processor in 0..<trompe_processor_count() {
    trompe_set_processor_speed(processor, processor % 2 == 0 ? 0.6 : 1.4)
  }
}

/// Outputs of one run.
func execute(
  _ graph: Graph, _ placeholders: Arrays = [:], parameters: Arrays = [:], threads: Int = 1
) throws -> [ReferenceArray] {
  let executable = try Executable(
    graph, parameters: store(parameters), options: .init(threads: threads))
  try executable.run(inputs(placeholders, of: graph))
  return graph.outputs.indices.map { ReferenceArray(executable.output($0)) }
}

/// Runs `graph` on one thread and on two, twice each, and expects what the reference evaluator says.
func expectReference(
  _ graph: Graph, _ placeholders: Arrays = [:], parameters: Arrays = [:],
  within tolerance: Double = roundingTolerance, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let placeholders = placeholders.mapValues(\.roundedToFloat)
  let parameters = parameters.mapValues(\.roundedToFloat)
  let expected = try ReferenceEvaluator.evaluate(
    graph, placeholders: placeholders, parameters: parameters)
  let store = try store(parameters)
  for threads in [1, 2] {
    let executable = try Executable(graph, parameters: store, options: .init(threads: threads))
    for round in 1...2 {
      try executable.run(inputs(placeholders, of: graph))
      for (index, array) in expected.enumerated() {
        if let difference = ReferenceArray(executable.output(index))
          .mismatch(to: array, within: tolerance)
        {
          Issue.record(
            "\(what) output \(index), \(threads) threads, run \(round): \(difference)",
            sourceLocation: sourceLocation)
          return
        }
      }
    }
  }
}

/// Builds a graph over random placeholders of the given shapes and expects it to run as the
/// reference does; returns the graph.
@discardableResult
func check(
  _ shapes: [String: Shape], in range: ClosedRange<Double> = -1...1, seed: UInt64 = 1,
  simplifies: Bool = true, within tolerance: Double = roundingTolerance,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ build: (inout GraphBuilder, [String: Value]) throws -> [Value]
) throws -> Graph {
  var generator = SeededGenerator(seed: seed)
  var builder = GraphBuilder(simplifies: simplifies)
  var values: [String: Value] = [:]
  var arrays: Arrays = [:]
  for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
    values[name] = try builder.placeholder(name, shape: shape)
    arrays[name] = .random(shape, in: range, using: &generator)
  }
  let outputs = try build(&builder, values)
  let graph = builder.graph(outputs: outputs)
  try graph.verify()
  try expectReference(graph, arrays, within: tolerance, sourceLocation: sourceLocation)
  return graph
}

/// A random array for every placeholder, of floats.
func randomInputs(of graph: Graph, seed: UInt64) -> Arrays {
  var generator = SeededGenerator(seed: seed)
  var arrays: Arrays = [:]
  for (name, id) in graph.placeholders.sorted(by: { $0.key < $1.key }) {
    arrays[name] = ReferenceArray.random(graph.nodes[id].shape, using: &generator).roundedToFloat
  }
  return arrays
}

/// The norm of the difference over that of the reference.
func relativeError(of output: Tensor, to reference: ReferenceArray) -> Double {
  var (difference, scale) = (0.0, 0.0)
  for (a, e) in zip(output.values, reference.values) {
    difference += (Double(a) - e) * (Double(a) - e)
    scale += e * e
  }
  return (difference / scale).squareRoot()
}

/// Images, height, width, channels in and out of a convolution by a square window, padded by half of it.
struct ConvolutionCase: CustomTestStringConvertible {
  let images, height, width, channels, filters: Int
  var side = 3
  var stride = 1
  var testDescription: String {
    "\(images)×\(height)×\(width), \(channels) to \(filters), \(side)×\(side) by \(stride)"
  }
  var window: Window2D { Window2D(side, stride: stride, padding: side / 2) }
  var image: Shape { [images, height, width, channels] }
  var filter: Shape { [filters, side, side, channels] }
  var result: Shape { [images, (height - 1) / stride + 1, (width - 1) / stride + 1, filters] }
}
