import Checkpoints
import Evaluation
import Explanations
import Faithfulness
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
  /// Metrics of the heatmaps by `interpreters`; none if `nil`.
  public var metrics: MetricsSection?
  public var report: ReportSection
  public var compute: ComputeSection

  public init(
    network: NetworkSection, original: String, control: String? = nil, images: Images,
    fooling: FoolingSpecification,
    interpreters: [InterpreterSpecification], further: FurtherInterpreters = [],
    composites: DataSection.Composites = .paper, batchSize: Int = 16,
    grid: EvaluationGrid = .fooled, metrics: MetricsSection? = nil,
    report: ReportSection = ReportSection(),
    compute: ComputeSection = ComputeSection()
  ) {
    (self.network, self.original, self.images) = (network, original, images)
    self.further = further
    (self.fooling, self.interpreters, self.composites) = (fooling, interpreters, composites)
    (self.batchSize, self.report, self.compute) = (batchSize, report, compute)
    (self.control, self.grid, self.metrics) = (control, grid, metrics)
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
    stop: StopRequest = StopRequest(), observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws -> Summary {
    let folder = try output.map { try RunFolder(forEvaluation: $0, inputs: request.inputs) }
    let context = RunContext(folder, stop: stop, observe: observe)
    return try context.perform { try Comparison(request, on: executor, in: context).run() }
  }
}

/// The networks of a request, measured one after the other.
private final class Comparison {
  private let request: EvaluationRequest
  private let executor: any Executor
  private let context: RunContext
  private let files: [String]
  private var subjects: [Subject] = []
  private var gathering: ReportGathering?
  /// Made for the first network, for all of them.
  private var metrics: MetricMeasurement?
  /// One file may stand in several places, and its notes are told once.
  private var told: Set<String> = []
  /// Of all networks: they prepare images alike.
  private var tangents: TangentImages?

  private struct Subject {
    /// `original`, `tested` or `control`.
    let purpose: String
    let network: LoadedNetwork
    let measurement: FoolingMeasurement
    let classNames: [String]
    let file: Summary.NetworkFile
    let result: EvaluationResult
    let metrics: MetricMeasurement.Results?
  }

  init(
    _ request: EvaluationRequest, on executor: any Executor, in context: RunContext
  ) {
    (self.request, self.executor, self.context) = (request, executor, context)
    files =
      [request.original, request.network.checkpoint ?? ""] + [request.control].compactMap(\.self)
  }

  func run() throws -> Summary {
    guard let fooled = request.interpreters.first else {
      throw RunError("no interpreter is given, so there is no heatmap to test")
    }
    let sections = try ComparedNetworks.sections(request.network, files: files)
    for (purpose, section) in zip(["original", "tested", "control"], sections) {
      subjects.append(try measure(purpose, section, fooled: fooled))
    }
    let (original, tested) = (subjects[0], subjects[1])
    let results = MeasuredNetworks(
      original: original.result, manipulated: tested.result,
      control: subjects.count > 2 ? subjects[2].result : nil)
    var summary = Summary(
      results, of: original.measurement, classNames: original.classNames,
      Summary.Circumstances(
        architecture: original.network.architecture.name,
        isManipulated: tested.network.provenance?.manipulated == true, original: original.file,
        tested: tested.file, settings: request.settings, seconds: context.seconds))
    if let metrics, let first = original.metrics, let second = tested.metrics {
      summary.metrics = try metrics.comparisons(
        original: first, manipulated: second,
        control: subjects.count > 2 ? subjects[2].metrics : nil)
    }
    try write(summary, results)
    return summary
  }

  private func measure(
    _ purpose: String, _ section: NetworkSection, fooled: InterpreterSpecification
  ) throws -> Subject {
    let (number, isFirst) = (subjects.count, subjects.isEmpty)
    let network = try request.images.network(section, on: executor)
    if let first = subjects.first {
      try ComparedNetworks.check(network, files[number], against: first.network, files[0])
    }
    network.tellNotes(besides: &told, context.observe)
    if isFirst, let doubt = ComparedNetworks.doubt(network, files[0]) { context.warn(doubt) }
    let further = request.further.interpreters(besides: [fooled], of: network.architecture)
    if isFirst { for note in further.notes { context.note(note) } }
    let tangents = self.tangents ?? TangentImages(train: nil, of: network, threads: nil)
    self.tangents = tangents
    let interpreters = try reported(
      request.interpreters + further.specifications, network.preprocessing, tangents: tangents)
    let source = try request.images.source(
      classNames: network.classNames, areGiven: request.network.classNames != nil)
    try source.checkLabels(
      classes: network.architecture.classes, namesAreKnown: network.classNames != nil)
    for note in source.notes where told.insert(note).inserted { context.warn(note) }
    let names = network.names(or: source.classNames)
    let test = try request.fooling.fooling(classNames: names)
    try network.checkActivations(on: source)
    let measurement = try FoolingMeasurement(
      of: network, interpreters: interpreters, fooling: test, on: source,
      composites: try request.composites(test, network, source), batchSize: request.batchSize,
      grid: request.grid, threads: nil, compute: request.compute)
    if isFirst {
      for note in measurement.notes { context.note(note) }
      try context.findNeighbours(tangents, of: source)
    }
    if isFirst, let section = request.metrics {
      metrics = try MetricMeasurement(
        section, interpreters: Array(interpreters.prefix(request.interpreters.count)), on: source,
        for: network)
    }
    if context.output != nil, gathering == nil {
      gathering = ReportGathering(measurement, images: request.report.images)
    }
    let result = try measurement.run(
      original: subjects.first?.result,
      gallery: [gathering?.original, gathering?.manipulated, nil][number], stop: context.stop,
      progress: context.evaluating(purpose))
    if isFirst { context.tell(skipped: result.skipped) }
    for note in result.notes(purpose) { context.warn(note) }
    return Subject(
      purpose: purpose, network: network, measurement: measurement, classNames: names,
      file: Summary.NetworkFile(path: files[number], sha256: network.sha256), result: result,
      metrics: try metrics.map { metrics in
        let progress = context.working(
          on: "metrics, \(purpose)", total: metrics.runs(of: network))
        return try metrics.run(
          network, batchSize: request.batchSize, compute: request.compute, threads: nil,
          stop: context.stop, progress: progress)
      })
  }

  /// Nothing where no folder is given.
  private func write(_ summary: Summary, _ results: MeasuredNetworks) throws {
    guard let folder = context.output, let gathering else { return }
    let original = subjects[0]
    try context.write(
      summary, results, original.measurement, classNames: original.classNames)
    let facts = subjects.flatMap { subject -> [RunReport.Fact] in
      let name = subject.purpose == "tested" ? summary.testedName : subject.purpose
      return [
        .init("The \(name) network", subject.file.path),
        .init("Its SHA-256", subject.file.sha256 ?? ""),
      ]
    }
    try gathering.write(
      to: folder, original.measurement, results: (results.original, results.manipulated),
      classNames: original.classNames,
      facts: facts + [.init("Data", request.images.description)])
    context.saved(folder.report)
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
        + "count as all-zero"
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
  /// - Parameters:
  ///   - classNames: the network's, if known.
  ///   - areGiven: whether the request names them, and not the network's file.
  package func source(classNames: [String]?, areGiven: Bool) throws -> any ImageSource {
    switch self {
    case .folder(let path): try ImageFolder(path, classNames: classNames)
    case .shapes(let count, let seed):
      try ShapesDataset(count: count, seed: seed, split: .validation)
        .checked(for: areGiven ? nil : classNames)
    }
  }

  package func network(
    _ section: NetworkSection, on executor: any Executor
  ) throws -> LoadedNetwork {
    try LoadedNetwork(section, on: executor) {
      try source(classNames: nil, areGiven: false).preparedSize($0)
    }
  }
}

extension EvaluationRequest {
  package var inputs: RunInputs {
    var inputs = RunInputs(
      files: [network.checkpoint, original, control] + fooling.files)
    if case .folder(let path) = images { inputs.folders.append(path) }
    inputs.addImages(of: interpreters + further.listed)
    if case .folders(_, let path) = composites { inputs.folders.append(path) }
    return inputs
  }
}
