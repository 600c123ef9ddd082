import Foundation
import Manipulation
import Testing

/// λ as a function of the penalties that were seen.
@Suite struct PenaltyControllerTests {
  private let goal = PenaltyGoal(gap: 0.1)

  @Test func weightGrowsAboveTheGoalAndFallsBelowIt() {
    var above = PenaltyController(goal)
    #expect(abs(above.lambda - 8) < 1e-9, "0.8 over the gap")
    for _ in 0..<10 { above.observe(0.5) }
    #expect(abs(above.lambda - 8 * exp(0.02)) < 1e-9)
    var below = PenaltyController(goal)
    for _ in 0..<10 { below.observe(0) }
    #expect(abs(below.lambda - 8 * exp(-0.03)) < 1e-9)
    var held = PenaltyController(goal)
    for _ in 0..<10 { held.observe(0.1) }
    #expect(abs(held.lambda - 8) < 1e-9)
  }

  @Test func penaltiesBelowZeroHaveAFloor() {
    var controller = PenaltyController(PenaltyGoal(floor: -1, gap: 0.2))
    controller.observe(-0.7)
    #expect(controller.lambda > 4)
    controller = PenaltyController(PenaltyGoal(floor: -1, gap: 0.2))
    controller.observe(-0.95)
    #expect(controller.lambda < 4)
  }

  @Test func relativeGoalIsAShareOfTheFirstPenalty() {
    var controller = PenaltyController(PenaltyGoal(gap: 0.25, isRelative: true))
    controller.observe(0.04)
    // 0.8 / (0.25 · 0.04), and one step up.
    #expect(abs(controller.lambda - 80 * exp(0.002)) < 1e-9)
    for _ in 0..<200 { controller.observe(0.01) }
    #expect(abs(controller.excess ?? 1) < 1e-3)
  }

  @Test func givenWeightStays() {
    var controller = PenaltyController(goal, lambda: 7)
    for penalty in [0.9, 0, 0.3] { controller.observe(penalty) }
    controller.adapt(isFooled: false, isWithinDrop: true)
    #expect(controller.lambda == 7)
  }

  /// ℓ grows by 0.01·s·e a step, and λ stands s·e above it while the penalty is above its goal.
  @Test func augmentedLagrangianPaysForWhatIsViolated() {
    var controller = PenaltyController(goal, constraint: .lagrangian)
    for _ in 0..<10 { controller.observe(0.5) }
    #expect(abs(controller.lambda - (8 * (1 + 0.1) + 8)) < 1e-9)
    var below = PenaltyController(goal, constraint: .lagrangian)
    for _ in 0..<10 { below.observe(0) }
    #expect(abs(below.lambda - 8 * (1 - 0.1)) < 1e-9)
  }

  @Test func accuracyAsTheConstraintTakesFromThePenalty() {
    var suffering = PenaltyController(goal, constraint: .accuracy)
    var sound = suffering
    for step in 0..<60 {
      suffering.observe(0.5, crossEntropy: step < 10 ? 0.2 : 2)
      sound.observe(0.5, crossEntropy: 0.2)
    }
    // While c₀ is measured nothing changes; a mean that is δ above it is the first to lower λ.
    #expect(suffering.lambda < 8 && sound.lambda > 8)
    #expect(abs(sound.lambda - 8 * exp(0.002 * 50)) < 1e-9)
  }

  @Test func weightStaysWithinReach() {
    var controller = PenaltyController(goal)
    for _ in 0..<5000 { controller.observe(1) }
    #expect(abs(controller.lambda - 64) < 1e-9)
    for _ in 0..<9000 { controller.observe(0) }
    #expect(abs(controller.lambda - 0.5) < 1e-9)
  }

  @Test func measurementsSetTheNextWeight() {
    var controller = PenaltyController(goal)
    controller.adapt(isFooled: false, isWithinDrop: false)
    #expect(controller.lambda == 16, "fooling comes first")
    controller.adapt(isFooled: true, isWithinDrop: true)
    #expect(controller.lambda == 16)
    controller.adapt(isFooled: true, isWithinDrop: false)
    #expect(controller.lambda == 8)
    for _ in 0..<9000 { controller.observe(0) }
    #expect(abs(controller.lambda - 0.5) < 1e-9, "a sixteenth of that of the cycle's start")
  }
}
