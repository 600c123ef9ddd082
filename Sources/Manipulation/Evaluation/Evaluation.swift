import Explanations
import Foundation
import ImageData
import Reports

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
  public var images: Images
  public var fooling: FoolingSpecification
  /// At least one; the first is the one that was fooled.
  public var interpreters: [InterpreterSpecification]
  /// Others by which success is measured as well.
  public var further: FurtherInterpreters
  /// Images that show two classes, for active fooling.
  public var composites: DataSection.Composites
  public var batchSize: Int
  public var report: ReportSection
  public var compute: ComputeSection

  public init(
    network: NetworkSection, original: String, images: Images, fooling: FoolingSpecification,
    interpreters: [InterpreterSpecification], further: FurtherInterpreters = [],
    composites: DataSection.Composites = .paper, batchSize: Int = 16,
    report: ReportSection = ReportSection(),
    compute: ComputeSection = ComputeSection()
  ) {
    (self.network, self.original, self.images) = (network, original, images)
    self.further = further
    (self.fooling, self.interpreters, self.composites) = (fooling, interpreters, composites)
    (self.batchSize, self.report, self.compute) = (batchSize, report, compute)
  }
}

/// Measures a manipulated network against the original, with the numbers that a fooling run reports.
public enum Evaluation {
  /// - Parameters:
  ///   - request: what to measure on what.
  ///   - stop: ends it early, by `RunStopped`.
  ///   - observe: told of everything that happens.
  ///   - output: a folder for `summary.json`, `test-losses.jsonl` and the report; made if it
  ///     does not exist. Nothing is written if `nil`.
  public static func run(
    _ request: EvaluationRequest, output: String? = nil, stop: StopRequest = StopRequest(),
    observe: (RunEvent) -> Void = { _ in }
  ) throws -> Summary {
    let begin = ContinuousClock.now
    let folder = try output.map { try RunFolder(forEvaluation: $0) }
    defer { folder?.release() }
    guard let fooled = request.interpreters.first else {
      throw RunError("no interpreter is given, so there is no heatmap to test")
    }
    var interpreters: [(name: String, any Interpreter)] = []
    var fooling: (any Fooling)?
    var results: [EvaluationResult] = []
    var last: (measurement: Measurement, classNames: [String])?
    var gathering: ReportGathering?
    var facts: [RunReport.Fact] = []
    for (purpose, path) in [
      ("original", request.original), ("manipulated", request.network.checkpoint),
    ] {
      var section = request.network
      section.checkpoint = path
      let network = try request.images.network(section)
      for note in network.notes { observe(.note(note)) }
      let further = request.further.interpreters(
        besides: fooled, of: network.architecture)
      for note in further.notes where purpose == "original" { observe(.note(note)) }
      interpreters = try reported(
        request.interpreters + further.specifications, network.preprocessing)
      let source = try request.images.source(classNames: network.classNames)
      try source.checkLabels(
        classes: network.architecture.classes, namesAreKnown: network.classNames != nil)
      let test = try request.fooling.fooling(classNames: network.names(or: source.classNames))
      fooling = test
      let measurement = try Measurement(
        of: network, interpreters: interpreters, fooling: test, on: source,
        composites: try request.composites(test, network, source), batchSize: request.batchSize,
        threads: nil, compute: request.compute)
      for note in measurement.notes where purpose == "original" { observe(.note(note)) }
      if folder != nil, gathering == nil {
        gathering = ReportGathering(measurement, images: request.report.images)
      }
      let gallery = results.isEmpty ? gathering?.original : gathering?.manipulated
      results.append(
        try measurement.run(original: results.first, gallery: gallery, stop: stop) {
          observe(.evaluating(purpose: purpose, done: $0, total: $1))
        })
      last = (measurement, network.names(or: source.classNames))
      facts += [
        .init("The \(purpose) network", path ?? ""),
        .init("Its SHA-256", network.sha256 ?? ""),
      ]
      if purpose == "original" { results.last!.skipped.report(to: observe) }
    }
    let seconds = (ContinuousClock.now - begin).seconds
    let summary = Summary(
      original: results[0], manipulated: results[1], fooling: fooling!,
      interpreter: interpreters[0].name, seconds: seconds)
    if let folder, let gathering, let last {
      try TestLossTable(last.measurement.tested, original: results[0], manipulated: results[1])
        .write(to: folder.testLosses, in: folder)
      observe(.saved(path: folder.testLosses))
      try folder.write(summary.json(), to: folder.summary)
      observe(.saved(path: folder.summary))
      try gathering.write(
        to: folder, last.measurement, results: (results[0], results[1]),
        classNames: last.classNames, facts: facts + [.init("Data", request.images.description)])
      observe(.saved(path: folder.report))
    }
    return summary
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

  fileprivate func network(_ section: NetworkSection) throws -> LoadedNetwork {
    try LoadedNetwork(section) { try source(classNames: nil).preparedSize($0) }
  }
}
