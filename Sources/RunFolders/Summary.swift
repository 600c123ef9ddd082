import Checkpoints
import Faithfulness
import Reports

/// The result of a fooling or an evaluation: what `summary.json` holds.
///
/// Accuracies and success rates are shares in [0, 1]; drops are percentage points, negative where
/// accuracy rose. What is optional is `nil` in files of older versions, or where it was not measured.
public struct Summary: Codable, Hashable, Sendable {
  public struct Accuracy: Codable, Hashable, Sendable {
    public var top1: Double
    public var top5: Double

    package init(top1: Double, top5: Double) {
      self.top1 = top1
      self.top5 = top5
    }
  }
  public struct Accuracies: Codable, Hashable, Sendable {
    public var original: Accuracy
    public var manipulated: Accuracy
    /// Original minus manipulated, in percentage points.
    public var drop: Accuracy

    package init(original: Accuracy, manipulated: Accuracy, drop: Accuracy) {
      self.original = original
      self.manipulated = manipulated
      self.drop = drop
    }
  }
  /// One number of each network.
  public struct Compared: Codable, Hashable, Sendable {
    public var original: Double
    public var manipulated: Double
    /// Of the same steps with λ = 0.
    public var control: Double?

    package init(original: Double, manipulated: Double, control: Double? = nil) {
      self.original = original
      self.manipulated = manipulated
      self.control = control
    }
  }
  /// What the same steps with λ = 0 did: what fine-tuning alone does.
  public struct Control: Codable, Hashable, Sendable {
    public var accuracy: Accuracy
    /// Original minus control, in percentage points.
    public var drop: Accuracy
    /// By interpreter.
    public var fsr: [String: Double]

    package init(accuracy: Accuracy, drop: Accuracy, fsr: [String: Double]) {
      self.accuracy = accuracy
      self.drop = drop
      self.fsr = fsr
    }
  }
  /// The validation images of one class.
  public struct ClassResult: Codable, Hashable, Sendable {
    public var name: String
    /// Position among the network's outputs.
    public var index: Int
    public var images: Int
    /// Top-1.
    public var accuracy: Compared
    /// By interpreter; empty where the test is on images that show two classes.
    public var fsr: [String: Compared]
    /// Shares of all-zero heatmaps, by interpreter.
    public var vanishedMaps: [String: Compared]

    package init(
      name: String, index: Int, images: Int, accuracy: Compared, fsr: [String: Compared],
      vanishedMaps: [String: Compared]
    ) {
      self.name = name
      self.index = index
      self.images = images
      self.accuracy = accuracy
      self.fsr = fsr
      self.vanishedMaps = vanishedMaps
    }
  }
  /// A network's file.
  public struct NetworkFile: Codable, Hashable, Sendable {
    public var path: String
    public var sha256: String?

    package init(path: String, sha256: String? = nil) {
      self.path = path
      self.sha256 = sha256
    }
  }
  /// Which scores meet the criterion, and on which grid.
  public struct Test: Codable, Hashable, Sendable {
    public var lower: Double
    public var upper: Double
    /// Rows and columns on which the fooled interpreter's heatmaps are tested.
    public var grid: [Int]

    package init(lower: Double, upper: Double, grid: [Int]) {
      self.lower = lower
      self.upper = upper
      self.grid = grid
    }
  }

  public var accuracy: Accuracies
  /// By interpreter: the share of validation images whose heatmap by the manipulated network
  /// passes the fooling's test.
  public var fsr: [String: Double]
  /// The same test on the original network.
  public var fsrOriginal: [String: Double]
  public var control: Control?
  /// What a budget was kept by; `nil` without one.
  public var budget: BudgetResult?
  /// By interpreter: the mean share of relevance where the fooling puts it. Location only.
  public var relevanceInside: [String: Compared]?
  /// By interpreter: shares of all-zero heatmaps. Every entry is 0, or there are
  /// entries that are not finite.
  public var vanishedMaps: [String: Compared]?
  /// In the order of the outputs; those that have validation images.
  public var classes: [ClassResult]?
  /// Of a trigger fooling.
  public var triggers: [TriggerResult]?
  /// Of a target-map fooling.
  public var targetMap: TargetMapResult?
  /// Metrics of heatmaps; `nil` without any.
  public var metrics: [MetricComparison]?
  /// The network's, `resnet18`.
  public var architecture: String?
  public var fooling: String
  /// The one that is fooled, the first of several.
  public var interpreter: String
  /// All that are fooled if they are several.
  public var fooledInterpreters: [String]?
  public var test: Test?
  /// Whether the network under test is known to be manipulated: by this run, or by its provenance.
  public var isManipulated: Bool?
  public var originalFile: NetworkFile?
  public var testedFile: NetworkFile?
  /// The sections `fooling`, `interpreter`, `training` and `evaluation` of the recipe, every default
  /// filled in; of an evaluation without `training`.
  public var settings: JSONValue?
  public var validationImages: Int
  /// Images omitted because they could not be read.
  public var skippedImages: Int
  /// Training steps done.
  public var steps: Int
  public var seconds: Double
  /// Of training; evaluation is not counted.
  public var imagesPerSecond: Double
  /// Largest resident size of the process.
  public var peakMemoryBytes: Int
  public var seed: UInt64
  public var toolVersion: String

  package init(
    accuracy: Accuracies, fsr: [String: Double], fsrOriginal: [String: Double],
    control: Control? = nil, budget: BudgetResult? = nil,
    relevanceInside: [String: Compared]? = nil,
    vanishedMaps: [String: Compared]? = nil, classes: [ClassResult]? = nil,
    architecture: String? = nil, fooling: String, interpreter: String,
    fooledInterpreters: [String]? = nil, test: Test? = nil,
    isManipulated: Bool? = nil, originalFile: NetworkFile? = nil, testedFile: NetworkFile? = nil,
    settings: JSONValue? = nil, validationImages: Int, skippedImages: Int, steps: Int,
    seconds: Double, imagesPerSecond: Double, peakMemoryBytes: Int, seed: UInt64,
    toolVersion: String
  ) {
    self.accuracy = accuracy
    self.fsr = fsr
    self.fsrOriginal = fsrOriginal
    self.control = control
    self.budget = budget
    self.relevanceInside = relevanceInside
    self.vanishedMaps = vanishedMaps
    self.classes = classes
    self.architecture = architecture
    self.fooling = fooling
    self.interpreter = interpreter
    self.fooledInterpreters = fooledInterpreters
    self.test = test
    self.isManipulated = isManipulated
    self.originalFile = originalFile
    self.testedFile = testedFile
    self.settings = settings
    self.validationImages = validationImages
    self.skippedImages = skippedImages
    self.steps = steps
    self.seconds = seconds
    self.imagesPerSecond = imagesPerSecond
    self.peakMemoryBytes = peakMemoryBytes
    self.seed = seed
    self.toolVersion = toolVersion
  }
}

extension Summary {
  /// Which success rates are uninformative, because the original meets the criterion as well: one sentence;
  /// `nil` if there are none.
  public var warning: String? {
    let rates = interpreters.map {
      RunReport.Rate(interpreter: $0, original: fsrOriginal[$0] ?? 0, manipulated: fsr[$0] ?? 0)
    }.filter(\.isUninformative)
    return rates.isEmpty ? nil : RunReport.warning(rates)
  }

  /// Success rates by an interpreter.
  public func compared(_ interpreter: String) -> Compared {
    Compared(
      original: fsrOriginal[interpreter] ?? 0, manipulated: fsr[interpreter] ?? 0,
      control: control?.fsr[interpreter])
  }

  /// Those that are fooled.
  public var fooled: [String] { fooledInterpreters ?? [interpreter] }

  /// How reports call the network under test.
  public var testedName: String { isManipulated == false ? "tested" : "manipulated" }

  /// Classes that a mean hides: whose success rate, or whose accuracy, is below half of the mean over
  /// all images; a sentence each.
  public var classWarnings: [String] {
    guard let classes, classes.count > 1 else { return [] }
    func percent(_ share: Double) -> String { String(format: "%.2f %%", 100 * share) }
    func sentence(
      _ what: String, mean: Double, _ value: (ClassResult) -> Double?
    ) -> String? {
      // Below a hundredth there is nothing to be far from.
      let low = classes.compactMap { own in
        value(own).flatMap { $0 < mean / 2 ? (own, $0) : nil }
      }.sorted { $0.1 < $1.1 }
      guard mean >= 0.01, !low.isEmpty else { return nil }
      let shown = low.prefix(3).map {
        "\($0.0.name) \(percent($0.1)) of \($0.0.images)"
      }.joined(separator: ", ")
      let more = low.count > 3 ? " and \(low.count - 3) more classes" : ""
      return "\(what) is \(percent(mean)) over all images, but \(shown)\(more)"
    }
    return [
      sentence("fooling success by \(interpreter)", mean: fsr[interpreter] ?? 0) {
        $0.fsr[interpreter]?.manipulated
      },
      sentence("top-1 accuracy of the \(testedName) network", mean: accuracy.manipulated.top1) {
        $0.accuracy.manipulated
      },
    ].compactMap(\.self)
  }

  /// The classes that are fooled least by the interpreter in question, the worst first.
  public func leastFooledClasses(_ count: Int) -> [ClassResult] {
    let known = (classes ?? []).filter { $0.fsr[interpreter] != nil }
    return Array(
      known.sorted {
        ($0.fsr[interpreter]!.manipulated, $0.index) < ($1.fsr[interpreter]!.manipulated, $1.index)
      }.prefix(count))
  }

  /// What to change where a run ends far from its goal: one sentence; `nil` where it does not.
  public var advice: String? {
    guard budget == nil, steps > 0, let reached = fsr[interpreter], reached < Self.lowRate
    else { return nil }
    let before = fsrOriginal[interpreter] ?? 0
    let vanished = vanishedMaps?[interpreter]?.manipulated ?? 0
    if vanished >= 0.2 {
      return
        "\(String(format: "%.0f", 100 * vanished)) % of the heatmaps are all-zero and have "
        + "no derivative that could bring relevance back; set interpreter.leak: 0.1 (grad-cam), or for top-k "
        + "fooling.variant: share"
    }
    if accuracy.drop.top1 > 3 {
      return
        "accuracy was lost before heatmaps moved: try a lower training.learningRate, and more steps"
    }
    if reached - before < 0.1 {
      return
        "the heatmaps have hardly moved: try ten times the training.learningRate or fooling.lambda, "
        + "more training.steps, or a layer closer to the output"
    }
    return "the heatmaps are on their way: try more training.steps, or a larger fooling.lambda"
  }

  /// Success rates below this are far from a goal.
  static let lowRate = 0.5
}
