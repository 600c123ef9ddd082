import Foundation

/// What a search under a budget found, in `summary.json`. Success rates and accuracies are shares in
/// [0, 1]; drops are percentage points.
public struct BudgetResult: Codable, Hashable, Sendable {
  /// What was measured on a part of the validation images.
  public struct Part: Codable, Hashable, Sendable {
    public var images: Int
    public var top1Original: Double
    public var top1: Double
    /// Original minus manipulated, in percentage points.
    public var drop: Double
    /// By interpreter, on the tested images of this part.
    public var fsr: [String: Double]

    package init(
      images: Int, top1Original: Double, top1: Double, drop: Double, fsr: [String: Double]
    ) {
      (self.images, self.top1Original, self.top1) = (images, top1Original, top1)
      (self.drop, self.fsr) = (drop, fsr)
    }
  }
  /// A success rate and what it cost.
  public struct Point: Codable, Hashable, Sendable {
    public var drop: Double
    public var fsr: Double

    package init(drop: Double, fsr: Double) { (self.drop, self.fsr) = (drop, fsr) }
  }
  /// Steps from the original weights with one learning rate.
  public struct Trial: Codable, Hashable, Sendable {
    public var learningRate: Double
    public var steps: Int
    /// Last measured on calibration images; `nil` if numbers stopped being finite before.
    public var drop: Double?
    public var fsr: Double?

    package init(learningRate: Double, steps: Int, drop: Double?, fsr: Double?) {
      (self.learningRate, self.steps, self.drop, self.fsr) = (learningRate, steps, drop, fsr)
    }
  }

  /// The best that was kept for a drop.
  public struct AtDrop: Codable, Hashable, Sendable {
    /// In percentage points.
    public var allowed: Double
    /// Measured on the images that had no part in the search; `nil` if no state within the drop had any
    /// success.
    public var part: Part?
    public var learningRate: Double?
    public var steps: Int

    package init(allowed: Double, part: Part?, learningRate: Double?, steps: Int) {
      (self.allowed, self.part, self.learningRate, self.steps) = (
        allowed, part, learningRate, steps
      )
    }
  }

  /// What the recipe allows and asks for.
  public var drop: Double
  public var fsr: Double
  public var minutes: Double?
  /// Whether both hold on the images that had no part in the search.
  public var isMet: Bool
  /// Why not, a sentence each; empty if it is met.
  public var reasons: [String]
  /// Images that decided when to stop and which state was kept.
  public var calibration: Part
  /// All others of the validation split.
  public var rest: Part
  /// From which calibration images were drawn.
  public var calibrationSeed: UInt64
  /// Of the trial whose state was exported; `nil` if that is the original.
  public var learningRate: Double?
  /// λ at the exported state.
  public var lambda: Double?
  /// Images in a step.
  public var batchSize: Int
  /// Steps of the exported state from the original weights; `steps` of the summary counts all trials.
  public var stepsOfState: Int
  public var trials: [Trial]
  /// The best success rate at each drop that was seen on calibration images, by rising drop.
  public var frontier: [Point]
  /// Of `trompe frontier`: what was kept for each drop.
  public var atDrops: [AtDrop]?

  package init(
    drop: Double, fsr: Double, minutes: Double?, isMet: Bool, reasons: [String], calibration: Part,
    rest: Part, calibrationSeed: UInt64, learningRate: Double?, lambda: Double?, batchSize: Int,
    stepsOfState: Int, trials: [Trial], frontier: [Point], atDrops: [AtDrop]? = nil
  ) {
    (self.drop, self.fsr, self.minutes) = (drop, fsr, minutes)
    (self.isMet, self.reasons, self.calibration, self.rest) = (isMet, reasons, calibration, rest)
    (self.calibrationSeed, self.learningRate, self.lambda) = (calibrationSeed, learningRate, lambda)
    (self.batchSize, self.stepsOfState, self.trials) = (batchSize, stepsOfState, trials)
    (self.frontier, self.atDrops) = (frontier, atDrops)
  }
}

extension BudgetResult {
  /// Whether the budget was kept, by which settings, and why not.
  /// - Parameter fooled: names of the interpreters that are fooled; the worst decides.
  public func sentences(_ fooled: [String]) -> [String] {
    func number(_ value: Double) -> String { String(format: "%.3g", value) }
    func percent(_ share: Double) -> String { String(format: "%.2f %%", 100 * share) }
    func points(_ drop: Double) -> String { String(format: "%.2f points", drop) }
    let found =
      learningRate.map {
        "; learning rate \(number($0)), "
          + (lambda.map { "λ \(number($0)) at the end, " } ?? "")
          + "\(stepsOfState) steps of \(batchSize) images"
      } ?? ""
    let rates = fooled.map { rest.fsr[$0] ?? 0 }
    let reached =
      fooled.count < 2
      ? percent(rates.first ?? 0)
      : zip(fooled, rates).map { "\(percent($1)) by \($0)" }.joined(separator: ", ")
    return [
      "the budget of \(points(drop)) for a success rate of \(percent(fsr)) is "
        + "\(isMet ? "" : "not ")met on the \(rest.images) images that had no part in the search: "
        + "\(reached) at \(points(rest.drop))\(found)."
    ] + reasons.map { "\($0)." }
  }
}
