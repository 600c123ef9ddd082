import Explanations
import Networks
import TensorCPU
import TensorGraph

/// Logits of a batch and, by every interpreter, heatmaps for the labels' classes and their test
/// losses.
struct EvaluationProgram {
  let executable: Executable
  let batchSize: Int
  let classes: Int
  /// In the order of the test losses.
  let interpreters: [String]

  /// - Parameter interpreters: by the name under which results are reported.
  init(
    _ network: LoadedNetwork, interpreters: [(name: String, any Interpreter)],
    fooling: (any Fooling)?, batchSize: Int, options: Executable.Options
  ) throws {
    let architecture = network.architecture
    var graph = GraphBuilder()
    let input = try graph.placeholder(
      TrainingProgram.images, shape: Shape([batchSize] + architecture.inputShape.dimensions))
    let keeping = interpreters.reduce(into: Set<String>()) { $0.formUnion($1.1.keptActivations) }
    let lowered = try NetworkGraph(architecture, input: input, keeping: keeping, in: &graph)
    var outputs = [lowered.logits]
    if let fooling, !interpreters.isEmpty {
      let labels = try graph.placeholder(
        TrainingProgram.labels, shape: [batchSize], type: .int32)
      let oneHot = try graph.oneHot(labels, depth: architecture.classes)
      for (_, interpreter) in interpreters {
        let heatmaps = try interpreter.heatmap(of: lowered, classes: oneHot, in: &graph)
        outputs.append(try fooling.testLosses(of: heatmaps, in: &graph))
      }
    }
    var options = options
    options.keepsParameterWork = true
    executable = try Executable(
      graph.graph(outputs: outputs), parameters: network.parameters, options: options)
    self.batchSize = batchSize
    classes = architecture.classes
    self.interpreters = fooling == nil ? [] : interpreters.map(\.name)
  }

  /// [batchSize, classes], of the last run.
  var logits: Tensor { executable.output(0) }

  /// [batchSize], of the last run, for the `index`-th interpreter.
  func testLosses(_ index: Int) -> [Float] { executable.output(1 + index).values }
}
