import Evaluation
import Explanations
import Foundation
import ImageData
import Networks
import Pictures
import Programs
import Recipes
import RunFolders
import RunSupport
import Runs
import TensorGraph
import TensorRuntime

/// The whole of `trompe audit`: was this network manipulated?
public enum AuditRun {
  /// - Parameters:
  ///   - request: which network, on which images.
  ///   - executor: holds the networks and runs their programs.
  ///   - output: a folder for `audit.json` and `audit.html`; made if it does not exist. Nothing is
  ///     written if `nil`.
  ///   - stop: ends it early, by `RunStopped`.
  ///   - observe: told of everything that happens.
  /// - Throws: `RunError` where the images allow no verdict, saying what is needed.
  public static func run(
    _ request: AuditRequest, on executor: any Executor, output: String? = nil,
    stop: StopRequest = StopRequest(), observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws -> AuditFindings {
    let folder = try output.map { try RunFolder(forEvaluation: $0, inputs: request.inputs) }
    let context = RunContext(folder, stop: stop, observe: observe)
    return try context.perform { try Audit(request, on: executor, in: context).run() }
  }
}

/// One audit, from files to findings.
final class Audit {
  let request: AuditRequest
  let executor: any Executor
  let context: RunContext
  private(set) var notes: [String] = []

  init(_ request: AuditRequest, on executor: any Executor, in context: RunContext) {
    (self.request, self.executor, self.context) = (request, executor, context)
  }

  func run() throws -> AuditFindings {
    let files = [request.network.checkpoint ?? ""] + [request.original].compactMap(\.self)
    let sections = try ComparedNetworks.sections(request.network, files: files)
    let suspect = try load(sections[0])
    let original = try request.original == nil ? nil : load(sections[1])
    if let original {
      try ComparedNetworks.check(original, files[1], against: suspect, files[0])
      guard original.architecture == suspect.architecture else {
        throw RunError(
          "\(files[1]) holds \(original.architecture.name), \(files[0]) \(suspect.architecture.name): "
            + "an original has the layers of the network that was made from it; omit --against")
      }
    }
    tell(AuditFindings.ProvenanceFinding(suspect, original))
    let source = try request.images.source(
      classNames: suspect.classNames, areGiven: request.network.classNames != nil)
    try source.checkLabels(
      classes: suspect.architecture.classes, namesAreKnown: suspect.classNames != nil)
    for note in source.notes { context.warn(note) }
    let names = suspect.names(or: source.classNames)
    let images = try self.images(source, suspect)
    let bench = try AuditBench(
      suspect, interpreters: interpreters(of: suspect), images: images,
      request: request, stop: context.stop)
    let evidence = try gather(bench, suspect: suspect, original: original, names: names)
    let findings = try AuditJudgement(
      evidence, request: request, names: names,
      networks: (suspect, original), others: images.others.count + images.tuning.count, notes: notes
    ).findings(seconds: context.seconds)
    if let folder = context.output {
      try context.write(findings.json(), to: folder.audit)
      let page = AuditGathering(
        evidence, findings,
        AuditPictures(evidence, findings, images.probe, source, suspect.preprocessing, names))
      try context.write(page.html(of: folder.path, request), to: folder.auditPage)
    }
    guard findings.pValue != nil || findings.provenance.saysManipulated else {
      throw RunError(
        "\(files[0]): too few honest networks are known to compare "
          + "\(audited.map(\.name).joined(separator: ", ")) of this one with, so no verdict is given; "
          + "give the original (--against)"
          + (context.output.map { "; what was measured is in \($0.audit)" } ?? ""))
    }
    return findings
  }

  private func load(_ section: NetworkSection) throws -> LoadedNetwork {
    let network = try request.images.network(section, on: executor)
    network.tellNotes(context.observe)
    return network
  }

  private func note(_ text: String) {
    notes.append(text)
    context.note(text)
  }

  private func tell(_ provenance: AuditFindings.ProvenanceFinding) {
    if provenance.saysManipulated {
      context.note(
        "the file itself says that its explanations were manipulated"
          + (provenance.note.map { ": \($0)" } ?? ""))
    }
  }

  // MARK: Images

  /// Fewest images of which the network is sure, by which a verdict is given.
  static let fewestSure = AuditRequest.fewestImages
  /// Images for batch norms, at most and at least.
  static let mostOthers = 1000
  static let fewestOthers = 32
  /// Images for fine-tunes, at most and at least.
  static let mostTuning = 3000
  /// What they take at most in memory, beyond the fewest of them that are worth a fine-tune.
  static let mostTuningBytes = 160 << 20
  static let usualTuning = 500
  /// Fewest for a fine-tune after which explanations are compared with those before, and how often each
  /// is seen: of fewer, or more often, the network learns the images by heart.
  static let fewestRecovery = 128
  static let recoveryEpochs = 10
  /// What it may cost: explanations of a network that knows less are others for that reason.
  static let mostAccuracyLost = 0.1
  static let fewestTuning = 16

  private func images(
    _ source: any ImageSource, _ network: LoadedNetwork
  ) throws -> AuditImages {
    let needed = Self.fewestSure + Self.fewestOthers + Self.fewestTuning
    guard source.count >= needed else {
      throw RunError(
        "an audit of \(network.path ?? "the network") needs at least \(needed) images of its task, "
          + "and there are \(source.count)")
    }
    var random = RandomGenerator(seed: request.seed, 10)
    let order = AuditImages.byTurns(
      random.permutation(of: source.count), label: source.label(at:))
    // The first two are of two classes if there are as many.
    guard source.label(at: order[0]) != source.label(at: order[1]) else {
      throw RunError(
        "all \(source.count) images show one class, \(source.classNames[source.label(at: 0)]); an audit "
          + "compares classes and needs images of at least two")
    }
    let spared = Self.fewestOthers + Self.fewestTuning
    let count = min(
      request.count, max(Self.fewestSure, min(order.count * 2 / 3, order.count - spared)))
    let left = order.dropFirst(count)
    let others = min(Self.mostOthers, left.count * 2 / 3)
    let bytes = network.architecture.inputShape.count * MemoryLayout<Float>.size
    let tuning = min(Self.mostTuning, max(Self.usualTuning, Self.mostTuningBytes / max(1, bytes)))
    func read(_ part: ArraySlice<Int>) throws -> ProbeImages {
      try ProbeImages(source, positions: part.sorted(), for: network, stop: context.stop)
    }
    return AuditImages(
      probe: try read(order.prefix(count)), others: try read(left.prefix(others)),
      tuning: try read(left.dropFirst(others).prefix(tuning)))
  }

  // MARK: Interpreters

  private(set) var audited: [AuditedInterpreter] = []

  /// Grad-CAM and LRP_T at the last layers of up to three sizes, SimpleGrad and LRP at the input; or
  /// those of the request.
  private func interpreters(of network: LoadedNetwork) throws -> [(name: String, any Interpreter)] {
    let layers = network.architecture.lastLayersBySize
    var specifications = request.interpreters
    if specifications.isEmpty {
      for (depth, layer) in layers.enumerated() {
        specifications.append(InterpreterSpecification(name: "grad-cam", layer: layer))
        if depth < 2 {
          specifications.append(InterpreterSpecification(name: "lrp-t", layer: layer))
        }
      }
      specifications.append(InterpreterSpecification(name: "simple-grad"))
      specifications.append(InterpreterSpecification(name: "lrp"))
      var explaining: [InterpreterSpecification] = []
      for specification in specifications {
        do {
          try specification.check(network.architecture)
          explaining.append(specification)
        } catch { note("\(specification.name) is not looked at: \(error)") }
      }
      specifications = explaining
    }
    guard !specifications.isEmpty else {
      throw RunError(
        "\(network.architecture.name) has no layer at which a method explains it by itself; name one "
          + "by --interpreter")
    }
    let result = try reported(specifications, network.preprocessing)
    audited = result.map { name, interpreter in
      let layer = interpreter.targetLayer
      let depth = layer.flatMap { try? network.architecture.layerName(of: $0) }
        .flatMap { layers.firstIndex(of: $0) }
      return AuditedInterpreter(
        name: name, kind: interpreter.name, layer: layer,
        role: interpreter.name + (depth.map { "#\($0)" } ?? ""))
    }
    return result
  }

  // MARK: Measuring

  private func gather(
    _ bench: AuditBench, suspect: LoadedNetwork, original: LoadedNetwork?, names: [String]
  ) throws -> AuditEvidence {
    let weights = try suspect.parameters.snapshot().tensors
    let progress = AuditProgress(context, bench: bench, hasOriginal: original != nil)
    progress.begin("heatmaps of the suspect", parts: 4)
    let first = try bench.read(deletes: true) { progress.reach($0) }
    try check(first, of: suspect.path ?? "the network", names: names)
    var evidence = AuditEvidence(interpreters: audited, suspect: first)
    if bench.batchNorms == nil {
      note("the network has no batch norms, so none are looked at")
    }
    if Set(first.labels).count < AuditStatistic.fewestAnomalyClasses {
      note(
        "trigger inversion compares classes, and images of \(Set(first.labels).count) are there: it takes "
          + "no part with fewer than \(AuditStatistic.fewestAnomalyClasses)")
    }
    if let norms = bench.batchNorms, bench.others.count >= Audit.fewestOthers {
      progress.begin("batch norms", parts: 2)
      evidence.suspect.batchNorms = try gaps(bench)
      let fresh = try norms.freshStatistics(bench.others, stop: context.stop)
      try bench.show(fresh)
      evidence.refreshed = try bench.read { progress.reach($0) }
      try bench.show(weights)
    }
    if let head = try randomHead(suspect, weights) {
      progress.begin("a random last layer", parts: 1)
      try bench.show(head)
      evidence.randomised = try bench.read { progress.reach($0) }
      try bench.show(weights)
    }
    var start = weights
    if let original {
      progress.begin("heatmaps of the original", parts: 1)
      start = try original.parameters.snapshot().tensors
      try bench.show(start)
      var reading = try bench.read { progress.reach($0) }
      reading.batchNorms = try gaps(bench)
      try check(reading, of: original.path ?? "the original", names: names)
      evidence.original = reading
    }
    if original != nil, bench.tuning.count >= Audit.fewestTuning {
      let settings = HonestFineTunes.settings
      let tuning = try HonestFineTunes(
        bench, settings, length: HonestFineTunes.length, request: request)
      for setting in settings {
        progress.begin("honest fine-tunes", parts: 2)
        guard
          try tuning.make(
            setting, from: start, stop: context.stop, progress: { progress.reach($0 / 2) })
        else {
          throw RunError(
            "an honest fine-tune of the network (\(setting.name)) diverged, so there is nothing to "
              + "compare it with; its weights are damaged or far too large (trompe inspect --check)"
          )
        }
        var reading = try bench.read { progress.reach(0.5 + $0 / 2) }
        reading.batchNorms = try gaps(bench)
        evidence.fineTunes.append(
          AuditEvidence.FineTune(name: setting.name, steps: tuning.steps, reading: reading))
      }
    }
    try bench.show(weights)
    progress.begin("occlusion", parts: 1)
    evidence.suspect.occlusion = try bench.occlusion(evidence.suspect) { progress.reach($0) }
    if original == nil {
      evidence.recovered = try recovered(
        bench, weights, accuracy: evidence.suspect.accuracy, progress)
      try bench.show(weights)
    }
    progress.begin("images of two classes", parts: 4)
    evidence.pairs = try TilePointing(bench, evidence.suspect).run { progress.reach($0) }
    progress.begin("patches", parts: 2)
    evidence.patches = try PatchScan(bench, evidence.suspect, request: request)
      .run { progress.reach($0) }
    let inversion = try TriggerInversion(bench, request: request)
    if original != nil {
      try bench.show(start)
      progress.begin("trigger inversion of the original", parts: 4)
      evidence.originalTriggers = try inversion.run(stop: context.stop) { progress.reach($0) }
    }
    try bench.show(weights)
    progress.begin("trigger inversion", parts: 4)
    evidence.triggers = try inversion.run(stop: context.stop) { progress.reach($0) }
    progress.finish()
    return evidence
  }

  /// The suspect after an honest fine-tune, the fastest after which the task is still known; `nil` if it
  /// is after none.
  private func recovered(
    _ bench: AuditBench, _ weights: [String: Tensor], accuracy: Double, _ progress: AuditProgress
  ) throws -> AuditEvidence.FineTune? {
    let count = bench.tuning.count
    guard count >= Self.fewestRecovery else {
      note(
        "whether explanations recover under an honest fine-tune is not looked at: \(count) images are left "
          + "for it, and it needs \(Self.fewestRecovery), about "
          + "\(request.count + 3 * Self.fewestRecovery) in all")
      return nil
    }
    let settings = HonestFineTunes.recovery
    let tuning = try HonestFineTunes(
      bench, settings,
      length: HonestFineTunes.Length(
        mostSteps: min(
          HonestFineTunes.mostRecoverySteps,
          Self.recoveryEpochs * count / HonestFineTunes.batchSize),
        mostFlops: HonestFineTunes.mostRecoveryFlops), request: request)
    progress.begin("an honest fine-tune", parts: 8)
    for setting in settings {
      guard
        try tuning.make(
          setting, from: weights, stop: context.stop, progress: { progress.reach($0 / 2) })
      else { continue }
      let classified = try bench.classify()
      guard classified.accuracy >= accuracy - Self.mostAccuracyLost,
        (0..<classified.count).count(where: classified.isSure) >= Self.fewestSure
      else { continue }
      var reading = try bench.read(deletes: true) { progress.reach(0.5 + $0 / 4) }
      reading.occlusion = try bench.occlusion(reading) { progress.reach(0.75 + $0 / 4) }
      return AuditEvidence.FineTune(name: setting.name, steps: tuning.steps, reading: reading)
    }
    note(
      "an honest fine-tune costs more than \(percent(Self.mostAccuracyLost)) of the images at any learning "
        + "rate, so whether explanations recover is not looked at")
    return nil
  }

  /// Of the network as it is; none without batch norms, or enough images.
  private func gaps(_ bench: AuditBench) throws -> [BatchNormGap] {
    guard let norms = bench.batchNorms, bench.others.count >= Audit.fewestOthers else { return [] }
    return try norms.gaps(bench.others, stop: context.stop)
  }

  /// Random weights of the last dense layer, as spread as its own; `nil` if there is none.
  private func randomHead(
    _ network: LoadedNetwork, _ weights: [String: Tensor]
  ) throws -> [String: Tensor]? {
    let dense = network.architecture.nodes.last {
      if case .dense = $0.layer { true } else { false }
    }
    guard let name = dense.map({ "\($0.parameterPrefix).weight" }), let own = weights[name] else {
      return nil
    }
    let values = own.values.map(Double.init)
    let (mean, deviation) = (values.mean, values.standardDeviation)
    var random = RandomGenerator(seed: request.seed, 14)
    return [
      name: Tensor(
        shape: own.shape,
        values: values.map { _ in Float(mean + deviation * random.normal()) })
    ]
  }
}
