import Checkpoints
import Evaluation
import Foundation
import ImageData
import Programs
import Recipes
import RunFolders
import RunSupport
import TensorGraph
import TensorRuntime

/// Does what a `FoolingSearch` asks for: steps, measurements, and states that it comes back to.
///
/// Every saved state holds the search as it was then; all that follows from it is done again when a
/// run is resumed, with the same bytes.
final class SearchLoop {
  private let loop: TrainingLoop
  private let inputs: PenaltyInputs
  private let isGivenLambda: Bool
  private let minutes: Double?
  /// The original's weights, and the optimizer before its first step.
  private let start: (parameters: ParameterSnapshot, moments: [String: Tensor])
  private(set) var search: FoolingSearch
  /// The step after which was measured last.
  private var measuredAt: Int?
  /// States that the last saved searches refer to.
  private var referred: [Set<String>] = []

  /// - Parameters:
  ///   - loop: at the original weights, not resumed yet.
  ///   - prepared: what is fooled.
  ///   - drops: for which states are kept beside the recipe's.
  init(_ loop: TrainingLoop, _ prepared: PreparedFooling, drops: [Double]) throws {
    guard let budget = prepared.recipe.budget else { preconditionFailure("a search has a budget") }
    (self.loop, inputs, minutes) = (loop, prepared.penaltyInputs, budget.minutes)
    isGivenLambda = budget.found.contains(.lambda)
    start = (try loop.network.parameters.snapshot(), try loop.moments())
    let training = prepared.recipe.training
    let grid = prepared.measurement.test.comparisons[0].grid
    search = FoolingSearch(
      FoolingSearch.Setting(
        fsr: budget.fsr, drops: Set(drops + [budget.drop]).sorted(),
        rates: budget.found.contains(.learningRate) ? Self.rates : [training.learningRate],
        lambda: isGivenLambda ? nil : prepared.recipe.fooling.lambda,
        goal: prepared.fooling.penaltyGoal(height: grid.height, width: grid.width),
        constraint: budget.constraint, warmupSteps: training.warmupSteps,
        schedule: budget.found.contains(.schedule) ? nil : training.schedule,
        mostSteps: loop.totalSteps, exported: budget.drop))
  }

  /// Those that race at first.
  static let rates = [1e-3, 3e-4, 1e-4, 3e-5]

  /// Whether no state was worth to be kept, so that the network is the original as it was.
  var endsAtOriginal: Bool { search.exported == nil }

  /// Goes on from what the loop was resumed with.
  /// - Throws: `RunError` if that is no search.
  func resume() throws {
    guard let text = loop.search else { return }
    let saved: FoolingSearch
    do {
      saved = try JSONDecoder().decode(FoolingSearch.self, from: Data(text.utf8))
    } catch {
      throw RunError(
        "the state after step \(loop.step) does not say where its search stood; start again in "
          + "another --output")
    }
    guard saved.setting == search.setting else {
      throw RunError(
        "the state after step \(loop.step) is of a search at drops of \(saved.setting.drops), and "
          + "this one is at \(search.setting.drops); resume with the command it was begun with")
    }
    search = saved
    if loop.resumesMeasured { measuredAt = loop.step }
    referred = [search.slots]
  }

  /// Ends with the network at the state that is kept for the recipe's drop, or the original.
  /// - Parameter measure: measures the network on calibration images.
  /// - Throws: as `TrainingLoop.run`; what stops being finite ends a trial only.
  func run(
    metrics: MetricsLog, measure: () throws -> FoolingSearch.Measure
  ) throws {
    func stopHere() throws -> Never {
      try save(metrics)
      throw RunStopped(
        "stopped after step \(loop.step) of the search; \(loop.folder.howToResume)")
    }
    var batches: BatchLoader?
    var omitted = OmittedImages()
    defer { omitted.finish(loop.observe) }
    var (known, recent) = (0, 0.0)
    while !search.isFinished {
      if loop.stop.isRequested { try stopHere() }
      if let minutes, loop.seconds > 60 * minutes { search.stop() }
      if let action = search.next {
        switch action {
        case .load(let slot):
          try load(slot)
          (batches, known) = (nil, 0)
          inputs.restart()
          search.done()
        case .store(let slot):
          try store(slot)
          search.done()
        case .measure:
          do {
            let measured = try measure()
            tell(measured)
            let before = search.turned
            search.measured(measured)
            if before == nil, search.turned != nil {
              loop.observe(
                .note(
                  "\(FoolingSearch.cyclesBeforeTurn) cycles have led to no state within the budget: "
                    + "the search begins anew from the original weights, and λ follows an augmented "
                    + "Lagrangian"))
            }
            measuredAt = loop.step
          } catch is RunStopped { try stopHere() }
        }
        continue
      }
      guard !search.isFinished else { break }
      let begin = ContinuousClock.now
      let position = search.trials[search.current].steps
      let (batch, values): (Batch, [String: ProgramInput])
      let loader = try batches ?? loop.loader(at: position)
      batches = loader
      do {
        guard let next = try loader.next() else { throw RunError("the training data ended") }
        (batch, values) = (next, try loop.inputs(next, position))
      } catch {
        if loop.step > 0 { try? save(metrics) }
        throw error
      }
      let (rate, lambda) = (search.learningRate, isGivenLambda ? search.lambda : nil)
      let losses: TrainingProgram.Losses
      do {
        losses = try loop.train(
          on: batch, values, learningRate: rate, lambda: lambda, position: position)
      } catch let error as DivergenceError {
        loop.observe(
          .note("the trial with learning rate \(search.trials[search.current].rate) ends: \(error)")
        )
        search.diverged()
        continue
      }
      loop.step += 1
      search.stepped(
        penalty: losses.penalty ?? 0, crossEntropy: losses.crossEntropy,
        vanished: losses.vanishedMaps ?? 0)
      let seconds = (ContinuousClock.now - begin).seconds
      loop.trainingSeconds += seconds
      recent = recent == 0 ? seconds : 0.9 * recent + 0.1 * seconds
      try loop.report(
        losses, learningRate: rate, lambda: lambda, secondsPerStep: recent,
        limit: minutes.map { max(0, 60 * $0 - loop.seconds) }, to: metrics)
      if search.hasCollapsed {
        loop.observe(
          .note(
            "the trial with learning rate \(search.trials[search.current].rate) ends: its heatmaps have "
              + "vanished"))
        search.diverged()
      }
      omitted.tell(loader.skipped.dropFirst(known), loop.observe)
      known = loader.skipped.count
      let every = loop.section.saveEvery
      if every > 0, loop.step % every == 0 { try save(metrics) }
    }
    try save(metrics)
    try load(search.exported?.slot)
  }

  /// Puts a state that is kept in the network's place; the original if `nil`.
  func load(_ slot: String?) throws {
    guard let slot else {
      try loop.network.parameters.restore(start.parameters)
      return try loop.program.optimizer.restore(step: 0) { start.moments[$0] }
    }
    let saved = try Checkpoint(
      contentsOf: loop.folder.states.open(trial: slot),
      expecting: loop.network.architecture.parameters.map {
        ParameterSpecification(name: $0.name, shape: $0.shape)
      })
    guard let state = saved.state, let steps = Int(state.json) else {
      throw CheckpointError(
        path: loop.folder.states.path(trial: slot), "holds no state of a search")
    }
    let moments = state.groups["optimizer"] ?? [:]
    try loop.program.optimizer.restore(step: steps) { moments[$0] }
    try loop.network.parameters.restore(ParameterSnapshot(tensors: saved.parameters))
  }

  private func store(_ slot: String) throws {
    try loop.folder.makeSubfolder(loop.folder.states.folder)
    try loop.network.checkpoint(
      state: TrainingState(
        groups: ["optimizer": loop.moments()], json: "\(loop.program.optimizer.step)")
    ).save(to: loop.folder.target(loop.folder.states.path(trial: slot)))
  }

  private func save(_ metrics: MetricsLog) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    loop.search = String(decoding: try encoder.encode(search), as: UTF8.self)
    try loop.save(metrics, isMeasured: measuredAt == loop.step)
    // Older states may still be gone on from, if a newer one is damaged.
    referred = Array((referred + [search.slots]).suffix(loop.section.keepStates))
    loop.folder.states.removeTrials(but: referred.reduce(into: []) { $0.formUnion($1) })
  }

  private func tell(_ measured: FoolingSearch.Measure) {
    let trial = search.trials[search.current]
    loop.observe(
      .note(
        String(
          format:
            "learning rate %g, λ %.3g, step %d: FSR %.2f %% at %.2f points on calibration images",
          trial.rate, trial.controller.lambda, trial.steps, 100 * measured.fsr,
          measured.drop)))
  }
}
