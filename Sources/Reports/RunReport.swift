/// All that a report shows of one run of `trompe fool` or `trompe evaluate`.
public struct RunReport: Hashable, Sendable {
  public struct Accuracy: Hashable, Sendable {
    /// Shares in [0, 1].
    public var top1: Double
    public var top5: Double
    public init(top1: Double, top5: Double) { (self.top1, self.top5) = (top1, top5) }
  }
  /// Fooling success rate by one interpreter, shares in [0, 1].
  public struct Rate: Hashable, Sendable {
    public var interpreter: String
    public var original: Double
    public var manipulated: Double
    /// Of the same steps with λ = 0; `nil` without a control.
    public var control: Double?
    /// `nil` if it is not known, in runs of older versions.
    public var vanished: Shares?
    /// Mean share of relevance where the fooling puts it; `nil` if it names no place.
    public var inside: Shares?
    /// The baseline from which on a success rate is uninformative.
    public static let high = 0.5

    /// Whether the original's heatmaps meet the criterion anyway, mostly, so that those of the
    /// manipulated network prove little if they do.
    public var isUninformative: Bool { original >= Self.high }

    /// What is said of such a baseline before any training.
    public var baselineWarning: String {
      "\(Numbers.percent(original)) of the original network's heatmaps by \(interpreter) meet the "
        + "criterion before any manipulation, so a success rate will prove nothing; choose a stricter "
        + "fooling.threshold, another fooling.mask, frameWidth or k, or another layer"
    }

    /// What is said before any training of an interpreter whose maps the original network leaves empty.
    /// - Parameter vanished: share of all-zero heatmaps, in [0, 1].
    /// - Returns: `nil` if fewer than half of them are.
    public func vanishedWarning(_ vanished: Double) -> String? {
      guard vanished >= Self.high else { return nil }
      return
        "\(Numbers.percent(vanished)) of the original network's heatmaps by \(interpreter) are all-zero "
        + "before any manipulation, so there is nothing to move; choose another layer. Before a global "
        + "average a gradient is the same at all positions, and scaled to [0, 1] its map is zero"
    }

    public init(
      interpreter: String, original: Double, manipulated: Double, control: Double? = nil,
      vanished: Shares? = nil, inside: Shares? = nil
    ) {
      (self.interpreter, self.original, self.manipulated) = (interpreter, original, manipulated)
      (self.control, self.vanished, self.inside) = (control, vanished, inside)
    }
  }
  /// A share of each network, in [0, 1].
  public struct Shares: Hashable, Sendable {
    public var original: Double
    public var manipulated: Double
    public var control: Double?
    public init(original: Double, manipulated: Double, control: Double? = nil) {
      (self.original, self.manipulated, self.control) = (original, manipulated, control)
    }
  }
  /// The validation images of one class.
  public struct ClassResult: Hashable, Sendable {
    public var name: String
    public var images: Int
    /// Top-1.
    public var accuracy: Shares
    /// Success by the interpreter in question; `nil` where images show two classes.
    public var fooled: Shares?
    /// All-zero heatmaps by that interpreter.
    public var vanished: Shares?
    public init(
      name: String, images: Int, accuracy: Shares, fooled: Shares?, vanished: Shares?
    ) {
      (self.name, self.images, self.accuracy) = (name, images, accuracy)
      (self.fooled, self.vanished) = (fooled, vanished)
    }
  }
  /// Numbers of each network under a title, written out.
  public struct NetworkTable: Hashable, Sendable {
    public var title: String
    public var rows: [Row]
    public struct Row: Hashable, Sendable {
      public var name: String
      public var original: String
      public var manipulated: String
      /// `nil` without a control.
      public var control: String?
      public init(name: String, original: String, manipulated: String, control: String?) {
        (self.name, self.original, self.manipulated) = (name, original, manipulated)
        self.control = control
      }
    }
    public init(title: String, rows: [Row]) { (self.title, self.rows) = (title, rows) }
  }
  /// Which scores meet the criterion.
  public struct SuccessTest: Codable, Hashable, Sendable {
    public var lower: Double
    public var upper: Double
    /// Whether smaller scores are more fooled.
    public var isSmallerFooled: Bool
    public init(lower: Double, upper: Double, isSmallerFooled: Bool) {
      (self.lower, self.upper, self.isSmallerFooled) = (lower, upper, isSmallerFooled)
    }
    public func isFooled(_ loss: Double) -> Bool { loss >= lower && loss <= upper }
  }
  /// Scores by one interpreter, of the same images in the same order.
  public struct TestLosses: Hashable, Sendable {
    public var interpreter: String
    public var original: [Double]
    public var manipulated: [Double]
    public init(interpreter: String, original: [Double], manipulated: [Double]) {
      (self.interpreter, self.original, self.manipulated) = (interpreter, original, manipulated)
    }
  }
  public struct StepPoint: Hashable, Sendable {
    public var step: Int
    public var loss: Double
    public var crossEntropy: Double
    public var penalty: Double?
    public init(step: Int, loss: Double, crossEntropy: Double, penalty: Double?) {
      (self.step, self.loss, self.crossEntropy, self.penalty) = (step, loss, crossEntropy, penalty)
    }
  }
  public struct ValidationPoint: Hashable, Sendable {
    public var step: Int
    public var top1: Double
    /// By interpreter.
    public var rates: [String: Double]
    public init(step: Int, top1: Double, rates: [String: Double]) {
      (self.step, self.top1, self.rates) = (step, top1, rates)
    }
  }
  /// One line of what was done.
  /// A success rate, in [0, 1], and what of accuracy it costs, in percentage points.
  public struct FrontierPoint: Hashable, Sendable {
    public var drop: Double
    public var rate: Double
    /// Whether it was measured on images that had no part in the search.
    public var isFinal: Bool

    public init(drop: Double, rate: Double, isFinal: Bool) {
      (self.drop, self.rate, self.isFinal) = (drop, rate, isFinal)
    }
  }

  public struct Fact: Codable, Hashable, Sendable {
    public var name: String
    public var value: String
    public init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
  }

  /// By which runs are told apart, e.g. the folder's name.
  public var name: String
  public var toolVersion: String
  public var fooling: String
  /// The interpreter that was fooled; in an evaluation the first that was measured.
  public var interpreter: String
  /// All that were fooled; empty if it was one.
  public var fooled: [String] = []
  public var original: Accuracy
  public var manipulated: Accuracy
  /// Of the same steps with λ = 0; `nil` without a control.
  public var control: Accuracy?
  /// What the network under test is called: `manipulated` where that is known, else `tested`.
  public var testedName = "manipulated"
  /// In the order of the outputs.
  public var classes: [ClassResult] = []
  /// What a fooling measures beside its success rate; empty if nothing.
  public var tables: [NetworkTable] = []
  /// Metrics of the heatmaps; `nil` where none were measured.
  public var metrics: StudyReport.Section?
  /// What means hide, a sentence each.
  public var classWarnings: [String] = []
  /// What a budget was kept by, in sentences, and which success rate each drop buys; empty without one.
  public var budget: [String] = []
  public var frontier: [FrontierPoint] = []
  /// The network's architecture, if it is known.
  public var network: String?
  /// Of the interpreter, if it has one.
  public var layer: String?
  /// Where relevance is wanted; `nil` if the fooling names no place.
  public var mask: HeatmapGrid?
  /// Rows and columns on which heatmaps are compared, `8×8`; `nil` if it is not known.
  public var grid: String?
  /// The fooled one first.
  public var rates: [Rate]
  public var images: Int
  public var skippedImages: Int
  /// `nil` if it is not known, in runs of older versions.
  public var test: SuccessTest?
  public var testLosses: [TestLosses]
  /// Empty in an evaluation.
  public var steps: [StepPoint]
  public var validations: [ValidationPoint]
  public var facts: [Fact]
  /// The recipe's text, if there is one.
  public var recipe: String?
  public var gallery: [GalleryPicture]

  public init(
    name: String, toolVersion: String, fooling: String, interpreter: String, original: Accuracy,
    manipulated: Accuracy, rates: [Rate], images: Int, skippedImages: Int = 0,
    test: SuccessTest? = nil, testLosses: [TestLosses] = [], steps: [StepPoint] = [],
    validations: [ValidationPoint] = [], facts: [Fact] = [], recipe: String? = nil,
    gallery: [GalleryPicture] = []
  ) {
    (self.name, self.toolVersion, self.fooling) = (name, toolVersion, fooling)
    (self.interpreter, self.original, self.manipulated) = (interpreter, original, manipulated)
    (self.rates, self.images, self.skippedImages) = (rates, images, skippedImages)
    (self.test, self.testLosses) = (test, testLosses)
    (self.steps, self.validations) = (steps, validations)
    (self.facts, self.recipe, self.gallery) = (facts, recipe, gallery)
  }

  /// The interpreter that training aimed at; `nil` in an evaluation, which does not know it.
  public var aim: String? { steps.isEmpty ? nil : interpreter }

  /// The result in one sentence.
  public var sentence: String {
    let rate = rates.first { $0.interpreter == interpreter }
    let drop = 100 * (original.top1 - manipulated.top1)
    let change =
      abs(drop) < 0.005
      ? "top-1 accuracy stays at \(Numbers.percent(manipulated.top1))"
      : "top-1 accuracy \(drop > 0 ? "falls" : "rises") by \(Numbers.decimals(abs(drop), 2)) points, "
        + "from \(Numbers.percent(original.top1)) to \(Numbers.percent(manipulated.top1))"
    guard let rate else { return "On \(images) images, \(change)." }
    let others = rates.filter { fooled.contains($0.interpreter) && $0.interpreter != interpreter }
    let result =
      "The \(interpreter) heatmap of \(Numbers.percent(rate.manipulated)) of the images is "
      + "fooled, \(Numbers.percent(rate.original)) before; "
      + others.map {
        "that by \($0.interpreter) of \(Numbers.percent($0.manipulated)), "
          + "\(Numbers.percent($0.original)) before; "
      }.joined() + "on \(images) images \(change)."
    return
      ([rate.isUninformative ? "\(result) \(Self.warning([rate]))" : result]
      + [controlSentence(rate)].compactMap(\.self)
      + classWarnings.map { $0.prefix(1).uppercased() + $0.dropFirst() + "." })
      .joined(separator: " ")
  }

  /// What the same steps without the penalty did.
  private func controlSentence(_ rate: Rate) -> String? {
    guard let share = rate.control, let control else { return nil }
    return
      "The same steps without the penalty end at \(Numbers.percent(share)) and a top-1 accuracy "
      + "of \(Numbers.percent(control.top1))."
  }

  /// Network, fooling, interpreter and layer in a line.
  public var subtitle: String {
    let explained = layer.map { "\(interpreter) at \($0)" } ?? interpreter
    return ([network, "\(fooling) of \(explained)"] as [String?]).compactMap(\.self)
      .joined(separator: ", ")
  }

  /// What success rates do not say, in one sentence.
  /// - Precondition: the original passes the test by each of them.
  public static func warning(_ rates: [Rate]) -> String {
    precondition(!rates.isEmpty && rates.allSatisfy(\.isUninformative), "informative rates")
    let names = rates.map { "\($0.interpreter) \(Numbers.percent($0.original))" }
    return
      "The original network passes the test without any manipulation (\(names.joined(separator: ", "))), "
      + "so \(rates.count == 1 ? "this rate is" : "these rates are") uninformative."
  }
}
