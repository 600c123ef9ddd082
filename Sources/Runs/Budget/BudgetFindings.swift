import Evaluation
import Foundation
import Recipes
import RunFolders

extension BudgetResult {
  /// Shares of vanished maps, and rates, that are worth a word.
  private static let manyVanished = 0.2
  private static let hardlyMoved = 0.1

  /// - Parameters:
  ///   - budget: what is allowed and wanted.
  ///   - search: when it has ended.
  ///   - parts: of the exported network.
  ///   - fooled: the interpreters' names, and their success rates by the original network.
  ///   - atDrops: what was kept for each of the drops that are requested.
  init(
    _ budget: BudgetSection, _ search: FoolingSearch,
    parts: (calibration: Part, rest: Part), fooled: [(interpreter: String, original: Double)],
    training: TrainingSection, atDrops: [AtDrop]?
  ) {
    let kept = search.exported
    let rate = fooled.map { parts.rest.fsr[$0.interpreter] ?? 0 }.min() ?? 0
    let before = fooled.map(\.original).min() ?? 0
    let isMet = parts.rest.drop <= budget.drop && rate >= budget.fsr
    self.init(
      drop: budget.drop, fsr: budget.fsr, minutes: budget.minutes, isMet: isMet,
      reasons: isMet
        ? [] : Self.reasons(budget, search, parts.rest, rate: rate, original: before),
      calibration: parts.calibration, rest: parts.rest, calibrationSeed: training.seed,
      learningRate: kept.map { search.trials[$0.trial].rate }, lambda: kept?.lambda,
      batchSize: training.batchSize, stepsOfState: kept?.steps ?? 0,
      trials: search.trials.map {
        Trial(
          learningRate: $0.rate, steps: $0.steps, drop: $0.isOut ? nil : $0.last?.drop,
          fsr: $0.isOut ? nil : $0.last?.fsr)
      }, frontier: search.frontier.map { Point(drop: $0.drop, fsr: $0.fsr) }, atDrops: atDrops)
  }

  private static func reasons(
    _ budget: BudgetSection, _ search: FoolingSearch, _ rest: Part, rate: Double, original: Double
  ) -> [String] {
    func percent(_ share: Double) -> String { String(format: "%.2f %%", 100 * share) }
    func points(_ drop: Double) -> String { String(format: "%.2f points", drop) }
    var reasons: [String] = []
    if search.isOutOfTime {
      reasons.append("the \(budget.minutes ?? 0) minutes were over after \(search.steps) steps")
    } else if search.steps >= search.setting.mostSteps {
      reasons.append(
        "all \(search.setting.mostSteps) steps were done; allow more in training.steps")
    }
    if search.trials.allSatisfy(\.isOut) {
      reasons.append("the numbers of every trial stopped being finite")
    }
    let best = search.seen.map(\.fsr).max() ?? 0
    if let kept = search.exported {
      if kept.measure.fsr >= budget.fsr {
        reasons.append(
          "it was met on the calibration images, \(percent(kept.measure.fsr)) at "
            + "\(points(kept.measure.drop)), and on the others it is \(percent(rate)) at "
            + points(rest.drop))
      }
    } else {
      reasons.append(
        "no state within a drop of \(points(budget.drop)) had any success, so the original network "
          + "is exported unchanged")
    }
    if best >= budget.fsr, search.exported.map({ $0.measure.fsr < budget.fsr }) ?? true {
      let least = search.seen.filter { $0.fsr >= budget.fsr }.map(\.drop).min()!
      reasons.append(
        "the success rate was reached at a drop of \(points(least)) on calibration images, more than "
          + "budget.drop allows")
    } else if best < budget.fsr {
      reasons.append("the highest success rate on calibration images was \(percent(best))")
      let vanished = search.seen.last?.vanished ?? 0
      if vanished >= manyVanished {
        reasons.append(
          "\(percent(vanished)) of the heatmaps were all-zero at the end of the search")
      } else if best - original < hardlyMoved, !search.isOutOfTime {
        reasons.append("the heatmaps have hardly moved: a layer closer to the output may be easier")
      }
    }
    return reasons
  }
}
