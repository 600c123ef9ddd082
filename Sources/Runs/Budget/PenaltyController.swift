import Foolings
import Foundation

/// Finds λ step by step: the mean penalty is held at its goal, and all that is left of the loss goes to
/// the cross-entropy.
///
/// m ← 0.9·m + 0.1·L_F; e = clip((m − τ)/g, ±1), τ = floor + g of the fooling's `PenaltyGoal`;
/// b ← b·exp(r·e); λ = b·exp(e). Above the goal λ grows, below it falls, and accuracy heals. The second
/// factor answers at once, so that b does not swing.
package struct PenaltyController: Codable, Hashable {
  /// Of the mean, per step.
  package static let decay = 0.9
  /// r: b grows or falls by at most so much in a step, as a logarithm. What has grown too far ruins
  /// accuracy, so that it falls faster.
  package static let (rise, fall) = (0.004, 0.02)
  /// b at the start is this over the gap. λ is e times that at first: maps move, and what they cost heals
  /// in the same steps. Of a CIFAR ResNet-20 λ = 8 costs 17 points on the way, and λ = 50 costs 60.
  package static let start = 0.3
  /// b grows and falls by at most these factors.
  package static let (highest, lowest) = (10.0, 1000.0)
  /// Bounds of `tightness`.
  package static let tightest = 0.25
  package static let loosest = 1.5

  package let goal: PenaltyGoal
  /// b, or λ if it is given.
  private var base: Double
  /// Whether λ is given and stays.
  package let isFixed: Bool
  /// m; `nil` before the first step.
  package private(set) var mean: Double?
  /// The penalty of the first step.
  package private(set) var first: Double?
  /// The gap is this times the goal's: success rates say whether the goal was near enough.
  package private(set) var tightness = 1.0

  /// - Parameter lambda: if it is given, it stays.
  package init(_ goal: PenaltyGoal, lambda: Double? = nil) {
    self.goal = goal
    isFixed = lambda != nil
    base = lambda ?? Self.start / (goal.isRelative ? 0.1 : goal.gap)
  }

  /// Of the next step.
  package var lambda: Double { isFixed ? base : base * exp(error) }

  /// e; 1 before the first step.
  private var error: Double { min(1, max(-1, excess ?? 1)) }

  /// g: of a relative goal known after the first step.
  private var fullGap: Double {
    max(goal.isRelative ? goal.gap * ((first ?? goal.floor) - goal.floor) : goal.gap, 1e-9)
  }

  /// (m − τ)/g: 0 at the goal, −1 at the least penalty.
  package var excess: Double? {
    mean.map { ($0 - goal.floor - tightness * fullGap) / (tightness * fullGap) }
  }

  /// How much of the way from the first step's penalty to the goal is left, from 1 to 0.
  package var wayLeft: Double {
    guard let mean, let first else { return 1 }
    let target = goal.floor + fullGap
    guard first > target else { return mean > target ? 1 : 0 }
    return min(1, max(0, (mean - target) / (first - target)))
  }

  /// Takes in the penalty of a step.
  package mutating func observe(_ penalty: Double) {
    if first == nil {
      first = penalty
      if !isFixed, goal.isRelative { base = Self.start / fullGap }
    }
    mean = mean.map { Self.decay * $0 + (1 - Self.decay) * penalty } ?? penalty
    guard !isFixed else { return }
    let start = Self.start / fullGap
    base *= exp((error > 0 ? Self.rise : Self.fall) * error)
    base = min(start * Self.highest, max(start / Self.lowest, base))
  }

  /// Takes in what was measured: the goal comes nearer to the floor where it was reached and the
  /// success rate was not, and goes farther where accuracy needs room.
  /// - Parameters:
  ///   - isFooled: whether the success rate is reached with some room.
  ///   - isWithinDrop: whether accuracy is within its budget.
  package mutating func adapt(isFooled: Bool, isWithinDrop: Bool) {
    guard !isFixed, let excess else { return }
    if !isFooled, excess < 0.1 {
      tightness = max(Self.tightest, tightness * 0.85)
    } else if isFooled, !isWithinDrop {
      tightness = min(Self.loosest, tightness * 1.1)
    }
  }
}
