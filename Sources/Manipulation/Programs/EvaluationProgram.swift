import Explanations
import Networks
import TensorCPU
import TensorGraph

/// Logits of a batch and, by every interpreter, heatmaps for one class per image.
public struct EvaluationProgram {
  public let executable: Executable
  public let batchSize: Int
  public let classes: Int
  /// In the order of the heatmaps.
  public let interpreters: [String]
  /// Of the heatmaps, in pixels.
  public let heatmapSizes: [(height: Int, width: Int)]

  /// - Parameter interpreters: by the name under which results are reported.
  public init(
    _ network: LoadedNetwork, interpreters: [(name: String, any Interpreter)], batchSize: Int,
    options: Executable.Options = Executable.Options()
  ) throws {
    let architecture = network.architecture
    var graph = GraphBuilder()
    let input = try graph.placeholder(
      TrainingProgram.images, shape: Shape([batchSize] + architecture.inputShape.dimensions))
    let keeping = interpreters.reduce(into: Set<String>()) { $0.formUnion($1.1.keptActivations) }
    let lowered = try NetworkGraph(architecture, input: input, keeping: keeping, in: &graph)
    var outputs = [lowered.logits]
    var sizes: [(height: Int, width: Int)] = []
    if !interpreters.isEmpty {
      let labels = try graph.placeholder(
        TrainingProgram.labels, shape: [batchSize], type: .int32)
      let oneHot = try graph.oneHot(labels, depth: architecture.classes)
      for (_, interpreter) in interpreters {
        let heatmap = try interpreter.heatmap(of: lowered, classes: oneHot, in: &graph)
        outputs.append(heatmap)
        sizes.append((heatmap.shape[1], heatmap.shape[2]))
      }
    }
    var options = options
    options.keepsParameterWork = true
    executable = try Executable(
      graph.graph(outputs: outputs), parameters: network.parameters, options: options)
    self.batchSize = batchSize
    classes = architecture.classes
    self.interpreters = interpreters.map(\.name)
    heatmapSizes = sizes
  }

  /// Explains every image of a batch for its class.
  /// - Parameters:
  ///   - images: [batchSize, H, W, 3].
  ///   - labels: [batchSize]; of no consequence without interpreters.
  public func run(images: [Float], labels: [Int32], profiling: Bool = false) throws {
    var inputs: [String: Executable.Input] = [TrainingProgram.images: .floats(images)]
    if !interpreters.isEmpty { inputs[TrainingProgram.labels] = .indices(labels) }
    try executable.run(inputs, profiling: profiling)
  }

  /// [batchSize, classes], of the last run.
  public var logits: Tensor { executable.output(0) }

  /// Of the last run, by the `index`-th interpreter, for the first `count` images.
  public func heatmaps(_ index: Int, count: Int) -> [Heatmap] {
    let maps = executable.output(1 + index)
    let (height, width) = (maps.shape[1], maps.shape[2])
    return (0..<count).map { image in
      Heatmap(
        height: height, width: width,
        values: Array(maps.values[image * height * width..<(image + 1) * height * width]))
    }
  }

  /// Every image's heatmaps for the classes that a fooling explains: by image, then by class.
  /// - Returns: by interpreter, in their order.
  func explain(
    _ batch: (images: [Float], labels: [Int32]), count: Int, _ explained: ExplainedClasses
  )
    throws -> [[[Heatmap]]]
  {
    let rounds: [[Int32]] =
      switch explained {
      case .labels: [batch.labels]
      case .pair(let first, let second):
        [first, second].map { [Int32](repeating: Int32($0), count: batchSize) }
      }
    var maps = [[[Heatmap]]](
      repeating: [[Heatmap]](repeating: [], count: count), count: interpreters.count)
    for labels in rounds {
      try run(images: batch.images, labels: labels)
      for interpreter in interpreters.indices {
        for (image, map) in heatmaps(interpreter, count: count).enumerated() {
          maps[interpreter][image].append(map)
        }
      }
    }
    return maps
  }
}
