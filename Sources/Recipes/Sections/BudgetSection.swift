import Explanations
import Foolings

/// What a fooling may cost and what it must reach: λ, learning rate and steps are then found by the
/// run.
public struct BudgetSection: Hashable, Sendable {
  /// A key that a recipe with a budget may omit.
  public enum Found: String, Hashable, Sendable, CaseIterable {
    case lambda = "fooling.lambda"
    case learningRate = "training.learningRate"
    case schedule = "training.schedule"
    case warmupSteps = "training.warmupSteps"
    case steps = "training.steps"
    case batchSize = "training.batchSize"
    case distillation = "training.distillation"
  }
  /// What λ follows from step to step.
  public enum Constraint: String, Hashable, Sendable, CaseIterable, Codable {
    /// The penalty is held at its goal, and cross-entropy heals under it.
    case fooling
    /// The same by an augmented Lagrangian: λ = ℓ + ρ·(L_F − τ), ℓ raised by what is violated.
    case lagrangian
    /// Cross-entropy is held near the original's, and the penalty gets what is left.
    case accuracy
  }
  /// The most of top-1 accuracy that may be lost, in percentage points.
  public var drop: Double
  /// The success rate by the fooled interpreter that is wanted, in [0, 1].
  public var fsr: Double
  /// After so many the best state until then is exported; no limit if `nil`.
  public var minutes: Double?
  public var constraint: Constraint
  /// What the recipe leaves to the run.
  public var found: Set<Found>

  public init(
    drop: Double = 1, fsr: Double = 0.95, minutes: Double? = nil,
    constraint: Constraint = .fooling, found: Set<Found> = Set(Found.allCases)
  ) {
    (self.drop, self.fsr, self.minutes) = (drop, fsr, minutes)
    (self.constraint, self.found) = (constraint, found)
  }
}

extension BudgetSection {
  /// Where `training.steps` is omitted: the most steps of all trials together.
  static let mostSteps = 4000
  /// Slope of Grad-CAM's derivative where there is no relevance, so that a map that vanishes can come
  /// back. The map is the same.
  static let leak = 0.1

  static let schema = RecipeSchema(
    BudgetSection(),
    [
      .defaulted(
        "drop", \.drop, .number(.above(0, to: 100)),
        "percentage points of top-1 accuracy that may be lost; with a budget λ, learning rate, "
          + "schedule, steps and batch size may be omitted and are found"),
      .defaulted(
        "fsr", \.fsr, .number(.above(0, to: 1)),
        "success rate by the fooled interpreter that is wanted"),
      .automatic(
        "minutes", \.minutes, .number(.above(0, to: 525_600)), else: "no limit",
        "after so many the best state within the budget is exported"),
      .defaulted(
        "constraint", \.constraint, .choice(Constraint.self),
        "what λ follows: `fooling` holds the penalty at its goal while accuracy heals, and turns to the "
          + "next where that fails; `lagrangian` does so by an augmented Lagrangian; `accuracy` holds "
          + "cross-entropy near the original's, for comparison"),
    ])

  /// Fills in what a recipe with a budget omits, so that it can be read as any other.
  /// - Returns: what was filled in; `nil` for a recipe without a budget.
  static func complete(_ root: inout RecipeNode) -> Set<Found>? {
    guard let budget = root["budget"], !budget.isNull else { return nil }
    // A section that is no mapping is an error, which reading reports.
    func isOpen(_ section: String) -> Bool {
      guard let node = root[section], !node.isNull else { return true }
      return node.entries != nil
    }
    func isGiven(_ section: String, _ name: String) -> Bool {
      root[section]?[name].map { !$0.isNull } ?? false
    }
    var found: Set<Found> = []
    let standards: [(Found, [String], RecipeNode)] = [
      (.lambda, ["lambda"], .plain("1")),
      (.learningRate, ["learningRate"], .plain("0.001")),
      (.schedule, ["schedule"], .plain("constant")),
      (.warmupSteps, ["warmupSteps"], .plain("10")),
      (.steps, ["steps", "epochs"], .plain("\(mostSteps)")),
      (.batchSize, ["batchSize"], .plain("32")),
      (.distillation, ["distillation"], .plain("1")),
    ]
    // A fooling that compares outputs itself leaves nothing to distil.
    let comparesOutputs =
      root["fooling"]?["outputs"].map { !$0.isNull && $0.text != "labels" } ?? false
    for (key, names, standard) in standards where key != .distillation || !comparesOutputs {
      let section = String(key.rawValue.prefix { $0 != "." })
      guard isOpen(section), !names.contains(where: { isGiven(section, $0) }) else { continue }
      found.insert(key)
      root.set([section, names[0]], to: standard, at: budget.origin)
    }
    // The penalties of the paper cannot move a map that has vanished; and many maps vanish while each
    // center is pushed along a direction of its own.
    let variants = ["top-k": "share", "center-mass": "directed"]
    if isOpen("fooling"), !isGiven("fooling", "variant"),
      let variant = root["fooling"]?["name"]?.text.flatMap({ variants[$0] })
    {
      root.set(["fooling", "variant"], to: .plain(variant), at: budget.origin)
    }
    // Displacement to one side asks no map to vanish. With a leak it is bought below 0, where the map
    // does not show it, at the cost of accuracy.
    let isDirected =
      root["fooling"]?["name"]?.text == "center-mass"
      && root["fooling"]?["variant"]?.text == "directed"
    func leaking(_ interpreter: RecipeNode) -> RecipeNode {
      guard !isDirected, interpreter["name"]?.text == "grad-cam",
        interpreter["leak"].map(\.isNull) ?? true
      else {
        return interpreter
      }
      var leaking = interpreter
      leaking.set(["leak"], to: .number(leak), at: budget.origin)
      return leaking
    }
    if let interpreter = root["interpreter"] {
      var completed = interpreter
      if let several = interpreter.list {
        completed.content = .list(several.map(leaking))
      } else if interpreter.entries != nil {
        completed = leaking(interpreter)
      }
      let place = root.entries?.first { $0.key == "interpreter" }?.origin ?? interpreter.origin
      root.set(["interpreter"], to: completed, at: place)
    }
    return found
  }

  /// What a step takes at once where the recipe leaves it to the run: few of large images.
  package static func batchSize(pixels: Int, images: Int) -> Int {
    min(pixels > 96 * 96 ? 8 : 32, max(1, images))
  }
}

extension FoolingRecipe {
  /// What a run with a budget does about penalties that cannot work, a sentence each.
  package var penaltyNotes: [String] {
    guard budget != nil else { return [] }
    var notes: [String] = []
    if let leak = interpreters.compactMap(\.leak).first, leak > 0 {
      notes.append(
        "interpreter.leak is \(leak): a heatmap that has vanished has no derivative "
          + "otherwise, and could not come back")
    }
    switch (fooling.name, fooling.variant) {
    case ("top-k", .share):
      notes.append(
        "fooling.variant is share: the paper's penalty is met by maps that vanish, which count as no "
          + "success")
    case ("center-mass", .directed):
      notes.append(
        "fooling.variant is directed: by the paper's penalty each map takes a direction of its own, and "
          + "many vanish on the way")
    default: break
    }
    return notes
  }

  /// The recipe's text or settings without what the run finds.
  func withoutFound(_ entries: [(String, RecipeNode)]) -> RecipeNode {
    var node = RecipeNode.mapping(entries)
    for key in budget?.found ?? [] {
      node.set(key.rawValue.split(separator: ".").map(String.init)[...], to: nil, at: .whole)
    }
    return node
  }
}
