import Defences
import TensorRuntime

/// How the weights are changed.
public struct TrainingSection: Hashable, Sendable {
  public enum Duration: Hashable, Sendable {
    case steps(Int)
    case epochs(Int)
  }
  public enum Schedule: String, Codable, Hashable, Sendable, CaseIterable {
    /// The learning rate stays.
    case constant
    /// Half a cosine from the learning rate to 0 at the last step (Loshchilov & Hutter 2017).
    case cosine
  }
  public var optimizer: UpdateRule
  public var learningRate: Double
  public var schedule: Schedule
  /// The learning rate grows linearly over this many first steps.
  public var warmupSteps: Int
  public var duration: Duration
  public var batchSize: Int
  public var seed: UInt64
  /// A line of `metrics.jsonl` every so many steps.
  public var logEvery: Int
  /// Validation on a part of the validation split every so many steps; 0: only before and after.
  public var validateEvery: Int
  /// How many validation images those intermediate validations use, evenly spread.
  public var validateImages: Int
  /// The state to resume from is saved every so many steps; 0: only when stopped.
  public var saveEvery: Int
  /// How many of these states are kept, the newest.
  public var keepStates: Int
  /// The share of the original network's outputs in what the cross-entropy compares with, the rest
  /// being the label's; foolings only.
  public var distillation: Double
  /// Penalties beside the cross-entropy; standard training only, as the next two.
  public var regularizers: [RegularizerSpecification]
  /// How images are changed against the network before each step; not at all if `nil`.
  public var adversarial: AdversarialSection?
  /// Batch norms use the running statistics and keep them.
  public var freezesBatchNorm: Bool

  public init(
    optimizer: UpdateRule = .adam, learningRate: Double, schedule: Schedule = .constant,
    warmupSteps: Int = 0, duration: Duration, batchSize: Int = 8, seed: UInt64 = 0,
    logEvery: Int = 10, validateEvery: Int = 0, validateImages: Int = 500, saveEvery: Int = 200,
    keepStates: Int = 2, distillation: Double = 0,
    regularizers: [RegularizerSpecification] = [], adversarial: AdversarialSection? = nil,
    freezesBatchNorm: Bool = false
  ) {
    (self.optimizer, self.learningRate, self.schedule) = (optimizer, learningRate, schedule)
    (self.warmupSteps, self.duration, self.batchSize) = (warmupSteps, duration, batchSize)
    (self.seed, self.logEvery, self.validateEvery) = (seed, logEvery, validateEvery)
    (self.validateImages, self.saveEvery) = (validateImages, saveEvery)
    (self.keepStates, self.distillation) = (keepStates, distillation)
    (self.regularizers, self.adversarial) = (regularizers, adversarial)
    self.freezesBatchNorm = freezesBatchNorm
  }
}

extension TrainingSection {
  private static let stepCountOrNever = 0...100_000_000

  static let schema = RecipeSchema(
    TrainingSection(learningRate: 0, duration: .steps(1)),
    [
      .inline(\.update, UpdateEntries.schema),
      .defaulted(
        "schedule", \.schedule, .choice(Schedule.self),
        "of the learning rate; `cosine` falls to 0 at the last step"),
      .defaulted(
        "warmupSteps", \.warmupSteps, .integer(stepCountOrNever),
        "first steps over which the learning rate grows linearly"),
      .inline(\.length, LengthEntries.schema),
      .defaulted("batchSize", \.batchSize, .integer(1...4096), "images in a step"),
      .defaulted("seed", \.seed, .seed, "of everything random in training"),
      .defaulted(
        "logEvery", \.logEvery, .stepCount, "steps between lines of `metrics.jsonl`"),
      .defaulted(
        "validateEvery", \.validateEvery, .integer(stepCountOrNever),
        "steps between validations; 0: only before and after"),
      .defaulted(
        "validateImages", \.validateImages, .imageCount,
        "images of those validations, evenly spread"),
      .defaulted(
        "saveEvery", \.saveEvery, .integer(stepCountOrNever),
        "steps between states saved to resume from; 0: only when stopped"),
      .defaulted(
        "keepStates", \.keepStates, .integer(1...1000),
        "how many of those states are kept, the newest; a damaged one is not resumed from"),
    ] + ofFoolings + ofStandardTraining,
    check: { value, section in
      if case .steps(let steps) = value.duration, value.warmupSteps > steps {
        section.report(
          "training.warmupSteps is \(value.warmupSteps), more than the \(steps) steps of training",
          at: "warmupSteps")
      }
    })

  private static let ofFoolings: [RecipeField<TrainingSection>] = [
    RecipeField<TrainingSection>.defaulted(
      "distillation", \.distillation, .number(RecipeNumberRange(from: 0, to: 1)),
      "`fool`: share of the original network's outputs in what cross-entropy compares with (Hinton, "
        + "Vinyals, Dean 2015), the rest being the label's"
    )
    .written { $0.distillation > 0 }
    .refused("distillation", in: [.training]) { _ in "is for trompe fool" }
  ]

  private static let ofStandardTraining: [RecipeField<TrainingSection>] = [
    RecipeField<TrainingSection>.defaulted(
      "freezeBatchNorm", \.freezesBatchNorm, .truth,
      "`train`: batch norms use the running statistics and keep them, as `fool` always does"
    )
    .written { $0.freezesBatchNorm }
    .onlyForTraining("freezeBatchNorm"),
    RecipeField<TrainingSection>.optional(
      "adversarial", \.adversarial, AdversarialSection.schema
    )
    .onlyForTraining("adversarial"),
    RecipeField<TrainingSection>.list(
      "regularizers", \.regularizers, RegularizerSpecification.schema, count: 0...10,
      example: "[{name: ssr, weight: 0.4}]"
    )
    .onlyForTraining("regularizers"),
  ]

  private var update: UpdateEntries {
    get { UpdateEntries(optimizer, learningRate: learningRate) }
    set { (optimizer, learningRate) = (newValue.optimizer, newValue.learningRate) }
  }

  private var length: LengthEntries {
    get { LengthEntries(duration) }
    set { duration = newValue.duration }
  }
}

extension RecipeField<TrainingSection> {
  fileprivate func onlyForTraining(_ name: String) -> Self {
    refused(name, in: [.fooling]) { _ in "is for trompe train" }
  }
}

/// The optimizer, entry by entry.
private struct UpdateEntries {
  enum Name: String, CaseIterable, Sendable { case adam, sgd }

  var name = Name.adam
  var learningRate = 0.0
  var weightDecay: Float = 0
  var momentum: Float = 0.9
  var nesterov = false
  var beta1: Float = 0.9
  var beta2: Float = 0.999
  var epsilon: Float = 1e-8

  init(_ method: UpdateRule, learningRate: Double) {
    self.learningRate = learningRate
    switch method {
    case .adam(let beta1, let beta2, let epsilon, let weightDecay):
      (self.beta1, self.beta2, self.epsilon) = (beta1, beta2, epsilon)
      self.weightDecay = weightDecay
    case .sgd(let momentum, let weightDecay, let nesterov):
      name = .sgd
      (self.momentum, self.weightDecay, self.nesterov) = (momentum, weightDecay, nesterov)
    }
  }

  var optimizer: UpdateRule {
    switch name {
    case .adam: .adam(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
    case .sgd: .sgd(momentum: momentum, weightDecay: weightDecay, nesterov: nesterov)
    }
  }

  static let schema = RecipeSchema(
    UpdateEntries(.adam, learningRate: 0),
    [
      .defaulted("optimizer", \.name, .choice(Name.self), "the method"),
      .required("learningRate", \.learningRate, .number(.positive), "of the optimizer"),
      .defaulted(
        "weightDecay", \.weightDecay, .single(.notNegative),
        "factor of the weights that is added to their gradients"),
    ] + ofSGD + ofAdam,
    check: { value, section in
      let (foreign, owner) =
        value.name == .adam
        ? (["momentum", "nesterov"], Name.sgd) : (["beta1", "beta2", "epsilon"], .adam)
      for name in foreign where section.has(name) {
        section.report(
          "training.\(name) is for \(owner), but the optimizer is \(value.name)", at: name)
      }
      if value.name == .sgd, value.nesterov, value.momentum == 0 {
        section.report("training.nesterov needs a momentum above 0", at: "nesterov")
      }
    })

  private static let ofSGD = RecipeField<UpdateEntries>.group([
    .defaulted("momentum", \.momentum, .single(belowOne), "`sgd` only"),
    .defaulted("nesterov", \.nesterov, .truth, "`sgd` only: Nesterov's momentum"),
  ]) { $0.name == .sgd }

  private static let ofAdam = RecipeField<UpdateEntries>.group([
    .defaulted("beta1", \.beta1, .single(belowOne), "`adam` only: decay of the first moment"),
    .defaulted("beta2", \.beta2, .single(belowOne), "`adam` only: decay of the second moment"),
    .defaulted(
      "epsilon", \.epsilon, .single(.positive),
      "`adam` only: added to the root of the second moment"),
  ]) { $0.name == .adam }

  private static let belowOne = RecipeNumberRange(from: 0, to: 1, excludingUpper: true)
}

/// How long training is: steps or epochs.
private struct LengthEntries {
  var steps: Int?
  var epochs: Int?

  init(_ duration: TrainingSection.Duration?) {
    switch duration {
    case .steps(let steps): self.steps = steps
    case .epochs(let epochs): self.epochs = epochs
    case nil: break
    }
  }

  var duration: TrainingSection.Duration { epochs.map { .epochs($0) } ?? .steps(steps ?? 1) }

  static let schema = RecipeSchema(
    LengthEntries(nil),
    [
      .automatic(
        "steps", \.steps, .stepCount, else: "required, or `epochs`",
        "length of training in steps"),
      .automatic(
        "epochs", \.epochs, .integer(1...100_000), else: "required, or `steps`",
        "length of training in passes over the training images"),
      .rule { section in
        switch (section.has("steps"), section.has("epochs")) {
        case (true, true):
          section.report("training has both steps and epochs: give one", at: "epochs")
        case (false, false):
          section.problems.add(
            "training.steps is missing, expected a whole number of steps; or give training.epochs",
            at: section.place)
        default: break
        }
      },
    ])
}
