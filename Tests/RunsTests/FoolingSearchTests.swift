import Foundation
import Manipulation
import Testing

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
    crossEntropy: (FoolingSearch) -> Double = { _ in 0.1 },
    log: (FoolingSearch.Action) -> Void = { _ in }, measure: (FoolingSearch) -> Measure
  ) {
    while !search.isFinished {
      guard let action = search.next else {
        search.stepped(penalty: penalty(search), crossEntropy: crossEntropy(search))
        continue
      }
      log(action)
      if case .measure = action { search.measured(measure(search)) } else { search.done() }
    }
  }

  @Test func theRateOfTheLowestLossGoesOn() {
    var search = FoolingSearch(setting(most: 4000))
    finish(
      &search, crossEntropy: { abs(log10($0.trials[$0.current].rate) + 3) },
      measure: { _ in Measure(fsr: 0.98, drop: 0.5) })
    #expect(search.trials[search.current].rate == 1e-3)
    #expect(search.kept[0]?.measure.fsr == 0.98)
    // Three trials of 40, two of them to 120, one through a cycle of 1,000.
    #expect(search.steps == 3 * 40 + 2 * 80 + 1000)
    #expect(search.keptPath.count == 720, "of equal measurements the first is kept")
  }

  @Test func ratesRaceUnderAGivenScheduleToo() {
    var setting = setting(most: 1000)
    setting.schedule = .cosine
    var search = FoolingSearch(setting)
    finish(
      &search, crossEntropy: { abs(log10($0.trials[$0.current].rate) + 3) },
      measure: { _ in Measure(fsr: 0.5, drop: 0.5) })
    #expect(search.trials[search.current].rate == 1e-3)
    #expect(search.steps == 1000)
    let path = search.trials[search.current].path
    #expect(path.last! < 1e-7, "the schedule ends with the search")
  }

  @Test func theWayToFooledMapsDoesNotRuleARateOut() {
    // What the higher rate loses in cross-entropy it gains in the penalty, times λ = 8.
    var search = FoolingSearch(setting(rates: [1e-3, 1e-4]))
    finish(
      &search, penalty: { $0.trials[$0.current].rate == 1e-3 ? 0.1 : 0.4 },
      crossEntropy: { $0.trials[$0.current].rate == 1e-3 ? 2 : 0.1 },
      measure: { _ in Measure(fsr: 0.98, drop: 0.5) })
    #expect(search.trials[search.current].rate == 1e-3)
  }

  @Test func aLowerRateIsTriedWhereTheLowestIsBest() {
    var search = FoolingSearch(setting(most: 600))
    finish(
      &search, crossEntropy: { 1e4 * $0.trials[$0.current].rate },
      measure: { _ in Measure(fsr: 0, drop: 0) })
    #expect(search.trials.map(\.rate).min()! < 1e-4)
    #expect(search.trials.map(\.rate).min()! >= FoolingSearch.lowestRate)
  }

  @Test func luckyMeasurementsDoNotEndTheSearch() {
    var search = FoolingSearch(setting(rates: [1e-3], most: 4000))
    finish(&search) { search in
      let end = search.cycle!.upperBound
      return search.trials[0].steps < end
        ? Measure(fsr: 1, drop: 0.2, error: 0.9)
        : Measure(fsr: 1, drop: 0.4, error: search.cycles == 1 ? 0.8 : 0.3)
    }
    #expect(search.steps == 2500, "the first cycle ends with too large an error")
    #expect(search.kept[0]?.measure.drop == 0.4, "less is likely to be lost than by 0.2 ± 0.9")
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
      return Measure(fsr: min(1, count / 20), drop: 8 / count)
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

  @Test func whatHasCollapsedBeginsAnewWithALowerRate() {
    var search = FoolingSearch(setting(rates: [1e-2, 1e-3], most: 4000))
    while !search.isFinished, search.restarts == 0 {
      guard let action = search.next else {
        let vanishes = search.phase == .main && search.trials[search.current].steps > 300
        search.stepped(penalty: 0.3, crossEntropy: 0.1, vanished: vanishes ? 1 : 0)
        if search.hasCollapsed { search.diverged() }
        continue
      }
      if case .measure = action {
        search.measured(Measure(fsr: 0.5, drop: 2))
      } else {
        search.done()
      }
    }
    #expect(search.trials[search.current].rate == 1e-2 / 3)
    #expect(search.next == .load(nil))
    #expect(search.steps < 500, "\(search.steps)")
  }

  @Test func aRateThatIsGivenIsKeptWhateverVanishes() {
    var search = FoolingSearch(setting(rates: [1e-2], most: 100))
    for _ in 0..<50 where search.next == nil {
      search.stepped(penalty: 0.3, crossEntropy: 0.1, vanished: 1)
    }
    #expect(!search.hasCollapsed)
  }

  @Test func aCycleThatEndsInRuinsIsDoneAgainMoreGently() {
    var search = FoolingSearch(setting(rates: [1e-2, 1e-3], most: 6000))
    finish(&search) { search in
      Measure(fsr: 0.9, drop: search.trials[search.current].rate > 2e-3 ? 60 : 0.5)
    }
    #expect(search.restarts == 2)
    #expect(search.exported?.measure.drop == 0.5)
  }

  /// At the same rate, from the original weights, once, and for all steps that are left.
  @Test func aSearchThatFailsTurnsToTheOtherRule() {
    var search = FoolingSearch(setting(rates: [1e-3, 1e-4], most: 4000))
    var loads: [String?] = []
    finish(
      &search, crossEntropy: { abs(log10($0.trials[$0.current].rate) + 3) },
      log: { if case .load(let slot) = $0 { loads.append(slot) } },
      measure: { Measure(fsr: 0.99, drop: $0.turned == nil ? 3 : 0.5, error: 0.1) })
    #expect(search.turned == 2 && search.trials.count == 3 && search.restarts == 0)
    #expect(loads.last == .some(nil) && search.trials[2].rate == 1e-3)
    // 2 × 40 and 2 × 80 of the race, cycles of 1,000 and 1,500, then one of what is left.
    #expect(search.trials[0].steps == 2620 && search.steps == 4000)
    #expect(search.exported?.trial == 2 && search.exported?.measure.drop == 0.5)
  }

  /// A trial that collapses after the turn is followed by one with a lower rate by the same rule: λ of the
  /// Lagrangian starts to grow at once, by 1 % of the first.
  @Test func whatHasTurnedStaysWithItsRule() {
    var search = FoolingSearch(setting(rates: [1e-3, 1e-4], most: 6000))
    while !search.isFinished, search.restarts == 0 {
      guard let action = search.next else {
        let vanishes = search.turned != nil
        search.stepped(penalty: 0.3, crossEntropy: 0.1, vanished: vanishes ? 1 : 0)
        if search.turned != nil, search.hasCollapsed { search.diverged() }
        continue
      }
      if case .measure = action {
        search.measured(Measure(fsr: 0.99, drop: 3, error: 0.1))
      } else {
        search.done()
      }
    }
    #expect(search.turned == 3 && search.trials.count == 4)
    for _ in 0..<2 {
      while search.next != nil { search.done() }
      search.stepped(penalty: 0.3, crossEntropy: 0.1)
    }
    let trial = search.trials[3].controller
    #expect(abs(trial.lambda - trial.base * (1 + 2 * 0.01 + 1)) < 1e-9, "\(trial.lambda)")
  }

  @Test func aSearchThatHasAStateOrARuleOfItsOwnDoesNotTurn() {
    for (constraint, drop) in [
      (BudgetSection.Constraint.fooling, 0.95), (.lagrangian, 3), (.accuracy, 3),
    ] {
      var search = FoolingSearch(
        FoolingSearch.Setting(
          fsr: 0.9, drops: [1], rates: [1e-3, 1e-4],
          goal: PenaltyGoal(floor: 0, gap: 0.1, isRelative: false), constraint: constraint,
          mostSteps: 4000))
      // Within the budget, and not by enough to end.
      finish(&search) { _ in Measure(fsr: 0.99, drop: drop, error: 0.5) }
      #expect(search.turned == nil && search.steps == 4000, "\(constraint)")
    }
  }

  @Test(
    arguments: [
      // Both reach the goal: the one with more room for the drop, unless its success rate is a matter
      // of luck.
      (0.99, 0.9, 0.92, 0.2, second: true), (0.99, 0.6, 0.901, 0.5, second: false),
      (1.0, 0.9, 0.99, 0.2, second: true), (0.89, 0.0, 0.9, 0.99, second: true),
      (0.89, 0.0, 0.88, 0.0, second: false),
    ])
  func whatLikelyMeetsBothOnOtherImagesIsKept(
    fsr: Double, drop: Double, other: Double, otherDrop: Double, second: Bool
  ) {
    var search = FoolingSearch(setting(rates: [1e-3], most: 200))
    var measures = [(fsr, drop), (other, otherDrop), (0.1, 5)].map {
      Measure(fsr: $0, drop: $1, error: 0.5, fsrError: 0.01)
    }
    let (first, next) = (measures[0], measures[1])
    finish(&search) { _ in measures.count > 1 ? measures.removeFirst() : measures[0] }
    #expect(search.kept[0]?.measure == (second ? next : first))
  }

  @Test func chanceIsThatOfTwoNormalDeviations() {
    let measure = Measure(fsr: 0.96, drop: 0.5, error: 0.5, fsrError: 0.01)
    // Φ(1)²
    #expect(abs(measure.chance(of: 0.95, within: 1) - 0.841_344_746 * 0.841_344_746) < 1e-8)
    #expect(Measure(fsr: 0.95, drop: 1).chance(of: 0.95, within: 1) == 1)
    #expect(Measure(fsr: 0.94, drop: 1).chance(of: 0.95, within: 1) == 0)
  }

  @Test func learningRateFallsInCyclesOfWhichTheNextIsLongerAndLower() {
    var search = FoolingSearch(setting(rates: [1e-3], most: 4000))
    var (rates, lambdas): ([Double], [Double]) = ([], [])
    // One state within the budget, so that it does not turn to another rule.
    var measures = [Measure(fsr: 0.92, drop: 0.9, error: 0.5)]
    while !search.isFinished {
      guard let action = search.next else {
        rates.append(search.learningRate)
        lambdas.append(search.lambda)
        search.stepped(penalty: 0.1, crossEntropy: 0.1)
        continue
      }
      if case .measure = action {
        search.measured(measures.popLast() ?? Measure(fsr: 0.99, drop: 10))
      } else {
        search.done()
      }
    }
    #expect(rates.count == 4000 && rates.allSatisfy { $0 > 0 })
    #expect(rates[0] < 1e-3 && abs(rates[10] - 1e-3) < 1e-6 && rates[999] < 0.03 * 1e-3)
    // 1,000, 1,500 and what is left.
    #expect(abs(rates[1000] - 5e-4) < 1e-6 && rates[2499] < 0.03 * 5e-4)
    #expect(abs(rates[2500] - 2.5e-4) < 1e-6 && rates[3999] < 0.03 * 2.5e-4)
    #expect(abs(lambdas[0] - 8) < 1e-9 && abs(lambdas[1000] - 4) < 1e-9)
    #expect(abs(lambdas[3999] - 2) < 1e-9, "only accuracy is missing")
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
        search.stepped(penalty: 0.05, crossEntropy: 0.1)
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
    for _ in 0..<7 { search.stepped(penalty: 0.3, crossEntropy: 0.1) }
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
        b.stepped(penalty: 0.3, crossEntropy: 0.1)
        continue
      }
      if case .measure = action { b.measured(measure(b)) } else { b.done() }
    }
    #expect(a == b)
  }
}
