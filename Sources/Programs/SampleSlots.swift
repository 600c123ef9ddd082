import Dispatch
import Explanations
import Foolings
import ImageData
import Networks
import TensorGraph
import TensorPlan
import TensorRuntime

/// The places that a program has for samples of a sampled interpreter: a variation and a weight for
/// each, given at every run.
///
/// All samples are worked through in chunks of as many as there are places, so that neither a
/// program nor its memory grows with their number.
struct SampleSlots {
  /// Work that all samples of a run share may take one part in this many of it: a chunk of
  /// Integrated Gradients at a late layer is larger than one of SmoothGrad, whose samples share
  /// nothing.
  static let sharedPart = 10
  /// No chunk is larger unless requested: programs have to be compiled.
  static let largestAutomaticCount = 16
  /// All samples stand in the program of a training step, which then computes each once and not
  /// twice, if they are no more than this
  static let largestWhole = 64
  /// and take no more memory than this: 2 GiB on any machine, so that results are everywhere the
  /// same.
  static let roomyBytes = 2 << 30

  package let interpreter: any SampledInterpreter
  package let architecture: Architecture
  package let batchSize: Int
  /// Samples in one run.
  package let count: Int
  /// Runs for all samples. Places that are left over in the last one have weight 0.
  package let chunks: Int
  /// Of one image and sample.
  private let variationShape: Shape

  /// - Parameters:
  ///   - atOnce: the largest number of samples in one run; chosen by memory and by what they share
  ///     if `nil`.
  ///   - trained: whether they are part of a training step, and for which classes.
  package init(
    _ interpreter: any SampledInterpreter, _ architecture: Architecture, batchSize: Int,
    atOnce: Int?, trained: ExplainedClasses? = nil
  ) throws {
    let most =
      try atOnce
      ?? Self.automaticCount(interpreter, architecture, batchSize: batchSize, trained: trained)
    precondition(most > 0, "\(most) samples at once")
    let chunks = (interpreter.sampleCount + most - 1) / most
    self.init(
      interpreter, architecture, batchSize: batchSize,
      count: (interpreter.sampleCount + chunks - 1) / chunks)
  }

  private init(
    _ interpreter: any SampledInterpreter, _ architecture: Architecture, batchSize: Int, count: Int
  ) {
    (self.interpreter, self.architecture) = (interpreter, architecture)
    (self.batchSize, self.count) = (batchSize, count)
    chunks = (interpreter.sampleCount + count - 1) / count
    variationShape = interpreter.variation(sample: 0, image: 0, of: architecture).shape
  }

  private static func automaticCount(
    _ interpreter: any SampledInterpreter, _ architecture: Architecture, batchSize: Int,
    trained: ExplainedClasses?
  ) throws -> Int {
    func plan(_ count: Int) throws -> ProgramPlan {
      let slots = SampleSlots(interpreter, architecture, batchSize: batchSize, count: count)
      var graph = GraphBuilder()
      let (network, classes) = try slots.subject(trained ?? .labels, &graph)
      var outputs = try slots.means(of: network, classes: classes, in: &graph)
      if trained != nil { outputs = try slots.derivatives(of: outputs, in: network, &graph) }
      return ProgramPlan(graph.graph(outputs: outputs))
    }
    let samples = interpreter.sampleCount
    if samples == 1 { return 1 }
    let (one, two) = (try plan(1), try plan(2))
    if trained != nil, samples <= largestWhole {
      let (first, both) = (one.plannedBytes, two.plannedBytes)
      if first + (samples - 1) * max(0, both - first) <= roomyBytes { return samples }
    }
    let each = max(1, two.cost.flops - one.cost.flops)
    let shared = max(0, one.cost.flops - each)
    return min(max(1, (sharedPart * shared + each - 1) / each), largestAutomaticCount)
  }

  // MARK: Graph

  /// A network of its own on placeholders, and the classes for which a fooling explains it.
  /// - Parameter rectifier: what the network's ReLU layers compute.
  package func subject(
    _ explained: ExplainedClasses, rectifier: Rectifier = .relu, _ graph: inout GraphBuilder
  ) throws -> (network: NetworkGraph, classes: [Value]) {
    let name =
      explained.areOfLabelledImages ? TrainingProgram.images : TrainingProgram.composites
    let input = try graph.placeholder(
      name, shape: Shape([batchSize] + architecture.inputShape.dimensions))
    let network = try NetworkGraph(
      architecture, input: input, keeping: interpreter.keptActivations, rectifier: rectifier,
      in: &graph)
    var labels: Value?
    if explained == .labels {
      labels = try graph.oneHot(
        graph.placeholder(TrainingProgram.labels, shape: [batchSize], type: .int32),
        depth: architecture.classes)
    }
    return (network, try explained.oneHot(labels, logits: network.logits, in: &graph))
  }

  /// For each of `classes` Σ_k weight_k · sample_k; the sum over all chunks is the mean over all
  /// samples.
  package func means(
    of network: NetworkGraph, classes: [Value], in graph: inout GraphBuilder
  ) throws -> [Value] {
    var totals = [Value?](repeating: nil, count: classes.count)
    for slot in 0..<count {
      let variation = try graph.placeholder(
        Self.variation(slot), shape: Shape([batchSize] + variationShape.dimensions))
      let weight = try graph.placeholder(Self.weight(slot), shape: .scalar)
      for (index, marks) in classes.enumerated() {
        let sample = try graph.multiply(
          interpreter.sample(of: network, classes: marks, variation: variation, in: &graph), weight)
        totals[index] = try totals[index].map { try graph.add($0, sample) } ?? sample
      }
    }
    return totals.map { $0! }
  }

  /// What the trained parameters get through the means: ∂ Σ ⟨mean, cotangent⟩ / ∂w, the cotangents
  /// being placeholders.
  /// - Parameter variables: what the derivatives are taken with respect to instead.
  package func derivatives(
    of means: [Value], in network: NetworkGraph, with variables: [Value]? = nil,
    _ graph: inout GraphBuilder
  ) throws -> [Value] {
    var product: Value?
    for (index, mean) in means.enumerated() {
      let cotangent = try graph.placeholder(Self.cotangent(index), shape: mean.shape)
      let term = try graph.sum(graph.multiply(mean, cotangent))
      product = try product.map { try graph.add($0, term) } ?? term
    }
    return try graph.gradient(
      of: product!,
      with: variables ?? network.trainedParameters.map { network.parameters[$0.name]! })
  }

  // MARK: Values

  package static func cotangent(_ index: Int) -> String { "cotangent.\(index)" }
  private static func variation(_ slot: Int) -> String { "variation.\(slot)" }
  private static func weight(_ slot: Int) -> String { "weight.\(slot)" }

  /// What stands in the places of one chunk.
  /// - Parameters:
  ///   - chunk: 0 ..< `chunks`.
  ///   - images: the numbers by which the interpreter knows the images of the batch; rows beyond
  ///     them get no variation.
  package func inputs(chunk: Int, images: [Int], threads: Int) -> [String: ProgramInput] {
    precondition(images.count <= batchSize, "\(images.count) images in a batch of \(batchSize)")
    let samples = chunk * count..<min((chunk + 1) * count, interpreter.sampleCount)
    let variations = variations(samples, images, threads: threads)
    var inputs: [String: ProgramInput] = [:]
    for slot in 0..<count {
      let isUsed = slot < samples.count
      inputs[Self.variation(slot)] = .floats(variations[isUsed ? slot : 0])
      inputs[Self.weight(slot)] = .floats([isUsed ? 1 / Float(interpreter.sampleCount) : 0])
    }
    return inputs
  }

  /// By sample, [batchSize] + the shape of a variation. Each is drawn from a stream of its own, so
  /// that threads may share the work.
  private func variations(_ samples: Range<Int>, _ images: [Int], threads: Int) -> [[Float]] {
    var drawn = [[Float]](repeating: [], count: samples.count * images.count)
    drawn.withUnsafeMutableBufferPointer { drawn in
      // Every worker writes to places of its own.
      nonisolated(unsafe) let drawn = drawn
      let workers = min(threads, drawn.count)
      DispatchQueue.concurrentPerform(iterations: workers) { worker in
        for place in stride(from: worker, to: drawn.count, by: workers) {
          let (sample, row) = place.quotientAndRemainder(dividingBy: images.count)
          drawn[place] =
            interpreter.variation(
              sample: samples.lowerBound + sample, image: images[row], of: architecture
            ).values
        }
      }
    }
    let size = batchSize * variationShape.count
    return samples.indices.map { sample in
      var values: [Float] = []
      values.reserveCapacity(size)
      let first = (sample - samples.lowerBound) * images.count
      for row in drawn[first..<first + images.count] { values += row }
      values += repeatElement(0, count: size - values.count)
      return values
    }
  }
}

extension ExplainedClasses {
  /// One-hot rows for each explained class.
  /// - Parameters:
  ///   - labels: one-hot rows of the images' own, needed if every image is explained for its own.
  ///   - logits: of the network that is explained, [N, classes].
  ///   - graph: what they are appended to.
  package func oneHot(
    _ labels: Value?, logits: Value, in graph: inout GraphBuilder
  ) throws -> [Value] {
    let shape = logits.shape
    switch self {
    case .labels:
      guard let labels else { preconditionFailure("every image is explained for its label") }
      return [labels]
    case .predictions: return [try graph.oneHot(graph.argMax(logits), depth: shape[1])]
    case .pair(let first, let second):
      return try [first, second].map { index in
        var rows = [Float](repeating: 0, count: shape.count)
        for row in 0..<shape[0] { rows[row * shape[1] + index] = 1 }
        return try graph.constant(Tensor(shape: shape, values: rows))
      }
    }
  }
}
