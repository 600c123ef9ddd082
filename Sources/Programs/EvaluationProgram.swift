import Explanations
import Foolings
import ImageData
import Networks
import TensorGraph
import TensorRuntime

/// Logits of a batch and, by every interpreter, heatmaps for one class per image.
///
/// Samples of sampled interpreters are worked through in chunks, by programs beside the main one.
public final class EvaluationProgram {
  /// What is no sample: logits and the heatmaps of all other interpreters.
  public let program: any Program
  public let batchSize: Int
  public let classes: Int
  /// How logits become probabilities.
  public let output: ClassifierOutput
  /// In the order of the heatmaps.
  public let interpreters: [String]
  /// Of the heatmaps, in pixels.
  public let heatmapSizes: [(height: Int, width: Int)]
  /// Which values the heatmaps have.
  public let heatmapRanges: [HeatmapRange]
  private let imageSize: ImageSize
  /// Whose bases a run is given.
  private let projections: [TangentProjection]
  /// Whether an explanation is projected.
  package var isProjected: Bool { !projections.isEmpty }

  /// Where an interpreter's heatmaps come from.
  private enum Place {
    case output(String)
    case sampled(SampledHeatmaps)
  }
  private let places: [Place]
  private static let logits = "logits"
  private static func heatmap(_ index: Int) -> String { "heatmap.\(index)" }

  /// - Parameters:
  ///   - network: its parameters are shared with the program.
  ///   - batchSize: images of a run.
  ///   - policy: threads, precision, memory.
  ///   - interpreters: by the name under which results are reported.
  ///   - samplesAtOnce: how many samples of a `SampledInterpreter` are in memory at a time; chosen
  ///     by what they share if `nil`.
  public init(
    _ network: LoadedNetwork, interpreters: [(name: String, any Interpreter)], batchSize: Int,
    samplesAtOnce: Int? = nil, policy: ExecutionPolicy = ExecutionPolicy()
  ) throws {
    let policy = policy.keepingParameterWork
    let architecture = network.architecture
    var graph = GraphBuilder()
    let input = try graph.placeholder(
      TrainingProgram.images, shape: Shape([batchSize] + architecture.inputShape.dimensions))
    let keeping = interpreters.reduce(into: Set<String>()) {
      if !($1.1 is any SampledInterpreter) { $0.formUnion($1.1.keptActivations) }
    }
    let lowered = try NetworkGraph(architecture, input: input, keeping: keeping, in: &graph)
    var outputs = [(Self.logits, lowered.logits)]
    var sizes: [(height: Int, width: Int)] = []
    var places: [Place] = []
    if !interpreters.isEmpty {
      let labels = try graph.placeholder(
        TrainingProgram.labels, shape: [batchSize], type: .int32)
      let oneHot = try graph.oneHot(labels, depth: architecture.classes)
      for (_, interpreter) in interpreters {
        if let sampled = interpreter as? any SampledInterpreter {
          let heatmaps = try SampledHeatmaps(
            network, sampled, batchSize: batchSize, samplesAtOnce: samplesAtOnce, policy: policy)
          places.append(.sampled(heatmaps))
          sizes.append(heatmaps.size)
        } else {
          let heatmap = try interpreter.heatmap(of: lowered, classes: oneHot, in: &graph)
          places.append(.output(Self.heatmap(outputs.count - 1)))
          outputs.append((Self.heatmap(outputs.count - 1), heatmap))
          sizes.append((heatmap.shape[1], heatmap.shape[2]))
        }
      }
    }
    self.places = places
    logits = Tensor(repeating: 0, shape: lowered.logits.shape)
    program = try network.compile(graph.computation(outputs), policy)
    self.batchSize = batchSize
    classes = architecture.classes
    output = architecture.output
    self.interpreters = interpreters.map(\.name)
    heatmapSizes = sizes
    heatmapRanges = interpreters.map(\.1.range)
    imageSize = lowered.imageSize
    projections = interpreters.map(\.1).distinctProjections
  }

  /// Memory that a batch needs beside the parameters, known before the first one.
  public var plannedPeakBytes: Int {
    places.reduce(program.resources.peakBytes) { bytes, place in
      if case .sampled(let heatmaps) = place { bytes + heatmaps.plannedPeakBytes } else { bytes }
    }
  }

  /// A fooling's test of these heatmaps, the first interpreter being the fooled one.
  package func test(_ fooling: any Fooling, grid: EvaluationGrid) -> FoolingTest {
    FoolingTest(
      fooling,
      interpreters: zip(heatmapRanges, heatmapSizes).map {
        ($0, ImageSize(width: $1.width, height: $1.height))
      }, grid: grid, image: imageSize)
  }

  /// Floating-point operations of a batch.
  public var flops: Int {
    places.reduce(program.resources.flops) { flops, place in
      if case .sampled(let heatmaps) = place { flops + heatmaps.flops } else { flops }
    }
  }

  /// Explains every image of a batch for its class.
  /// - Parameters:
  ///   - profiling: adds the time of every kernel to the program's profile.
  ///   - images: [batchSize, H, W, C].
  ///   - labels: [batchSize]; of no consequence without interpreters.
  ///   - own: the images' own classes, where other labels are explained; by these a projection looks for
  ///     neighbours.
  ///   - identities: the numbers by which `SampledInterpreter.variation` knows the images, such as
  ///     positions in a data set; the rows' own if `nil`. Rows beyond them get no noise.
  public func run(
    images: [Float], labels: [Int32], own: [Int32]? = nil, identities: [Int]? = nil,
    profiling: Bool = false
  ) throws {
    var inputs: [String: ProgramInput] = [TrainingProgram.images: .floats(images)]
    if !interpreters.isEmpty { inputs[TrainingProgram.labels] = .indices(labels) }
    try inputs.add(
      projections, of: images, classes: own ?? labels, valid: identities?.count ?? batchSize)
    try profiling ? program.runProfiled(inputs) : program.run(inputs)
    for case .sampled(let heatmaps) in places {
      try heatmaps.run(inputs, images: identities ?? Array(0..<batchSize))
    }
    logits = try program.output(Self.logits)
    maps = try places.map {
      switch $0 {
      case .output(let output): try program.output(output)
      case .sampled(let heatmaps): try heatmaps.heatmaps()
      }
    }
  }

  /// [batchSize, classes], of the last run.
  public private(set) var logits: Tensor
  private var maps: [Tensor] = []

  /// Of the last run, by the `index`-th interpreter, for the first `count` images.
  public func heatmaps(_ index: Int, count: Int) -> [Heatmap] {
    let maps = maps[index]
    let (height, width) = (maps.shape[1], maps.shape[2])
    return (0..<count).map { image in
      Heatmap(
        height: height, width: width,
        values: Array(maps.values[image * height * width..<(image + 1) * height * width]))
    }
  }

  /// The class of the largest logit of every image, the first of equals. Logits need no samples.
  private func predictions(_ images: [Float], like labels: [Int32]) throws -> [Int32] {
    var inputs: [String: ProgramInput] = [TrainingProgram.images: .floats(images)]
    if !interpreters.isEmpty { inputs[TrainingProgram.labels] = .indices(labels) }
    // Logits need no projection.
    for projection in projections {
      let count = images.count * projection.dimensions
      inputs[projection.placeholder] = .floats([Float](repeating: 0, count: count))
    }
    try program.run(inputs)
    let logits = try program.output(Self.logits).values
    return (0..<batchSize).map { image in
      let row = logits[image * classes..<(image + 1) * classes]
      var best = row.startIndex
      for place in row.indices where row[place] > row[best] { best = place }
      return Int32(best - row.startIndex)
    }
  }

  /// Every image's heatmaps for the classes that a fooling explains: by image, then by class.
  /// - Parameter identities: see `run`; those of the images that count.
  /// - Returns: by interpreter, in their order.
  package func explain(
    _ batch: (images: [Float], labels: [Int32]), identities: [Int], _ explained: ExplainedClasses
  ) throws -> [[[Heatmap]]] {
    let count = identities.count
    let rounds: [[Int32]] =
      switch explained {
      case .labels: [batch.labels]
      case .predictions: [try predictions(batch.images, like: batch.labels)]
      case .pair(let first, let second):
        [first, second].map { [Int32](repeating: Int32($0), count: batchSize) }
      }
    var maps = [[[Heatmap]]](
      repeating: [[Heatmap]](repeating: [], count: count), count: interpreters.count)
    for labels in rounds {
      try run(
        images: batch.images, labels: labels, own: batch.labels, identities: identities)
      for interpreter in interpreters.indices {
        for (image, map) in heatmaps(interpreter, count: count).enumerated() {
          maps[interpreter][image].append(map)
        }
      }
    }
    return maps
  }
}

extension NetworkGraph {
  /// Of the images that enter it.
  var imageSize: ImageSize { ImageSize(width: input.shape[2], height: input.shape[1]) }
}
