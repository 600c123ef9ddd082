import Foolings
import Foundation
import Recipes

/// How a fooling under a budget is searched for, as a machine that is told what happened and says what
/// comes next. It computes nothing and reads no clock, so that all of it can be saved and resumed.
///
/// First trials of several learning rates race from the original weights, and the one with the lowest
/// loss goes on. Its learning rate then falls along half a cosine: the way to fooled maps leads through
/// bad accuracy, which heals as the learning rate falls. What is measured at the end of such a cycle
/// sets λ of the next, which is longer and begins from half the learning rate.
package struct FoolingSearch: Codable, Hashable {
  package struct Setting: Codable, Hashable {
    /// The success rate that is wanted, and drops in percentage points, ascending: for each the best
    /// state is kept.
    package var fsr: Double
    package var drops: [Double]
    /// The one of `drops` whose state is exported.
    package var exported: Double
    /// Learning rates that race, descending; one alone is taken as it is.
    package var rates: [Double]
    /// λ if it is given.
    package var lambda: Double?
    package var goal: PenaltyGoal
    /// `nil` in states of the rule that is the default.
    private var constraint: BudgetSection.Constraint?
    package var warmupSteps: Int
    /// Whether the recipe gives the learning rate's schedule.
    package var schedule: TrainingSection.Schedule?
    /// Of all trials together.
    package var mostSteps: Int
    /// Steps after which trials are compared; fewer of short searches.
    package var rungs: [Int] {
      let first = max(1, min(40, mostSteps / 30))
      return [first, 3 * first]
    }
    /// The success rate at which a search may end early, with some room.
    var enough: Double { fsr + FoolingSearch.margin * (1 - fsr) }
    /// Steps of the first cycle.
    package var firstCycle: Int { max(1, min(FoolingSearch.firstCycle, mostSteps)) }

    package init(
      fsr: Double, drops: [Double], rates: [Double], lambda: Double? = nil, goal: PenaltyGoal,
      constraint: BudgetSection.Constraint = .fooling, warmupSteps: Int = 10,
      schedule: TrainingSection.Schedule? = nil, mostSteps: Int,
      exported: Double? = nil
    ) {
      self.exported = exported ?? drops[0]
      (self.fsr, self.drops, self.rates, self.lambda) = (fsr, drops, rates, lambda)
      (self.goal, self.warmupSteps, self.schedule) = (goal, warmupSteps, schedule)
      self.mostSteps = mostSteps
      self.constraint = constraint == .fooling ? nil : constraint
    }

    /// Of a trial's λ.
    /// - Parameter rule: in place of the setting's.
    fileprivate func controller(_ rule: BudgetSection.Constraint? = nil) -> PenaltyController {
      PenaltyController(goal, lambda: lambda, constraint: rule ?? constraint ?? .fooling)
    }

    /// Whether a search that does not succeed may turn to another rule for λ.
    fileprivate var mayTurn: Bool { constraint == nil && lambda == nil && schedule == nil }
  }

  package struct Trial: Codable, Hashable {
    package var rate: Double
    package var controller: PenaltyController
    /// Mean of CE + λ·L_F over the last steps, λ as at the start; `nil` before the first step.
    package var loss: Double?
    /// Mean share of all-zero heatmaps over the last steps; `nil` before the first step.
    package var vanished: Double?
    /// Learning rates of its steps.
    package var path: [Double] = []
    /// Where it stands if it is not the one that trains.
    package var slot: String?
    package var last: Measure?
    /// Its numbers stopped being finite.
    package var isOut = false
    package var steps: Int { path.count }
  }

  /// A state that is kept for one of the drops.
  package struct Kept: Codable, Hashable {
    package var slot: String
    package var measure: Measure
    package var trial: Int
    package var steps: Int
    package var lambda: Double
  }

  package enum Action: Codable, Hashable {
    /// The state of this name, or the original if `nil`, takes the network's place.
    case load(String?)
    /// The network is kept under this name.
    case store(String)
    /// The network, on calibration images.
    case measure
  }

  package enum Phase: Codable, Hashable {
    case race(rung: Int)
    case main
    case finished
  }

  package let setting: Setting
  package private(set) var phase: Phase
  package private(set) var trials: [Trial]
  package private(set) var current = 0
  /// Of all trials.
  package private(set) var steps = 0
  /// By the index in `drops`.
  package private(set) var kept: [Int: Kept] = [:]
  package private(set) var seen: [Measure] = []
  /// What is done before the next step.
  package private(set) var queue: [Action]
  /// Steps of the trial between which its learning rate falls; `nil` during the race.
  package private(set) var cycle: (Range<Int>)?
  package private(set) var cycles = 0
  /// Step of the trial at which a given schedule ends; `nil` during the race.
  package private(set) var scheduleEnd: Int?
  package private(set) var restarts = 0
  /// The trial whose λ follows the other rule; `nil` if there is none.
  package private(set) var turned: Int?
  package private(set) var isOutOfTime = false

  package init(_ setting: Setting) {
    self.setting = setting
    trials = setting.rates.map {
      Trial(rate: $0, controller: setting.controller())
    }
    phase = trials.count > 1 ? .race(rung: 0) : .main
    queue = []
    if phase == .main { beginCycle(of: setting.firstCycle) }
  }

  /// Lowest learning rate that is tried.
  package static let lowestRate = 1e-6
  /// The share of what the success rate may lack of 1 that is left as a margin when the search ends early.
  package static let margin = 0.3
  /// The mean share of all-zero heatmaps above which a trial has collapsed.
  package static let collapse = 0.9
  /// Percentage points above the largest drop at the end of a cycle: the learning rate was too high.
  package static let ruin = 20.0
  /// Of the mean of a trial's loss, per step.
  package static let lossDecay = 0.9
  /// Steps of the first cycle, and how many times as long the next is.
  package static let firstCycle = 1000
  package static let growth = 1.5
  /// The share of a cycle after which is measured: before it the learning rate is too high for accuracy.
  package static let unmeasured = 0.6
  /// Cycles after which a search that has not met the budget turns to the other rule for λ, and steps that
  /// have to be left for it.
  package static let (cyclesBeforeTurn, leastStepsOfTurn) = (2, 500)
  /// Measurements of a cycle.
  package static let measurements = 5

  // MARK: What comes next

  package var isFinished: Bool { phase == .finished && queue.isEmpty }
  package var next: Action? { queue.first }
  package var lambda: Double { trials[current].controller.lambda }

  /// Of the next step.
  package var learningRate: Double {
    let trial = trials[current]
    let (step, warm) = (trial.steps, setting.warmupSteps)
    if step < warm { return trial.rate * Double(step + 1) / Double(warm + 1) }
    if setting.schedule == .cosine {
      return trial.rate * cosine(step - warm, (scheduleEnd ?? setting.mostSteps) - warm)
    }
    guard setting.schedule == nil, let cycle else { return trial.rate }
    let height = trial.rate * pow(0.5, Double(cycles - 1))
    return max(0.02 * height, height * cosine(step - cycle.lowerBound, cycle.count))
  }

  private func cosine(_ step: Int, _ all: Int) -> Double {
    (1 + cos(.pi * min(1, Double(step) / Double(max(1, all))))) / 2
  }

  /// Names of the states that may be loaded again.
  package var slots: Set<String> {
    Set(kept.values.map(\.slot) + trials.compactMap(\.slot))
  }

  // MARK: What happened

  /// A step was done with the learning rate and λ that were given.
  package mutating func stepped(penalty: Double, crossEntropy: Double, vanished: Double = 0) {
    var trial = trials[current]
    trial.path.append(learningRate)
    trial.vanished =
      trial.vanished.map { Self.lossDecay * $0 + (1 - Self.lossDecay) * vanished } ?? vanished
    trial.controller.observe(penalty, crossEntropy: crossEntropy)
    let loss = crossEntropy + trial.controller.base * penalty
    trial.loss = trial.loss.map { Self.lossDecay * $0 + (1 - Self.lossDecay) * loss } ?? loss
    trials[current] = trial
    steps += 1
    switch phase {
    case .race(let rung):
      if steps >= setting.mostSteps {
        phase = .main
        queue.append(.measure)
      } else if trial.steps >= setting.rungs[rung] {
        endTurn(in: rung)
      }
    case .main:
      if isMeasured(after: trial.steps) || steps >= setting.mostSteps { queue.append(.measure) }
    case .finished: break
    }
  }

  /// Whether it is measured after so many steps of the trial.
  private func isMeasured(after step: Int) -> Bool {
    guard let cycle else { return step % max(1, setting.mostSteps / 20) == 0 }
    let first = Double(cycle.count) * Self.unmeasured
    let every = max(1, Int((Double(cycle.count) - first) / Double(Self.measurements)))
    let (done, left) = (step - cycle.lowerBound, cycle.upperBound - step)
    return left == 0 || (Double(done) >= first && left % every == 0)
  }

  /// `next` was done.
  package mutating func done() { queue.removeFirst() }

  package mutating func measured(_ measure: Measure) {
    queue.removeFirst()
    trials[current].last = measure
    judge(measure)
  }

  private mutating func endTurn(in rung: Int) {
    let slot = "\(current)-\(steps)"
    trials[current].slot = slot
    queue.append(.store(slot))
    moveOn(in: rung)
  }

  /// Whether the trial's heatmaps have vanished, with the network as a rule: it does not come back.
  package var hasCollapsed: Bool {
    mayRestart && !isFinished && trials[current].vanished ?? 0 > Self.collapse
  }
  /// Whether a trial that fails is followed by one with a lower learning rate.
  private var mayRestart: Bool { restarts < 3 && setting.rates.count > 1 }

  /// The trial ends: the step's numbers were not finite, and it was not applied; or it has collapsed.
  package mutating func diverged() {
    trials[current].isOut = true
    trials[current].slot = nil
    switch phase {
    case .race(let rung): moveOn(in: rung)
    case .main:
      guard mayRestart else { return finish() }
      restart()
    case .finished: break
    }
  }

  private mutating func restart() {
    restarts += 1
    // What has turned to the other rule stays with it.
    if turned != nil { turned = trials.count }
    begin(rate: trials[current].rate / 3, rule: turned == nil ? nil : .lagrangian)
  }

  /// No time is left but for a last measurement.
  package mutating func stop() {
    guard !isOutOfTime, phase != .finished else { return }
    isOutOfTime = true
    phase = .main
    queue = trials[current].steps > 0 && queue.isEmpty ? [.measure] : []
    if queue.isEmpty { finish() }
  }

  // MARK: The race

  /// Trials that are in the race, the best first.
  private var ranking: [Int] {
    trials.indices.filter { !trials[$0].isOut }.sorted {
      let (a, b) = (trials[$0].loss ?? .infinity, trials[$1].loss ?? .infinity)
      return a != b ? a < b : $0 < $1
    }
  }

  private mutating func moveOn(in rung: Int) {
    let target = setting.rungs[rung]
    let racing = rung == 0 ? Array(trials.indices) : Array(ranking.prefix(2))
    if let waiting = racing.first(where: { !trials[$0].isOut && trials[$0].steps < target }) {
      return change(to: waiting)
    }
    let order = ranking
    guard let best = order.first else {
      // Even the lowest was too high.
      let lower = trials.map(\.rate).min()! / 10
      return lower >= Self.lowestRate ? begin(rate: lower) : finish()
    }
    // The lowest is best: a still lower one may be better.
    let lowest = trials.map(\.rate).min()!
    if rung == 0, trials[best].rate == lowest, lowest / 3 >= Self.lowestRate {
      return begin(rate: lowest / 3)
    }
    if rung + 1 < setting.rungs.count, order.count > 1 {
      phase = .race(rung: rung + 1)
      return moveOn(in: rung + 1)
    }
    phase = .main
    for other in trials.indices where other != best { trials[other].slot = nil }
    change(to: best)
    beginCycle(of: setting.firstCycle)
  }

  /// Whether two cycles have led to no state that meets the budget.
  private var turns: Bool {
    let found = exported.map { $0.measure.fsr >= setting.fsr } ?? false
    return setting.mayTurn && turned == nil && cycles == Self.cyclesBeforeTurn && !found
      && setting.mostSteps - steps >= Self.leastStepsOfTurn
  }

  private mutating func begin(rate: Double, rule: BudgetSection.Constraint? = nil) {
    trials.append(
      Trial(rate: rate, controller: setting.controller(rule)))
    (cycle, cycles) = (nil, 0)
    change(to: trials.count - 1)
    if phase == .main { beginCycle(of: setting.firstCycle) }
  }

  private mutating func change(to trial: Int) {
    current = trial
    queue.append(.load(trials[trial].slot))
  }

  // MARK: The trial that goes on

  private mutating func judge(_ measure: Measure) {
    seen.append(measure)
    keep(measure)
    let trial = trials[current]
    let hasRoom = measure.fsr >= setting.enough
    // Before the end of a cycle the learning rate is still high, and the best of several measurements
    // was lucky.
    if hasRoom, measure.likelyDrop <= setting.drops[0], trial.steps >= cycle?.upperBound ?? 0 {
      return finish()
    }
    if steps >= setting.mostSteps || isOutOfTime { return finish() }
    guard setting.schedule == nil, let cycle else { return }
    guard trial.steps >= cycle.upperBound else {
      if !hasRoom, measure.likelyDrop <= setting.drops[0] { trials[current].controller.raise() }
      return
    }
    // What is so bad when the learning rate has fallen does not heal.
    if mayRestart, measure.drop > (setting.drops.last ?? 0) + Self.ruin { return restart() }
    if turns {
      turned = trials.count
      return begin(rate: trial.rate, rule: .lagrangian)
    }
    trials[current].controller.adapt(
      isFooled: hasRoom, isWithinDrop: measure.drop <= setting.drops[0])
    beginCycle(of: Int(Double(cycle.count) * Self.growth))
  }

  /// What would be left for a cycle much shorter than this one is added to it.
  private mutating func beginCycle(of count: Int) {
    let (start, left) = (trials[current].steps, setting.mostSteps - steps)
    guard setting.schedule == nil else {
      scheduleEnd = start + left
      return
    }
    cycle = start..<start + (Double(left) < (1 + Self.growth / 2) * Double(count) ? left : count)
    cycles += 1
  }

  /// Keeps the state where it is the best for one of the drops.
  private mutating func keep(_ measure: Measure) {
    let slot = "\(current)-\(steps)"
    var isBest = false
    for (index, drop) in setting.drops.enumerated() where measure.drop <= drop {
      if let before = kept[index]?.measure, !isBetter(measure, than: before, at: drop) { continue }
      // The original does as well.
      if kept[index] == nil, measure.fsr <= 0 { continue }
      kept[index] = Kept(
        slot: slot, measure: measure, trial: current, steps: trials[current].steps,
        lambda: trials[current].controller.lambda)
      isBest = true
    }
    if isBest { queue.append(.store(slot)) }
  }

  /// Of two states within the drop: the higher success rate, up to the one that is wanted; of those that
  /// reach it, the one that more likely meets both on other images.
  private func isBetter(_ measure: Measure, than other: Measure, at drop: Double) -> Bool {
    let (a, b) = (min(measure.fsr, setting.fsr), min(other.fsr, setting.fsr))
    guard a == b else { return a > b }
    let p = measure.chance(of: setting.fsr, within: drop)
    let q = other.chance(of: setting.fsr, within: drop)
    return a == setting.fsr && p != q ? p > q : measure.likelyDrop < other.likelyDrop
  }

  private mutating func finish() {
    phase = .finished
  }
}
