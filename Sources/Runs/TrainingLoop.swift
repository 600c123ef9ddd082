import Checkpoints
import Foundation
import ImageData
import Networks
import Programs
import Recipes
import RunFolders
import RunSupport
import TensorGraph
import TensorRuntime

/// The loop that fooling and standard training share: batches, steps, learning rate, logging,
/// saving, resuming.
final class TrainingLoop {
  package let section: TrainingSection
  package let network: LoadedNetwork
  package let program: TrainingProgram
  package let totalSteps: Int
  /// Steps done, those before a resumption included.
  package var step = 0
  /// What a search under a budget saves of itself with every state, as JSON; of a loop that is resumed,
  /// what was saved.
  var search: String?
  /// Whether a search that is resumed has used what was measured after the step of its state.
  private(set) var resumesMeasured = false
  /// Whether it goes on from a saved state.
  package private(set) var isResumed = false
  /// Seconds spent in steps, those before a resumption included.
  package var trainingSeconds = 0.0
  /// Seconds of the processes before this one, up to the states that they saved.
  private(set) var earlierSeconds = 0.0
  /// Of the whole run, in all its processes.
  package var seconds: Double { earlierSeconds + context.seconds }

  private let source: any ImageSource
  private let data: DataSection
  private let imageSize: ImageSize
  private let context: RunContext
  var folder: RunFolder { context.folder }
  var stop: StopRequest { context.stop }
  var observe: (RunEvent) -> Void { context.observe }
  let recipe: String
  package let reads: InputRecord
  /// Of every step, if others than the recipe's.
  private let rates: [Double]?
  /// Values of placeholders beside images, labels and dropout masks, for a batch and the step
  /// that counts from 0.
  let inputs: (Batch, Int) throws -> [String: ProgramInput]
  /// The one that is fooled, by the name under which results are reported.
  private let interpreter: String?

  /// What is trained, on what, and how.
  struct Work {
    let section: TrainingSection
    let network: LoadedNetwork
    let program: TrainingProgram
    let source: any ImageSource
    let data: DataSection
    var inputs: (Batch, Int) throws -> [String: ProgramInput] = { _, _ in [:] }
    var interpreter: String?
    /// The learning rate of every step in place of the recipe's.
    var rates: [Double]?
  }

  /// - Parameters:
  ///   - recipe: the text that is saved with states.
  ///   - reads: what the run reads, which is saved with its states.
  init(
    _ work: Work, recipe: String, reads: InputRecord = InputRecord(), in context: RunContext
  ) throws {
    (section, network, program) = (work.section, work.network, work.program)
    (source, data, inputs) = (work.source, work.data, work.inputs)
    (interpreter, rates) = (work.interpreter, work.rates)
    (self.recipe, self.reads, self.context) = (recipe, reads, context)
    let size = network.architecture.inputShape
    imageSize = ImageSize(width: size[1], height: size[0])
    let batchesPerEpoch = source.count / section.batchSize
    guard batchesPerEpoch > 0 else {
      throw RunError(
        "the training split holds \(source.count) images, fewer than one batch of "
          + "\(section.batchSize); choose a smaller training.batchSize")
    }
    totalSteps =
      if let rates { rates.count } else {
        switch section.duration {
        case .steps(let steps): steps
        case .epochs(let epochs): epochs * batchesPerEpoch
        }
      }
  }

  /// Of the step that counts from 0.
  package func learningRate(at step: Int) -> Double {
    if let rates { return rates[step] }
    let warm = section.warmupSteps
    if step < warm { return section.learningRate * Double(step + 1) / Double(warm + 1) }
    switch section.schedule {
    case .constant: return section.learningRate
    case .cosine:
      let progress = Double(step - warm) / Double(max(1, totalSteps - warm))
      return section.learningRate * (1 + cos(.pi * progress)) / 2
    }
  }

  /// - Parameter validate: called every `validateEvery` steps, before the next one.
  /// - Throws: `RunStopped` after saving, if a stop was requested; `DivergenceError` if the loss or a
  ///   derivative is not finite, without touching what was saved last. Where data cannot be read any
  ///   more, what was done until then is saved.
  package func run(metrics: MetricsLog, validate: (_ step: Int) throws -> Void) throws {
    let loader = try loader(at: step)
    var known = 0
    var knownInGroup: Set<SkippedImage> = []
    var omitted = OmittedImages()
    defer { omitted.finish(observe) }
    func save() throws {
      if let group = network.executor.group {
        let all = try group.joined(skipped: loader.skipped, passedOver: source.passedOver.count)
        omitted.tell(all.filter { knownInGroup.insert($0).inserted }, observe)
      }
      try self.save(metrics)
    }
    func stopHere() throws -> Never {
      try save()
      throw RunStopped("stopped after step \(step) of \(totalSteps); \(folder.howToResume)")
    }
    try checkGroup()
    var recent = 0.0  // seconds per step, smoothed
    while step < totalSteps {
      if try isStopped() { try stopHere() }
      if section.validateEvery > 0, step > 0, step % section.validateEvery == 0 {
        do { try validate(step) } catch is RunStopped { try stopHere() }
      }
      let begin = ContinuousClock.now
      let (batch, inputs): (Batch, [String: ProgramInput])
      do {
        guard let next = try loader.next() else { throw RunError("the training data ended") }
        (batch, inputs) = (next, try self.inputs(next, step))
      } catch {
        // The others have no reason to save, and would wait.
        if step > 0, network.executor.group == nil { try? save() }
        throw error
      }
      let rate = learningRate(at: step)
      let losses = try train(on: batch, inputs, learningRate: rate, position: step)
      step += 1
      let seconds = (ContinuousClock.now - begin).seconds
      trainingSeconds += seconds
      recent = recent == 0 ? seconds : 0.9 * recent + 0.1 * seconds
      try report(losses, learningRate: rate, secondsPerStep: recent, to: metrics)
      if network.executor.group == nil {
        omitted.tell(loader.skipped.dropFirst(known), observe)
        known = loader.skipped.count
      }
      if section.saveEvery > 0, step % section.saveEvery == 0, step < totalSteps { try save() }
    }
    // What follows is evaluation; a run that is stopped there has nothing to train again.
    try save()
  }

  /// Logs and tells of the step that was done last.
  /// - Parameters:
  ///   - lambda: if it changes from step to step.
  ///   - limit: seconds after which no step is done any more.
  func report(
    _ losses: TrainingProgram.Losses, learningRate: Double, lambda: Double? = nil,
    secondsPerStep: Double, limit: Double? = nil, to metrics: MetricsLog
  ) throws {
    let report = StepReport(
      step: step, totalSteps: totalSteps, loss: losses.total, crossEntropy: losses.crossEntropy,
      penalty: losses.penalty,
      vanishedMaps: zip(
        [interpreter].compactMap(\.self), [losses.vanishedMaps].compactMap(\.self)
      )
      .reduce(into: [:]) { $0[$1.0] = $1.1 },
      learningRate: learningRate, lambda: lambda,
      imagesPerSecond: Double(section.batchSize) / secondsPerStep,
      secondsLeft: min(secondsPerStep * Double(totalSteps - step), limit ?? .infinity),
      isLogged: step % section.logEvery == 0 || step == totalSteps || step == 1)
    if report.isLogged { try metrics.append(report) }
    observe(.step(report))
  }

  /// Mean seconds of a step, without logs, validations and saved states.
  ///
  /// Trains: the network is not to be used afterwards. The first step, which warms up caches and
  /// threads, is omitted where it was short.
  /// - Parameters:
  ///   - count: the most steps to measure.
  ///   - limit: after so many seconds none is begun.
  package func measure(steps count: Int, within limit: Double) throws -> Double {
    let loader = try loader(at: step)
    return try meanSeconds(count, within: limit) {
      guard let batch = try loader.next() else { throw RunError("the training data ended") }
      _ = try train(
        on: batch, inputs(batch, step), learningRate: learningRate(at: step), position: step)
      step += 1
    }
  }

  /// Batches from a step on.
  func loader(at position: Int) throws -> BatchLoader {
    let batchesPerEpoch = source.count / section.batchSize
    let start = BatchPosition(
      epoch: position / batchesPerEpoch, batch: position % batchesPerEpoch)
    return try BatchLoader(
      source, batchSize: section.batchSize, preprocessing: network.preprocessing,
      order: .training(seed: section.seed, start: start), augmentation: data.augmentation,
      imageSize: imageSize, threads: data.threads, part: network.executor.batchPart)
  }

  /// - Parameters:
  ///   - lambda: of a program that is given one.
  ///   - position: of the batch and its noise, counting from 0.
  func train(
    on batch: Batch, _ inputs: [String: ProgramInput], learningRate: Double,
    lambda: Double? = nil, position: Int
  ) throws -> TrainingProgram.Losses {
    var inputs = inputs
    if let lambda { inputs[TrainingProgram.lambda] = .floats([Float(lambda)]) }
    // Adversarial training has others in their place, and triggers add some.
    if inputs[TrainingProgram.images] == nil {
      inputs[TrainingProgram.images] = .floats(batch.images)
    }
    if inputs[TrainingProgram.labels] == nil {
      inputs[TrainingProgram.labels] = .indices(batch.labels)
    }
    for mask in program.dropoutMasks {
      inputs[mask.name] = .floats(program.draw(mask, seed: section.seed, step: position))
    }
    let outcome = try program.step(
      inputs, learningRate: Float(learningRate), seed: section.seed, step: position)
    let losses = program.losses
    switch outcome {
    case .applied: break
    case .refusedOutput:
      throw divergence(
        "the loss is \(losses.total.isNaN ? "not a number" : "infinite")", losses, inputs, position)
    case .refusedGradient(let name):
      throw divergence("the derivative of \(name) is not finite", losses, inputs, position)
    case .overflowed(let name):
      throw divergence("parameter \(name) is no longer finite", losses)
    }
    for name in network.batchCounts.keys where !program.statistics.isEmpty {
      network.batchCounts[name]! += 1
    }
    return losses
  }

  /// - Parameter inputs: of the step, if it was not applied yet: it is done once more to see where
  ///   numbers stop being finite.
  private func divergence(
    _ what: String, _ losses: TrainingProgram.Losses, _ inputs: [String: ProgramInput]? = nil,
    _ position: Int = 0
  ) -> DivergenceError {
    let own = inputs.flatMap {
      try? program.firstNonFinite($0, seed: section.seed, step: position)
    }.map { "\($0)" }
    let origin =
      (try? network.executor.group?.gather(values: own).lazy.compactMap(\.self).first) ?? own
    return DivergenceError(
      "\(what) at step \(step + 1) (cross-entropy \(losses.crossEntropy)"
        + (losses.penalty.map { ", penalty \($0)" } ?? "") + ")"
        + (origin.map { "; the first value that is not finite is \($0)" } ?? "")
        + "; try a lower training.learningRate")
  }

  // MARK: State

  /// - Parameter isMeasured: whether a search has used what was measured after this step.
  func save(_ metrics: MetricsLog, isMeasured: Bool = false) throws {
    try checkGroup()
    // The first one writes; what the others resume from comes from it.
    guard network.executor.isFirst else { return }
    try metrics.synchronize()
    try save(metrics.mark(afterStep: step, isMeasured: isMeasured), isMeasured: isMeasured)
  }

  /// Saves a state and removes those that are older than the last `keepStates`.
  private func save(_ mark: MetricsLog.Mark, isMeasured: Bool) throws {
    let moments = try moments()
    let progress = SavedProgress(
      step: step, trainingSeconds: trainingSeconds, seconds: seconds, recipe: recipe,
      inputs: reads, metrics: mark, search: search,
      updates: search == nil ? nil : program.optimizer.step, isMeasured: isMeasured ? true : nil)
    let path = folder.states.path(step: step)
    try folder.makeSubfolder(folder.states.folder)
    let list = folder.path + "/" + SavedStates.inputsName
    if !reads.splits.isEmpty, !folder.exists(list) { try folder.write(reads.listing, to: list) }
    try network.checkpoint(
      state: TrainingState(groups: ["optimizer": moments], json: progress.json())
    ).save(to: folder.target(path))
    folder.states.prune(keeping: section.keepStates, upTo: step)
    observe(.saved(path: path))
  }

  func moments() throws -> [String: Tensor] {
    var moments: [String: Tensor] = [:]
    for (name, tensor) in try program.optimizer.state { moments[name] = tensor }
    return moments
  }

  /// Counts what a loop before this one took as well. One that is resumed knows it from its state.
  package func follow(_ loop: TrainingLoop) {
    if !isResumed { earlierSeconds = loop.earlierSeconds }
  }

  /// Compares the newest state that can be read with the recipe and with what is read now: before
  /// the work that comes before training.
  /// - Throws: `RunError` if it is of another recipe, or of other files or images.
  func checkStates() throws {
    for state in folder.states.all {
      guard let text = try? folder.states.open(state).readTrainingText(),
        let progress = try? SavedProgress(text)
      else { continue }
      return try check(progress, of: state)
    }
  }

  private func check(_ progress: SavedProgress, of state: SavedStates.State) throws {
    let begun = RecipeRenaming.present(progress.recipe)
    guard begun == recipe else {
      throw folder.isOfAnotherRecipe(state.path, begun: begun, present: recipe)
    }
    guard let begun = progress.inputs, progress.metrics != nil else {
      throw RunError(
        "\(state.path) was saved by an older version of Trompe, which did not note the files and "
          + "images that it read; go on with that version, or start again in another --output")
    }
    let list = try? folder.contents(
      of: folder.path + "/" + SavedStates.inputsName, atMost: RunFolder.largestLog)
    if let difference = reads.difference(from: begun, listing: list) {
      throw RunError("\(difference); put it back, or start again in another --output")
    }
  }

  /// Takes up the newest valid state in the run's folder; a damaged one is reported and omitted.
  /// Where the run ended before its first state it begins anew.
  /// - Returns: what the run keeps of its log; `nil` if it begins anew.
  /// - Throws: `RunError` if states belong to another recipe or other files, or all are damaged.
  package func resume() throws -> MetricsHistory? {
    let states = folder.states.all
    for state in states {
      do {
        let (mark, isMeasured) = try resume(from: state)
        isResumed = true
        observe(.note("resumed after step \(step)"))
        let kept = try MetricsHistory(
          in: folder, upTo: step, within: isMeasured ? mark?.bytes : nil)
        if let mark, let text = kept.difference(from: mark, of: folder.metrics, step: step) {
          observe(.warning(text))
        }
        return kept
      } catch let error as CheckpointError {
        observe(.warning("\(error), and is skipped"))
      }
    }
    guard states.isEmpty else {
      throw RunError(
        "\(folder.states.folder) holds no state that can be read; start again in another --output")
    }
    observe(.note("no state was saved to go on from, so the run begins anew"))
    return nil
  }

  private func resume(
    from state: SavedStates.State
  ) throws -> (MetricsLog.Mark?, isMeasured: Bool) {
    let file = try folder.states.open(state)
    let expected = network.architecture.parameters.map {
      ParameterSpecification(name: $0.name, shape: $0.shape)
    }
    let saved = try Checkpoint(contentsOf: file, expecting: expected)
    guard let training = saved.state, let progress = try? SavedProgress(training.json),
      progress.step == state.step
    else { throw CheckpointError(path: state.path, "holds no training state of this step") }
    try check(progress, of: state)
    let moments = training.groups["optimizer"] ?? [:]
    try program.optimizer.restore(step: progress.updates ?? progress.step) { moments[$0] }
    try network.parameters.restore(ParameterSnapshot(tensors: saved.parameters))
    network.batchCounts = saved.batchCounts
    (step, search) = (progress.step, progress.search)
    trainingSeconds = progress.trainingSeconds
    earlierSeconds = progress.seconds ?? 0
    resumesMeasured = progress.isMeasured ?? false
    return (progress.metrics, resumesMeasured)
  }
}
