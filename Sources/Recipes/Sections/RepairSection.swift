import RunSupport

/// What the study `repair` tries on every network.
public struct RepairSection: Hashable, Sendable {
  /// Of parts joined by `+`, one after the other.
  public var plans: [String]
  /// Training images with which networks are repaired, evenly spread.
  public var images: Int
  public var fineTuning: RepairPlan.FineTuning
  public var pruning: RepairPlan.Pruning

  public static let standardPlans = ["batch-norm", "finetune", "prune", "prune+finetune"]
  public static let standardImages = 1000
  public static let standardFraction = 0.2

  public init(
    plans: [String] = standardPlans, images: Int = standardImages,
    fineTuning: RepairPlan.FineTuning = .init(),
    pruning: RepairPlan.Pruning = .init(fraction: standardFraction)
  ) {
    (self.plans, self.images) = (plans, images)
    (self.fineTuning, self.pruning) = (fineTuning, pruning)
  }

  /// - Throws: `RunError` for a name that is none, or a plan that is there twice.
  package func repairs() throws(RunError) -> [RepairPlan] {
    var repairs: [RepairPlan] = []
    for name in plans {
      let plan = try RepairPlan(name, pruning: pruning, fineTuning: fineTuning)
      guard !repairs.contains(plan) else {
        throw RunError("plans names \(plan.name) twice; omit one of them")
      }
      repairs.append(plan)
    }
    return repairs
  }
}

extension RepairSection {
  static let schema = RecipeSchema(
    RepairSection(),
    [
      .defaulted(
        "plans", \.plans, .list(of: .text(), named: "names", count: 1...20),
        "`repair`: each of `batch-norm`, `finetune`, `prune`, or several joined by +, done in the order "
          + "prune, finetune, batch-norm"),
      .defaulted(
        "images", \.images, .imageCount,
        "training images with which networks are repaired, evenly spread"),
      .defaulted("steps", \.fineTuning.steps, .stepCount, "of `finetune`"),
      .defaulted(
        "learningRate", \.fineTuning.learningRate, .number(.positive), "of `finetune`, by Adam"),
      .defaulted("batchSize", \.fineTuning.batchSize, .integer(1...4096), "of `finetune`"),
      .defaulted(
        "fraction", \.pruning.fraction, .number(.above(0, to: 0.99)),
        "share of the channels that `prune` sets to zero"),
      .automatic(
        "layer", \.pruning.layer, .text(), else: "the deepest convolution",
        "the convolution whose channels are pruned"),
      .automatic(
        "order", \.pruning.order, .choice(RepairPlan.Pruning.Order.self),
        else: "`trigger` under a trigger, else `change`",
        "which channels go first: the least active on clean images, those that differ most from the "
          + "original network's, or those that a trigger moves most"),
    ],
    check: { value, section in section.check("plans") { _ = try value.repairs() } })
}
