import Explanations
import Foolings
import ImageData
import Networks
import Pictures
import Programs
import Recipes
import RunSupport
import TensorRuntime

/// Which images to explain, by which network and how.
public struct ExplanationRequest: Sendable {
  /// The network's file; overrides as in a recipe.
  public var network: NetworkSection
  /// The file of the network that it was made of, to compare with.
  public var original: String?
  /// Paths of files.
  public var images: [String]
  /// Without any, images are only classified.
  public var interpreters: [InterpreterSpecification]
  public var explainedClass: ExplainedClass
  /// What is put on every image to explain it a second time.
  public var trigger: Trigger?
  public var batchSize: Int
  public var compute: ComputeSection

  public init(
    network: NetworkSection, original: String? = nil, images: [String],
    interpreters: [InterpreterSpecification], explainedClass: ExplainedClass = .predicted,
    trigger: Trigger? = nil, batchSize: Int = 8,
    compute: ComputeSection = ComputeSection()
  ) {
    self.trigger = trigger
    (self.network, self.original, self.images) = (network, original, images)
    (self.interpreters, self.explainedClass) = (interpreters, explainedClass)
    (self.batchSize, self.compute) = (batchSize, compute)
  }
}

/// Explains images one by one: the whole of `trompe explain` but for its files.
public enum ImageExplanation {
  /// - Parameters:
  ///   - request: which images by which networks and interpreters.
  ///   - executor: holds the networks and runs their programs.
  ///   - stop: ends it early, by `RunStopped`.
  ///   - observe: told of everything that happens.
  ///   - each: called for every image that could be read, in their order.
  /// - Throws: `RunError` if no image could be read; `RunStopped`.
  public static func run(
    _ request: ExplanationRequest, on executor: any Executor, stop: StopRequest = StopRequest(),
    observe: (RunEvent) -> Void = { _ in }, each: (ExplainedImage) throws -> Void
  ) throws {
    let images = ImageReader(paths: request.images)
    let files = [request.network.checkpoint ?? ""] + [request.original].compactMap(\.self)
    let networks = try ComparedNetworks.sections(request.network, files: files).map { section in
      try LoadedNetwork(section, on: executor) { try images.firstSize($0) }
    }
    let network = networks[0]
    let original = networks.count > 1 ? networks[1] : nil
    if let original {
      try ComparedNetworks.check(network, files[0], against: original, files[1])
      if let doubt = ComparedNetworks.doubt(original, files[1]) { observe(.warning(doubt)) }
    }
    // One file may stand in two places.
    var told: Set<String> = []
    for network in networks { network.tellNotes(besides: &told, observe) }
    let names = network.names(or: [])
    let classes = try request.explainedClass.classes(
      of: request.images, names: names, areKnown: network.classNames != nil)
    let interpreters = try reported(
      request.interpreters, network.preprocessing,
      tangents: TangentImages(train: nil, of: network, threads: nil))
    let batchSize = min(request.batchSize, request.images.count)
    func explainer(_ network: LoadedNetwork, explainsPrediction: Bool) throws -> Explainer {
      try Explainer(
        network, names: names, interpreters: interpreters, explainsPrediction: explainsPrediction,
        batchSize: batchSize, compute: request.compute)
    }
    let isOpen = classes == nil
    let reference = try original.map { try explainer($0, explainsPrediction: isOpen) }
    let manipulated = try explainer(
      network, explainsPrediction: isOpen && (reference == nil || request.trigger != nil))
    let shape = network.architecture.inputShape
    let size = ImageSize(width: shape[1], height: shape[0])
    let normalizer = Normalizer(network.preprocessing)
    let stamp = try request.trigger?.stamp(on: size, for: network.preprocessing)

    var explained = 0
    var isChecked = false
    var omitted = OmittedImages()
    for start in stride(from: 0, to: request.images.count, by: batchSize) {
      if stop.isRequested { throw RunStopped("stopped after \(explained) images") }
      var batch: [(position: Int, prepared: Image)] = []
      for position in start..<min(start + batchSize, request.images.count) {
        do {
          let path = request.images[position]
          batch.append((position, try images.prepared(path, network.preprocessing, size)))
        } catch { omitted.tell("omitted: \(error)", observe) }
      }
      guard !batch.isEmpty else { continue }
      let inputs = batch.map { normalizer($0.prepared) }
      // Filled up below, so that a wrong count would only move the numbers.
      precondition(inputs.allSatisfy { $0.count == shape.count }, "images that are no \(shape)")
      var samples = inputs.flatMap(\.self)
      if !isChecked {
        let first = Array(samples.prefix(shape.count))
        for network in networks { try network.checkActivations(on: first, count: 1) }
        isChecked = true
      }
      samples += [Float](repeating: 0, count: batchSize * shape.count - samples.count)
      let positions = batch.map(\.position)
      let given = classes.map { classes in positions.map { classes[$0] } }
      let before = try reference?.readings(samples, positions: positions, classes: given)
      let readings = try manipulated.readings(
        samples, positions: positions, classes: given ?? before?.map(\.explained.index))
      let marked = stamp.map { $0(samples) }
      let markedBefore = try marked.flatMap {
        try reference?.readings($0, positions: positions, classes: given)
      }
      let markedReadings = try marked.map {
        try manipulated.readings($0, positions: positions, classes: given)
      }
      for (place, (position, prepared)) in batch.enumerated() {
        let triggered = try markedReadings.flatMap { readings in
          try request.trigger.map { trigger in
            ExplainedImage.Triggered(
              prepared: try trigger.applied(to: prepared), network: readings[place],
              original: markedBefore?[place])
          }
        }
        try each(
          ExplainedImage(
            path: request.images[position], prepared: prepared,
            interpreters: interpreters.map(\.name),
            network: readings[place], original: before?[place], triggered: triggered,
            classNames: names,
            isManipulated: network.provenance?.manipulated == true))
      }
      explained += batch.count
      observe(.evaluating(purpose: "images", done: explained, total: request.images.count))
    }
    omitted.finish(observe)
    guard explained > 0 else { throw RunError("none of the images could be read") }
  }
}

/// Reads and prepares the images.
private struct ImageReader {
  let paths: [String]

  /// The size that the first readable image is prepared to.
  func firstSize(_ preprocessing: Preprocessing) throws -> ImageSize {
    if let size = preprocessing.outputSize { return size }
    var failure: (any Error)?
    for path in paths {
      do { return preprocessing.outputSize(of: try Image(contentsOf: path).size) } catch {
        failure = failure ?? error
      }
    }
    throw failure ?? RunError("no image is given")
  }

  func prepared(
    _ path: String, _ preprocessing: Preprocessing, _ size: ImageSize
  ) throws -> Image {
    let prepared = try preprocessing.prepare(Image(contentsOf: path), name: path)
    guard prepared.size == size else {
      throw RunError(
        "\(path): is \(prepared.size), the network was built for \(size); bring all images to "
          + "one size, e.g. with --resize \(min(size.width, size.height))")
    }
    return prepared
  }
}

/// One network with its programs.
private struct Explainer {
  let names: [String]
  /// Logits alone, to know the predicted class before it is explained; `nil` if another class is, or
  /// none.
  let classifier: EvaluationProgram?
  let program: EvaluationProgram

  init(
    _ network: LoadedNetwork, names: [String], interpreters: [(name: String, any Interpreter)],
    explainsPrediction: Bool, batchSize: Int, compute: ComputeSection
  ) throws {
    self.names = names
    classifier =
      explainsPrediction && !interpreters.isEmpty
      ? try EvaluationProgram(
        network, interpreters: [], batchSize: batchSize, policy: compute.evaluationPolicy) : nil
    program = try EvaluationProgram(
      network, interpreters: interpreters, batchSize: batchSize,
      samplesAtOnce: compute.samplesAtOnce, policy: compute.evaluationPolicy)
  }

  /// - Parameters:
  ///   - samples: [batchSize, H, W, C].
  ///   - positions: of the images among all, by which the noise of an explanation knows them.
  ///   - classes: the explained class of each image; the predicted one if `nil`.
  func readings(
    _ samples: [Float], positions: [Int], classes: [Int]?
  ) throws -> [ExplainedImage.Reading] {
    let count = positions.count
    try classifier?.run(images: samples, labels: [])
    let predictions = classifier.map { Self.classifications(of: $0, count) }
    // Without a classifier the classes are given, or no heatmap needs them.
    let labels = classes ?? predictions?.map(\.predicted) ?? [Int](repeating: 0, count: count)
    let padding = [Int32](repeating: 0, count: program.batchSize - count)
    let maps = try program.explain(
      (samples, labels.map(Int32.init) + padding), identities: positions, .labels)
    // Scores come from the program that explains: of another one their last digits are others, and two
    // networks are compared.
    let classifications = Self.classifications(of: program, count)
    let logits = program.logits.values
    guard logits.prefix(count * program.classes).allSatisfy(\.isFinite) else {
      throw RunError(
        "the network's outputs are not finite for one of these images, so it names no class; its "
          + "weights are damaged or far too large (trompe inspect --check)")
    }
    return (0..<count).map { image in
      let classification = classifications[image]
      let predicted = (predictions ?? classifications)[image].predicted
      return ExplainedImage.Reading(
        predicted: classification.score(of: predicted, names: names),
        explained: classification.score(of: classes?[image] ?? predicted, names: names),
        logits: Array(logits[image * program.classes..<(image + 1) * program.classes]),
        heatmaps: maps.map { $0[image][0] })
    }
  }

  /// Of the program's last run.
  private static func classifications(
    of program: EvaluationProgram, _ count: Int
  ) -> [Classification] {
    let logits = program.logits.values
    return (0..<count).map { image in
      Classification(
        logits: logits[image * program.classes..<(image + 1) * program.classes], program.output)
    }
  }
}
