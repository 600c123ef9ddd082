import Checkpoints
import Defences
import Explanations
import ImageData
import Networks
import TensorRuntime

/// Everything that one `trompe fool` does, as a recipe file says it: read once, validated once,
/// saved whole with the results.
///
/// Paths in a recipe file are relative to that file.
public struct FoolingRecipe: Hashable, Sendable {
  public var network: NetworkSection
  public var data: DataSection
  public var fooling: FoolingSpecification
  /// Whether the same steps are done again with λ = 0, from the same weights and on the same batches:
  /// what fine-tuning alone does to accuracy and heatmaps.
  public var control: Bool
  public var interpreter: InterpreterSpecification
  public var training: TrainingSection
  public var evaluation: EvaluationSection
  public var report: ReportSection
  public var compute: ComputeSection
  public var output: OutputSection

  public init(
    network: NetworkSection, data: DataSection, fooling: FoolingSpecification,
    control: Bool = false, interpreter: InterpreterSpecification, training: TrainingSection,
    evaluation: EvaluationSection = EvaluationSection(interpreters: .transfer(.singlePass)),
    report: ReportSection = .init(),
    compute: ComputeSection = .init(), output: OutputSection = .init()
  ) {
    (self.network, self.data, self.fooling) = (network, data, fooling)
    self.control = control
    (self.interpreter, self.training) = (interpreter, training)
    (self.evaluation, self.report) = (evaluation, report)
    (self.compute, self.output) = (compute, output)
  }
}

/// Everything that one `trompe train` does: ordinary training with cross-entropy.
public struct TrainingRecipe: Hashable, Sendable {
  public var network: NetworkSection
  public var data: DataSection
  public var training: TrainingSection
  public var evaluation: EvaluationSection
  public var compute: ComputeSection
  public var output: OutputSection

  public init(
    network: NetworkSection, data: DataSection, training: TrainingSection,
    evaluation: EvaluationSection = .init(), compute: ComputeSection = .init(),
    output: OutputSection = .init()
  ) {
    (self.network, self.data, self.training) = (network, data, training)
    (self.evaluation, self.compute, self.output) = (evaluation, compute, output)
  }
}

/// How results are written.
public struct OutputSection: Hashable, Sendable {
  /// That of `network.checkpoint` if left out, so that a network goes back as it came.
  public var layout: CheckpointLayout?

  /// Whether what goes into `metrics.jsonl` is written for TensorBoard as well.
  public var tensorboard: Bool

  public init(layout: CheckpointLayout? = nil, tensorboard: Bool = false) {
    (self.layout, self.tensorboard) = (layout, tensorboard)
  }
}

/// Which network, from which file.
public struct NetworkSection: Hashable, Sendable {
  /// The file to start from. `trompe train` may leave it out and then starts from random weights.
  public var checkpoint: String?
  /// Needed where the file does not say which network it holds, or there is no file.
  public var architecture: ArchitectureSpecification?
  /// Replaces what the file says; the file's, or none at all with ImageNet's statistics, if left out.
  public var preprocessing: Preprocessing?
  /// Whether `preprocessing` says how images are normalised, and not their size alone: the file's
  /// normalisation stays where it does not.
  public var saysNormalization: Bool
  /// Replaces the file's class names; else those of the data's folders.
  public var classNames: [String]?

  public init(
    checkpoint: String? = nil, architecture: ArchitectureSpecification? = nil,
    preprocessing: Preprocessing? = nil, saysNormalization: Bool = true,
    classNames: [String]? = nil
  ) {
    (self.checkpoint, self.architecture) = (checkpoint, architecture)
    (self.preprocessing, self.classNames) = (preprocessing, classNames)
    self.saysNormalization = preprocessing == nil || saysNormalization
  }
}

/// Which images.
public struct DataSection: Hashable, Sendable {
  public enum Source: Hashable, Sendable {
    /// Folders with one folder per class, ImageNet's layout.
    case folders(train: String, validation: String)
    /// The built-in synthetic set: this many images of each split, drawn from `seed`.
    case shapes(train: Int, validation: Int, seed: UInt64)
  }
  /// Images that show two classes, for active fooling.
  public enum Composites: Hashable, Sendable {
    /// 2×2 tiles made of each split's own images.
    case tiles(train: Int, validation: Int, seed: UInt64)
    /// Ready-made images, in folders as `folders` has them; what class a folder is named after is
    /// of no consequence.
    case folders(train: String, validation: String)

    /// Heo, Joo, Moon 2019, Section 4.1.
    public static let paper = Composites.tiles(train: 1100, validation: 200, seed: 0)
  }
  public var source: Source
  public var augmentation: Augmentation
  public var composites: Composites
  /// Decoding threads; one per core if `nil`.
  public var threads: Int?

  public init(
    source: Source, augmentation: Augmentation = .none, composites: Composites = .paper,
    threads: Int? = nil
  ) {
    (self.source, self.augmentation) = (source, augmentation)
    (self.composites, self.threads) = (composites, threads)
  }
}

extension DataSection: CustomStringConvertible {
  /// Where the images come from, for people.
  public var description: String {
    switch source {
    case .folders(let train, let validation): "\(train) and \(validation)"
    case .shapes(_, _, let seed): "the built-in shapes, seed \(seed)"
    }
  }
}

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
  /// Penalties beside the cross-entropy; ordinary training only, as the next two.
  public var regularizers: [RegularizerSpecification]
  /// How images are changed against the network before each step; not at all if `nil`.
  public var adversarial: AdversarialSection?
  /// Batch norms use the running statistics and keep them.
  public var freezesBatchNorm: Bool

  public init(
    optimizer: UpdateRule = .adam, learningRate: Double, schedule: Schedule = .constant,
    warmupSteps: Int = 0, duration: Duration, batchSize: Int = 8, seed: UInt64 = 0,
    logEvery: Int = 10, validateEvery: Int = 0, validateImages: Int = 500, saveEvery: Int = 200,
    keepStates: Int = 2,
    regularizers: [RegularizerSpecification] = [], adversarial: AdversarialSection? = nil,
    freezesBatchNorm: Bool = false
  ) {
    (self.optimizer, self.learningRate, self.schedule) = (optimizer, learningRate, schedule)
    (self.warmupSteps, self.duration, self.batchSize) = (warmupSteps, duration, batchSize)
    (self.seed, self.logEvery, self.validateEvery) = (seed, logEvery, validateEvery)
    (self.validateImages, self.saveEvery) = (validateImages, saveEvery)
    self.keepStates = keepStates
    (self.regularizers, self.adversarial) = (regularizers, adversarial)
    self.freezesBatchNorm = freezesBatchNorm
  }
}

/// How results are measured.
public struct EvaluationSection: Hashable, Sendable {
  public var batchSize: Int
  /// Interpreters besides the fooled one by which success is measured.
  public var interpreters: FurtherInterpreters
  /// On which grid heatmaps are tested.
  public var grid: EvaluationGrid

  public init(
    batchSize: Int = 16, interpreters: FurtherInterpreters = [], grid: EvaluationGrid = .fooled
  ) {
    (self.batchSize, self.interpreters, self.grid) = (batchSize, interpreters, grid)
  }
}

/// What the report shows.
public struct ReportSection: Hashable, Sendable {
  /// Images of the gallery, spread over those that are tested.
  public var images: Int

  public init(images: Int = 48) { self.images = images }
}

/// On what the program runs.
public struct ComputeSection: Hashable, Sendable {
  /// Worker threads; one per core if `nil`.
  public var threads: Int?
  /// Whether 3×3 and 1×1 convolutions may be computed by Winograd's algorithms.
  public var winograd: Bool
  public enum Memory: String, CaseIterable, Hashable, Sendable {
    case normal
    /// Training computes again what it would keep from a forward pass: less memory, more time, the
    /// same results up to rounding.
    case low
  }
  public var memory: Memory
  /// In what training multiplies; what is reported is always computed in floats.
  public var precision: ExecutionPolicy.Precision
  /// How many samples of a sampled explanation are in memory at a time; chosen by memory and by
  /// what they share if `nil`.
  public var samplesAtOnce: Int?

  public init(
    threads: Int? = nil, winograd: Bool = true, precision: ExecutionPolicy.Precision = .float32,
    memory: Memory = .normal, samplesAtOnce: Int? = nil
  ) {
    self.memory = memory
    (self.threads, self.winograd, self.precision) = (threads, winograd, precision)
    self.samplesAtOnce = samplesAtOnce
  }
}
