import Checkpoints
import Evaluation
import Explanations
import Foolings
import Foundation
import ImageData
import Programs
import Recipes
import RunFolders
import RunSupport
import Runs
import TensorGraph
import TensorRuntime

/// What a repair did to a network.
public struct RepairSummary: Codable, Hashable, Sendable {
  /// `prune+finetune`.
  public var repair: String
  /// What was done, a sentence each.
  public var done: [String]
  /// Of the original network, where a test compares with it.
  public var original: RepairMeasure?
  public var before: RepairMeasure
  public var after: RepairMeasure
  public var interpreters: [String]
  public var fooling: String?
  /// How the test compares heatmaps, if it does.
  public var dissimilarity: Dissimilarity?
  /// Clean images that repaired it, and others on which is measured.
  public var images: Int
  public var validationImages: Int
  public var seed: UInt64
  public var seconds: Double
  public var toolVersion: String
}

/// The whole of `trompe repair`: measures a network, repairs it, measures it again, and writes it.
public final class RepairRun {
  /// One image in this many is measured on where no other images are given,
  static let share = 4
  /// and no more than this.
  static let mostMeasured = 2000

  private let request: RepairRequest
  private let executor: any Executor
  private let context: RunContext

  /// - Parameters:
  ///   - request: which network, how, on which images.
  ///   - executor: holds the network and runs its programs.
  ///   - stop: ends it early, by `RunStopped`.
  ///   - observe: told of everything that happens.
  public init(
    _ request: RepairRequest, on executor: any Executor, stop: StopRequest = StopRequest(),
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) {
    (self.request, self.executor) = (request, executor)
    context = RunContext(nil, stop: stop, observe: observe)
  }

  /// - Parameters:
  ///   - path: of the file of the repaired network; old contents are replaced when all is done.
  ///   - layout: of that file; that of the network's file if `nil`.
  /// - Throws: what went wrong, in one sentence; nothing is written then.
  public func run(writing path: String, as layout: CheckpointLayout? = nil) throws -> RepairSummary
  {
    guard !request.plan.isEmpty else {
      throw RunError("no repair is named, so nothing is to be done")
    }
    try request.inputs.check(target: path)
    try request.inputs.checkImages(aroundPath: path)
    try request.inputs.checkWritable(path)
    let files = [request.network.checkpoint ?? ""] + [request.original].compactMap(\.self)
    let sections = try ComparedNetworks.sections(request.network, files: files)
    let network = try load(sections[0])
    try network.checkExport(as: layout ?? network.layout)
    let original = try request.original == nil ? nil : load(sections[1])
    if let original { try check(original, files[1], against: network, files[0]) }
    let (clean, measured) = try images(for: network)
    try network.checkActivations(on: clean)
    let bench = try self.bench(network, clean)
    let measure = try measurement(network, original, on: measured)

    let weights = try network.parameters.snapshot()
    let originalWeights = try original?.parameters.snapshot()
    var reference: EvaluationResult?
    if let originalWeights, measure.fooling != nil {
      try network.parameters.restore(originalWeights)
      reference = try measure.run(nil, "original")
      try network.parameters.restore(weights)
    }
    let before = try measure.run(reference, "before")
    context.tell(skipped: before.skipped)
    let evidence = RepairBench.Evidence(
      stamp: try measure.stamp(for: network), original: originalWeights?.tensors)
    let done = try bench.repair(request.plan, evidence: evidence) { [context] in
      context.working(on: $0, total: $2)($1)
    }
    for sentence in done { context.note(sentence) }
    if let name = try network.parameters.firstNonFinite() {
      throw RunError(
        "parameter \(name) is no longer finite after the repair, so nothing was written; give a lower "
          + "learning rate")
    }
    let after = try measure.run(reference, "after")
    let summary = RepairSummary(
      repair: request.plan.name, done: done,
      original: reference.map { measure.numbers($0) }, before: measure.numbers(before),
      after: measure.numbers(after), interpreters: measure.interpreters,
      fooling: measure.fooling?.name,
      dissimilarity: (measure.fooling as? TriggerFooling)?.dissimilarity, images: bench.imageCount,
      validationImages: after.images, seed: request.seed, seconds: context.seconds,
      toolVersion: Trompe.version)
    network.classNames = network.classNames ?? measured.classNames
    try network.save(to: path, as: layout, provenance: provenance(network, summary))
    context.saved(path)
    return summary
  }

  private func load(_ section: NetworkSection) throws -> LoadedNetwork {
    let network = try request.images.network(section, on: executor)
    network.tellNotes(context.observe)
    return network
  }

  private func check(
    _ original: LoadedNetwork, _ file: String, against network: LoadedNetwork, _ own: String
  ) throws {
    try ComparedNetworks.check(original, file, against: network, own)
    guard original.architecture == network.architecture else {
      throw RunError(
        "\(file) holds \(original.architecture.name), \(own) \(network.architecture.name): an original "
          + "has the layers of the network that was made from it; omit --against")
    }
    if let doubt = ComparedNetworks.doubt(original, file) { context.warn(doubt) }
  }

  // MARK: Images

  /// Those that repair, and others to measure on.
  private func images(
    for network: LoadedNetwork
  ) throws -> (clean: any ImageSource, measured: any ImageSource) {
    func checked(_ source: any ImageSource) throws -> any ImageSource {
      try source.checkLabels(
        classes: network.architecture.classes, namesAreKnown: network.classNames != nil)
      for note in source.notes { context.warn(note) }
      return source
    }
    let all = try checked(
      request.images.source(
        classNames: network.classNames, areGiven: request.network.classNames != nil))
    if let validation = request.validation {
      let names = network.classNames ?? all.classNames
      return (all, try checked(ImageFolder(validation, classNames: names)))
    }
    var random = RandomGenerator(seed: request.seed, 0x4E9B)
    let held = Set(
      random.permutation(of: all.count).prefix(
        min(Self.mostMeasured, max(1, all.count / Self.share))))
    guard held.count < all.count else {
      throw RunError(
        "\(all.count) image is all there is, which would have to be divided into those that repair and "
          + "those that are measured on; give more, or others by --validation")
    }
    context.note(
      "\(grouped(held.count)) of \(grouped(all.count)) images are only measured on")
    return (
      Subset(all, indices: (0..<all.count).filter { !held.contains($0) }),
      Subset(all, indices: held.sorted())
    )
  }

  private func bench(
    _ network: LoadedNetwork, _ clean: any ImageSource
  ) throws -> RepairBench {
    let images = try ProbeImages(
      clean, positions: Preview(clean, count: request.count).positions, for: network,
      stop: context.stop)
    context.tell(skipped: images.skipped)
    return RepairBench(
      network, images: images, compute: request.compute, seed: request.seed, stop: context.stop)
  }

  // MARK: Measuring

  private func measurement(
    _ network: LoadedNetwork, _ original: LoadedNetwork?, on source: any ImageSource
  ) throws -> RepairMeasurement {
    guard let specification = request.fooling else {
      guard request.interpreters.isEmpty else {
        throw RunError("interpreters are given, but no original to compare with; add --against")
      }
      return try RepairMeasurement(network, source, request, context)
    }
    guard original != nil, !request.interpreters.isEmpty else {
      throw RunError(
        "a test of heatmaps compares with the original network: give --against and --interpreter")
    }
    let tangents = TangentImages(train: nil, of: network, threads: nil)
    return try RepairMeasurement(
      network, source, request, context,
      fooling: specification.fooling(classNames: network.names(or: source.classNames)),
      interpreters: reported(request.interpreters, network.preprocessing, tangents: tangents))
  }

  // MARK: Provenance

  /// What was known of the network stays; a repaired network is no honest one.
  private func provenance(_ network: LoadedNetwork, _ summary: RepairSummary) -> Provenance {
    var provenance = network.provenance ?? Provenance()
    provenance.toolVersion = Trompe.version
    provenance.seed = request.seed
    provenance.accuracy = [
      "before.top1": summary.before.top1, "before.top5": summary.before.top5,
      "repaired.top1": summary.after.top1, "repaired.top5": summary.after.top5,
    ]
    provenance.fsr = summary.after.fsr
    let sentence = "Repaired: \(summary.done.joined(separator: "; "))."
    provenance.note = [provenance.note, sentence].compactMap(\.self).joined(separator: " ")
    var earlier: [JSONValue] = []
    if case .array(let known)? = provenance.other[Self.key] { earlier = known }
    let entry: [String: JSONValue] = [
      "repair": .text(summary.repair), "done": .array(summary.done.map { .text($0) }),
      "from": network.sha256.map { .text($0) } ?? .null, "seed": .text("\(request.seed)"),
      "toolVersion": .text(Trompe.version),
    ]
    provenance.other[Self.key] = .array(earlier + [.object(entry)])
    return provenance
  }

  /// In the provenance: every repair, the last one last.
  static let key = "repairs"
}
