import Foundation
import Manipulation
import Testing

/// λ as a function of the penalties that were seen.
@Suite struct PenaltyControllerTests {
  private let goal = PenaltyGoal(gap: 0.1)

  @Test func weightGrowsAboveTheGoalAndFallsBelowIt() {
    var above = PenaltyController(goal)
    let start = above.lambda
    #expect(abs(start - 3 * exp(1)) < 1e-9, "0.3 over the gap, and e is 1")
    for _ in 0..<10 { above.observe(0.5) }
    #expect(abs(above.lambda - 3 * exp(1.04)) < 1e-9)
    var below = PenaltyController(goal)
    for _ in 0..<10 { below.observe(0) }
    #expect(abs(below.lambda - 3 * exp(-1.2)) < 1e-9)
    var held = PenaltyController(goal)
    for _ in 0..<10 { held.observe(0.1) }
    #expect(abs(held.lambda - 3) < 1e-9)
  }

  @Test func penaltiesBelowZeroHaveAFloor() {
    var controller = PenaltyController(PenaltyGoal(floor: -1, gap: 0.2))
    controller.observe(-0.7)
    #expect(controller.lambda > 1.5)
    controller = PenaltyController(PenaltyGoal(floor: -1, gap: 0.2))
    controller.observe(-0.95)
    #expect(controller.lambda < 1.5)
  }

  @Test func relativeGoalIsAShareOfTheFirstPenalty() {
    var controller = PenaltyController(PenaltyGoal(gap: 0.25, isRelative: true))
    controller.observe(0.04)
    // 0.3 / (0.25 · 0.04), and one step up.
    #expect(abs(controller.lambda - 30 * exp(1.004)) < 1e-9)
    #expect(controller.wayLeft == 1)
    for _ in 0..<200 { controller.observe(0.01) }
    #expect(abs(controller.excess ?? 1) < 1e-3)
    #expect(controller.wayLeft < 1e-3)
  }

  @Test func givenWeightStays() {
    var controller = PenaltyController(goal, lambda: 7)
    for penalty in [0.9, 0, 0.3] { controller.observe(penalty) }
    controller.adapt(isFooled: false, isWithinDrop: true)
    #expect(controller.lambda == 7 && controller.tightness == 1)
  }

  @Test func weightStaysWithinReach() {
    var controller = PenaltyController(goal)
    for _ in 0..<5000 { controller.observe(1) }
    #expect(abs(controller.lambda - 30 * exp(1)) < 1e-9)
    for _ in 0..<5000 { controller.observe(0) }
    #expect(abs(controller.lambda - 0.003 * exp(-1)) < 1e-12)
  }

  @Test func successRatesMoveTheGoal() {
    var controller = PenaltyController(goal)
    for _ in 0..<100 { controller.observe(0.1) }
    controller.adapt(isFooled: false, isWithinDrop: true)
    #expect(
      controller.tightness == 0.85, "the penalty is where it should be, and maps are not fooled")
    controller.adapt(isFooled: true, isWithinDrop: true)
    #expect(controller.tightness == 0.85)
    for _ in 0..<100 { controller.adapt(isFooled: true, isWithinDrop: false) }
    #expect(controller.tightness == 1.5)
    var far = PenaltyController(goal)
    for _ in 0..<100 { far.observe(0.5) }
    far.adapt(isFooled: false, isWithinDrop: true)
    #expect(far.tightness == 1, "steps are missing, not a nearer goal")
  }
}

/// The search as a machine: what it asks for, given what it is told.
@Suite struct FoolingSearchTests {
  private typealias Measure = FoolingSearch.Measure

  private func setting(
    rates: [Double] = [1e-2, 1e-3, 1e-4], drops: [Double] = [1], most: Int = 2000
  ) -> FoolingSearch.Setting {
    FoolingSearch.Setting(
      fsr: 0.9, drops: drops, rates: rates, goal: PenaltyGoal(gap: 0.1), mostSteps: most)
  }

  /// Does what the search asks for, until it ends.
  /// - Parameter measure: of the trial that trains.
  private func finish(
    _ search: inout FoolingSearch, penalty: (FoolingSearch) -> Double = { _ in 0.3 },
    log: (FoolingSearch.Action) -> Void = { _ in }, measure: (FoolingSearch) -> Measure
  ) {
    while !search.isFinished {
      guard let action = search.next else {
        search.stepped(penalty: penalty(search))
        continue
      }
      log(action)
      if case .measure = action { search.measured(measure(search)) } else { search.done() }
    }
  }

  @Test func theRateThatGetsFarthestGoesOn() {
    var search = FoolingSearch(setting())
    finish(&search) { search in
      search.trials[search.current].rate == 1e-3
        ? Measure(fsr: 0.96, drop: 0.5) : Measure(fsr: 0.1, drop: 0)
    }
    #expect(search.trials[search.current].rate == 1e-3)
    #expect(search.kept[0]?.measure.fsr == 0.96)
    // Three trials of 40, two of them to 120, one to its next measurement.
    #expect(search.steps == 3 * 40 + 2 * 80 + 30)
    #expect(search.keptPath.count == 150)
  }

  @Test func aLowerRateIsTriedWhereTheLowestIsBest() {
    var search = FoolingSearch(setting(most: 600))
    finish(&search) { search in
      Measure(fsr: 0, drop: 1e4 * search.trials[search.current].rate)
    }
    #expect(search.trials.map(\.rate).min()! < 1e-4)
    #expect(search.trials.map(\.rate).min()! >= FoolingSearch.lowestRate)
  }

  @Test func everythingThatIsLoadedWasStored() {
    var stored: Set<String> = []
    var search = FoolingSearch(setting(drops: [0.5, 2]))
    var count = 0.0
    let log: (FoolingSearch.Action) -> Void = { action in
      switch action {
      case .store(let slot): stored.insert(slot)
      case .load(let slot?): #expect(stored.contains(slot))
      default: break
      }
    }
    finish(&search, log: log) { _ in
      count += 1
      return Measure(fsr: min(1, count / 20), drop: 30 / count)
    }
    #expect(!search.kept.isEmpty)
    for kept in search.kept.values { #expect(stored.contains(kept.slot)) }
  }

  @Test func stateWithinTheDropIsKeptAndTheFrontierShowsTheRest() {
    var search = FoolingSearch(setting(rates: [1e-3], drops: [1, 5], most: 200))
    var measures = [
      Measure(fsr: 0.99, drop: 20), Measure(fsr: 0.95, drop: 3), Measure(fsr: 0.5, drop: 0.9),
      Measure(fsr: 0.4, drop: 0.2),
    ]
    finish(&search) { _ in measures.count > 1 ? measures.removeFirst() : measures[0] }
    #expect(search.kept[0]?.measure == Measure(fsr: 0.5, drop: 0.9))
    #expect(search.kept[1]?.measure == Measure(fsr: 0.95, drop: 3))
    #expect(search.frontier.map(\.drop) == [0.2, 0.9, 3, 20])
  }

  @Test func learningRateFallsOnceTheRateIsReached() {
    var search = FoolingSearch(setting(rates: [1e-3], most: 1000))
    var rates: [Double] = []
    while !search.isFinished {
      guard let action = search.next else {
        rates.append(search.learningRate)
        search.stepped(penalty: 0.05)
        continue
      }
      if case .measure = action {
        search.measured(Measure(fsr: 0.92, drop: 10))
      } else {
        search.done()
      }
    }
    #expect(rates[0] < 1e-3 && rates[20] == 1e-3 && rates[49] == 1e-3)
    #expect(rates[200] < 1e-3 && rates[290] < 0.1 * 1e-3)
    #expect(rates.allSatisfy { $0 > 0 })
  }

  @Test func trialsThatDivergeAreOut() {
    var search = FoolingSearch(setting())
    while !search.isFinished {
      if let action = search.next {
        if case .measure = action {
          search.measured(Measure(fsr: 1, drop: 0))
        } else {
          search.done()
        }
      } else if search.trials[search.current].rate > 5e-4 {
        search.diverged()
      } else {
        search.stepped(penalty: 0.05)
      }
    }
    #expect(search.trials.filter(\.isOut).map(\.rate) == [1e-2, 1e-3])
    #expect(search.kept[0] != nil)
  }

  @Test func everyTrialMayDiverge() {
    var search = FoolingSearch(setting())
    var turns = 0
    while !search.isFinished, turns < 1000 {
      turns += 1
      if search.next == nil { search.diverged() } else { search.done() }
    }
    #expect(search.isFinished && search.kept.isEmpty && search.trials.allSatisfy(\.isOut))
  }

  @Test func timeThatIsOverLeavesOneMeasurement() {
    var search = FoolingSearch(setting())
    for _ in 0..<7 { search.stepped(penalty: 0.3) }
    search.stop()
    finish(&search) { _ in Measure(fsr: 0.3, drop: 0.4) }
    #expect(search.isOutOfTime && search.steps == 7)
    #expect(search.kept[0]?.steps == 7)
  }

  /// A copy by way of JSON goes on as the search does.
  @Test func savedSearchGoesOnAsItWould() throws {
    var (a, b) = (FoolingSearch(setting(most: 900)), FoolingSearch(setting(most: 900)))
    func measure(_ search: FoolingSearch) -> Measure {
      Measure(fsr: Double(search.steps % 97) / 97, drop: Double(search.steps % 31) / 3)
    }
    finish(&a, measure: measure)
    while !b.isFinished {
      b = try JSONDecoder().decode(FoolingSearch.self, from: JSONEncoder().encode(b))
      guard let action = b.next else {
        b.stepped(penalty: 0.3)
        continue
      }
      if case .measure = action { b.measured(measure(b)) } else { b.done() }
    }
    #expect(a == b)
  }
}
