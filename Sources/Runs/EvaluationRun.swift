import Checkpoints
import Evaluation
import Explanations
import Foolings
import Foundation
import ImageData
import Programs
import Recipes
import Reports
import RunFolders
import RunReports
import RunSupport
import TensorRuntime

/// What to compare: two checkpoints of one architecture on one set of images.
public struct EvaluationRequest: Sendable {
  public enum Images: Hashable, Sendable {
    /// A folder with one folder per class.
    case folder(String)
    /// The validation split of the built-in set.
    case shapes(count: Int, seed: UInt64)
  }
  /// The manipulated network's file; overrides as in a recipe.
  public var network: NetworkSection
  /// The original network's file.
  public var original: String
  /// A file of the same fine-tuning with λ = 0, if there is one.
  public var control: String?
  public var images: Images
  public var fooling: FoolingSpecification
  /// At least one; the first is the one that was fooled.
  public var interpreters: [InterpreterSpecification]
  /// Others by which success is measured as well.
  public var further: FurtherInterpreters
  /// Images that show two classes, for active fooling.
  public var composites: DataSection.Composites
  public var batchSize: Int
  /// On which grid heatmaps are tested.
  public var grid: EvaluationGrid
  public var report: ReportSection
  public var compute: ComputeSection

  public init(
    network: NetworkSection, original: String, control: String? = nil, images: Images,
    fooling: FoolingSpecification,
    interpreters: [InterpreterSpecification], further: FurtherInterpreters = [],
    composites: DataSection.Composites = .paper, batchSize: Int = 16,
    grid: EvaluationGrid = .fooled, report: ReportSection = ReportSection(),
    compute: ComputeSection = ComputeSection()
  ) {
    (self.network, self.original, self.images) = (network, original, images)
    self.further = further
    (self.fooling, self.interpreters, self.composites) = (fooling, interpreters, composites)
    (self.batchSize, self.report, self.compute) = (batchSize, report, compute)
    (self.control, self.grid) = (control, grid)
  }
}

/// Measures a manipulated network against the original, with the numbers that a fooling run reports.
public enum EvaluationRun {
  /// - Parameters:
  ///   - request: what to measure on what.
  ///   - executor: holds the networks and runs their programs.
  ///   - stop: ends it early, by `RunStopped`.
  ///   - observe: told of everything that happens.
  ///   - output: a folder for `summary.json`, `test-losses.jsonl` and the report; made if it
  ///     does not exist. Nothing is written if `nil`.
  public static func run(
    _ request: EvaluationRequest, on executor: any Executor, output: String? = nil,
    stop: StopRequest = StopRequest(),
    observe: (RunEvent) -> Void = { _ in }
  ) throws -> Summary {
    let begin = ContinuousClock.now
    let folder = try output.map { try RunFolder(forEvaluation: $0, inputs: request.inputs) }
    defer { folder?.release() }
    guard let fooled = request.interpreters.first else {
      throw RunError("no interpreter is given, so there is no heatmap to test")
    }
    let files =
      [request.original, request.network.checkpoint ?? ""] + [request.control].compactMap(\.self)
    let sections = try ComparedNetworks.sections(request.network, files: files)
    var gathering: ReportGathering?
    var results: [EvaluationResult] = []
    var first: (network: LoadedNetwork, measurement: FoolingMeasurement, names: [String])?
    var networks: [(purpose: String, file: Summary.NetworkFile)] = []
    var isManipulated = false
    // One file may stand in several places.
    var told: Set<String> = []
    for (purpose, section) in zip(["original", "tested", "control"], sections) {
      let network = try request.images.network(section, on: executor)
      if let first {
        try ComparedNetworks.check(network, files[networks.count], against: first.network, files[0])
      }
      for note in network.notes where told.insert(note).inserted { observe(.note(note)) }
      let further = request.further.interpreters(
        besides: fooled, of: network.architecture)
      if first == nil { for note in further.notes { observe(.note(note)) } }
      let interpreters = try reported(
        request.interpreters + further.specifications, network.preprocessing)
      let source = try request.images.source(classNames: network.classNames)
      try source.checkLabels(
        classes: network.architecture.classes, namesAreKnown: network.classNames != nil)
      for note in source.notes where told.insert(note).inserted { observe(.warning(note)) }
      let names = network.names(or: source.classNames)
      let test = try request.fooling.fooling(classNames: names)
      try network.checkActivations(on: source)
      let measurement = try FoolingMeasurement(
        of: network, interpreters: interpreters, fooling: test, on: source,
        composites: try request.composites(test, network, source), batchSize: request.batchSize,
        grid: request.grid, threads: nil, compute: request.compute)
      if first == nil { for note in measurement.notes { observe(.note(note)) } }
      if folder != nil, gathering == nil {
        gathering = ReportGathering(measurement, images: request.report.images)
      }
      let gallery = [gathering?.original, gathering?.manipulated, nil][results.count]
      let result = try measurement.run(original: results.first, gallery: gallery, stop: stop) {
        observe(.evaluating(purpose: purpose, done: $0, total: $1))
      }
      if first == nil { LeftOutImages.tell(result.skipped, observe) }
      for note in result.notes(purpose) { observe(.warning(note)) }
      results.append(result)
      if purpose == "tested" { isManipulated = network.provenance?.manipulated == true }
      networks.append((purpose, .init(path: files[networks.count], sha256: network.sha256)))
      first = first ?? (network, measurement, names)
    }
    guard let (original, measurement, names) = first else {
      preconditionFailure("two networks at least")
    }
    let measured = MeasuredNetworks(
      original: results[0], manipulated: results[1], control: results.count > 2 ? results[2] : nil)
    var summary = Summary(
      measured, of: measurement, classNames: names, interpreter: measurement.interpreters[0],
      seconds: (ContinuousClock.now - begin).seconds)
    summary.isManipulated = isManipulated
    summary.architecture = original.architecture.name
    (summary.originalFile, summary.testedFile) = (networks[0].file, networks[1].file)
    summary.settings = request.settings
    if let folder, let gathering {
      try TestLossTable(measurement.tested, measured).write(to: folder.testLosses, in: folder)
      observe(.saved(path: folder.testLosses))
      try PredictionTable(measurement.validation.source, measured, classNames: names)
        .write(to: folder.predictions, in: folder)
      observe(.saved(path: folder.predictions))
      try folder.write(summary.json(), to: folder.summary)
      observe(.saved(path: folder.summary))
      let facts = networks.flatMap { purpose, file -> [RunReport.Fact] in
        [
          .init("The \(purpose == "tested" ? summary.testedName : purpose) network", file.path),
          .init("Its SHA-256", file.sha256 ?? ""),
        ]
      }
      try gathering.write(
        to: folder, measurement, results: (results[0], results[1]),
        classNames: names, facts: facts + [.init("Data", request.images.description)])
      observe(.saved(path: folder.report))
    }
    folder?.tellWhetherMoved(observe)
    return summary
  }
}

extension EvaluationRequest {
  /// What a summary keeps of it.
  fileprivate var settings: JSONValue {
    EvaluationSettings(
      fooling: fooling, interpreter: interpreters.first,
      evaluation: EvaluationSection(batchSize: batchSize, grid: grid)
    ).json
  }
}

extension EvaluationResult {
  /// What should be known of the maps, a sentence each.
  package func notes(_ purpose: String) -> [String] {
    nonFiniteMaps.sorted { $0.key < $1.key }.map { name, count in
      "\(count) heatmaps by \(name) of the \(purpose) network hold values that are not finite; they "
        + "count as without relevance"
    }
  }
}

extension EvaluationRequest {
  fileprivate func composites(
    _ fooling: any Fooling, _ network: LoadedNetwork, _ source: any ImageSource
  ) throws -> (source: any ImageSource, preprocessing: Preprocessing)? {
    guard case .pair(let first, let second) = fooling.explained else { return nil }
    let size = network.architecture.inputShape
    let made = try composites.sources(
      classes: (first, second), train: source, validation: source,
      preprocessing: network.preprocessing, size: ImageSize(width: size[1], height: size[0]))
    return (made.validation, made.2)
  }
}

extension EvaluationRequest.Images: CustomStringConvertible {
  /// Where the images come from, for people.
  public var description: String {
    switch self {
    case .folder(let path): path
    case .shapes(let count, let seed): "\(count) of the built-in shapes, seed \(seed)"
    }
  }
}

extension EvaluationRequest.Images {
  fileprivate func source(classNames: [String]?) throws -> any ImageSource {
    switch self {
    case .folder(let path): try ImageFolder(path, classNames: classNames)
    case .shapes(let count, let seed): ShapesDataset(count: count, seed: seed, split: .validation)
    }
  }

  fileprivate func network(
    _ section: NetworkSection, on executor: any Executor
  ) throws -> LoadedNetwork {
    try LoadedNetwork(section, on: executor) { try source(classNames: nil).preparedSize($0) }
  }
}

extension EvaluationRequest {
  package var inputs: RunInputs {
    var inputs = RunInputs(files: [network.checkpoint, original, control, fooling.mask])
    if case .folder(let path) = images { inputs.folders.append(path) }
    if case .folders(_, let path) = composites { inputs.folders.append(path) }
    return inputs
  }
}
