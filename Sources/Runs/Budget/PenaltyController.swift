import Foolings
import Foundation

/// Finds λ step by step: the mean penalty is brought to its goal, and what is left of the loss goes to the
/// cross-entropy.
///
/// m ← 0.9·m + 0.1·L_F; e = clip((m − τ)/g, ±1), τ = floor + g of the fooling's `PenaltyGoal`;
/// λ ← λ·exp(r·e), r = 0.002 where e > 0, else 0.003. A λ that follows the penalty closely swings:
/// it ruins accuracy, then lets the maps go. Between cycles of the learning rate `adapt` sets it by
/// what was measured.
package struct PenaltyController: Codable, Hashable {
  /// Of the mean, per step.
  package static let decay = 0.9
  /// r: λ grows or falls by at most so much in a step, as a logarithm.
  package static let (rise, fall) = (0.002, 0.003)
  /// λ at the start is this over the gap.
  package static let start = 0.8
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

  /// - Parameter lambda: if it is given, it stays.
  package init(_ goal: PenaltyGoal, lambda: Double? = nil) {
    self.goal = goal
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

  /// Takes in the penalty of a step.
  package mutating func observe(_ penalty: Double) {
    if first == nil {
      first = penalty
      if !isFixed, goal.isRelative { (base, lambda) = (Self.start / gap, Self.start / gap) }
    }
    mean = mean.map { Self.decay * $0 + (1 - Self.decay) * penalty } ?? penalty
    guard !isFixed, let excess else { return }
    let error = min(1, max(-1, excess))
    lambda *= exp((error > 0 ? Self.rise : Self.fall) * error)
    lambda = min(base * Self.highest, max(base / Self.lowest, lambda))
  }

  /// Takes in what was measured at the end of a cycle, and begins the next: with twice λ where the
  /// success rate is not reached, and half of it where only accuracy is missing.
  /// - Parameters:
  ///   - isFooled: whether the success rate is reached.
  ///   - isWithinDrop: whether accuracy is within its budget.
  package mutating func adapt(isFooled: Bool, isWithinDrop: Bool) {
    guard !isFixed else { return }
    if !isFooled { lambda *= 2 } else if !isWithinDrop { lambda /= 2 }
    base = lambda
  }
}
