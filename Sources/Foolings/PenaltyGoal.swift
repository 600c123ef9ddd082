/// How far a penalty has to fall before the fooling's test is passed with some room: what a budget
/// holds the mean penalty of a step to.
public struct PenaltyGoal: Hashable, Sendable, Codable {
  /// About the least that the penalty can be.
  public let floor: Double
  /// How far above `floor` the penalty may stay; of the first step's distance a share if `isRelative`.
  public let gap: Double
  /// Whether the penalty has no unit in common with the test.
  public let isRelative: Bool

  public init(floor: Double = 0, gap: Double, isRelative: Bool = false) {
    (self.floor, self.gap, self.isRelative) = (floor, gap, isRelative)
  }
}

extension Fooling {
  /// Where penalty and test have nothing in common: a quarter of what it was.
  public func penaltyGoal(height: Int, width: Int) -> PenaltyGoal {
    PenaltyGoal(gap: 0.25, isRelative: true)
  }
}
