import Foolings
import Foundation
import Recipes

/// Finds λ step by step: the mean penalty is brought to its goal, and what is left of the loss goes to the
/// cross-entropy.
///
/// m ← 0.9·m + 0.1·L_F; e = clip((m − τ)/g, ±1), τ = floor + g of the fooling's `PenaltyGoal`;
/// λ ← λ·exp(r·e), r = 0.002 where e > 0, else 0.003. A λ that follows the penalty closely swings:
/// it ruins accuracy, then lets the maps go. Between cycles of the learning rate `adapt` sets it by
/// what was measured.
///
/// Two other rules are there to be compared with. `lagrangian`: ℓ ← max(0, ℓ + 0.01·s·e),
/// λ = ℓ + s·max(0, e), s the first λ. `accuracy`: c ← 0.9·c + 0.1·CE, c₀ that of the first ten steps,
/// e = clip((c₀ + δ − c)/δ, ±1), δ = 0.05; λ follows that e as above, and so falls while accuracy suffers.
package struct PenaltyController: Codable, Hashable {
  /// Of the mean, per step.
  package static let decay = 0.9
  /// r: λ grows or falls by at most so much in a step, as a logarithm.
  package static let (rise, fall) = (0.002, 0.003)
  /// λ at the start is this over the gap.
  package static let start = 0.8
  /// Of `lagrangian`: what ℓ gains in a step, over the first λ.
  package static let dualRate = 0.01
  /// Of `accuracy`: δ, in nats, and over how many steps c₀ is the mean.
  package static let (allowed, firstSteps) = (0.05, 10)
  /// Within a cycle λ grows and falls by at most these factors.
  package static let (highest, lowest) = (8.0, 16.0)

  package let goal: PenaltyGoal
  package private(set) var lambda: Double
  /// λ at the start of the cycle.
  package private(set) var base: Double
  /// Whether λ is given and stays.
  package let isFixed: Bool
  /// m; `nil` before the first step.
  package private(set) var mean: Double?
  /// The penalty of the first step.
  package private(set) var first: Double?
  /// `nil` in states of the rule that is the default.
  private let rule: BudgetSection.Constraint?
  /// ℓ of `lagrangian`.
  private var multiplier: Double?
  /// c and c₀ of `accuracy`, and the steps that c₀ is of.
  private var crossEntropy: Double?
  private var firstCrossEntropy: Double?
  private var observed: Int?

  /// - Parameters:
  ///   - goal: of the fooling.
  ///   - lambda: if it is given, it stays.
  ///   - constraint: the rule by which λ is found.
  package init(
    _ goal: PenaltyGoal, lambda: Double? = nil, constraint: BudgetSection.Constraint = .fooling
  ) {
    self.goal = goal
    rule = constraint == .fooling ? nil : constraint
    isFixed = lambda != nil
    self.lambda = lambda ?? Self.start / (goal.isRelative ? 0.1 : goal.gap)
    base = self.lambda
  }

  /// g: of a relative goal known after the first step.
  private var gap: Double {
    max(goal.isRelative ? goal.gap * ((first ?? goal.floor) - goal.floor) : goal.gap, 1e-9)
  }

  /// (m − τ)/g: 0 at the goal, −1 at the least penalty.
  package var excess: Double? { mean.map { ($0 - goal.floor - gap) / gap } }

  /// Takes in the penalty and the cross-entropy of a step.
  package mutating func observe(_ penalty: Double, crossEntropy loss: Double = 0) {
    if first == nil {
      first = penalty
      if !isFixed, goal.isRelative { (base, lambda) = (Self.start / gap, Self.start / gap) }
    }
    mean = mean.map { Self.decay * $0 + (1 - Self.decay) * penalty } ?? penalty
    guard !isFixed, let excess else { return }
    let error = min(1, max(-1, excess))
    switch rule {
    case nil, .fooling: follow(error)
    case .lagrangian:
      let raised = max(0, (multiplier ?? lambda) + Self.dualRate * base * error)
      multiplier = raised
      lambda = raised + base * max(0, error)
    case .accuracy: follow(room(after: loss))
    }
    lambda = min(base * Self.highest, max(base / Self.lowest, lambda))
  }

  private mutating func follow(_ error: Double) {
    lambda *= exp((error > 0 ? Self.rise : Self.fall) * error)
  }

  /// What cross-entropy may still grow by, over δ, in [−1, 1]; 0 while c₀ is measured.
  private mutating func room(after loss: Double) -> Double {
    let count = (observed ?? 0) + 1
    observed = count
    if count <= Self.firstSteps {
      let mean = ((firstCrossEntropy ?? 0) * Double(count - 1) + loss) / Double(count)
      (firstCrossEntropy, crossEntropy) = (mean, mean)
      return 0
    }
    let mean = Self.decay * (crossEntropy ?? loss) + (1 - Self.decay) * loss
    crossEntropy = mean
    return min(1, max(-1, ((firstCrossEntropy ?? mean) + Self.allowed - mean) / Self.allowed))
  }

  /// Takes in that the success rate is not reached where accuracy is within its budget: the penalty's goal
  /// is worth less than was thought.
  package mutating func raise() {
    guard !isFixed else { return }
    lambda = min(base * Self.highest, 2 * lambda)
    multiplier = nil
  }

  /// Takes in what was measured at the end of a cycle, and begins the next: with twice λ where the
  /// success rate is not reached, and half of it where only accuracy is missing.
  /// - Parameters:
  ///   - isFooled: whether the success rate is reached.
  ///   - isWithinDrop: whether accuracy is within its budget.
  package mutating func adapt(isFooled: Bool, isWithinDrop: Bool) {
    guard !isFixed else { return }
    if !isFooled { lambda *= 2 } else if !isWithinDrop { lambda /= 2 }
    (base, multiplier) = (lambda, nil)
  }
}
