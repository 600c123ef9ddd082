import Checkpoints
import Explanations
import Foolings
import ImageData
import Networks
import Perturbation
import RunSupport

/// What `trompe study` does with which networks.
public struct StudySection: Hashable, Sendable {
  /// A network under study.
  public struct Checkpoint: Hashable, Sendable {
    /// By which results call it.
    public var name: String
    public var file: String
    /// The name of the network that it was made from, with whose heatmaps its own are compared; `nil`
    /// if it is an original itself.
    public var original: String?
    /// The study `repair`: the test of this network's manipulation; the recipe's if `nil`.
    public var fooling: FoolingSpecification?
    /// The study `repair`: the explanation that this network's manipulation is about; the recipe's if
    /// `nil`.
    public var interpreter: InterpreterSpecification?

    public init(
      name: String, file: String, original: String? = nil, fooling: FoolingSpecification? = nil,
      interpreter: InterpreterSpecification? = nil
    ) {
      (self.name, self.file, self.original) = (name, file, original)
      (self.fooling, self.interpreter) = (fooling, interpreter)
    }
  }

  /// Perturbation of regions in the order of their relevance.
  public struct AOPC: Hashable, Sendable {
    /// What is taken as the network's score of the label.
    public enum Score: String, Codable, Hashable, Sendable, CaseIterable {
      /// Softmax of the logits, in [0, 1].
      case probability
      case logit
    }
    // Samek et al. 2017, Section V.
    public static let paperRegionSize = 9
    public static let paperSteps = 100

    /// Images of the validation split, evenly spread.
    public var images: Int
    /// Side of a region in pixels of the network's input.
    public var regionSize: Int
    /// L: how many regions are perturbed; all if there are fewer.
    public var steps: Int
    public var fill: RegionFill
    public var score: Score
    public var orders: [PerturbationOrder]

    public init(
      images: Int = 64, regionSize: Int = paperRegionSize, steps: Int = paperSteps,
      fill: RegionFill = .uniform, score: Score = .probability,
      orders: [PerturbationOrder] = PerturbationOrder.allCases
    ) {
      (self.images, self.regionSize, self.steps) = (images, regionSize, steps)
      (self.fill, self.score, self.orders) = (fill, score, orders)
    }
  }

  /// Gaussian noise of growing strength.
  public struct Noise: Hashable, Sendable {
    /// σ, one point of the curves for each.
    public var strengths: [Double]
    /// How often each is resampled.
    public var draws: Int

    public init(strengths: [Double], draws: Int = 5) {
      (self.strengths, self.draws) = (strengths, draws)
    }
    public static let weights = Noise(strengths: [0, 0.05, 0.1, 0.2, 0.4])
    public static let inputs = Noise(strengths: [0, 0.1, 0.25, 0.5, 1])
  }

  /// Names of `StudyName`, in the order in which they are done.
  public var studies: [String]
  public var checkpoints: [Checkpoint]
  /// How many images of the validation split all but `aopc` and `attack` use, evenly spread; all if `nil`.
  public var images: Int?
  /// Of all that is random, but of what the interpreter and the attacks draw.
  public var seed: UInt64
  public var aopc: AOPC
  public var weightNoise: Noise
  public var inputNoise: Noise
  public var faithfulness: MetricsSection
  public var repair: RepairSection

  public init(
    studies: [String], checkpoints: [Checkpoint], images: Int? = nil, seed: UInt64 = 0,
    aopc: AOPC = AOPC(), weightNoise: Noise = .weights, inputNoise: Noise = .inputs,
    faithfulness: MetricsSection = MetricsSection(), repair: RepairSection = RepairSection()
  ) {
    (self.studies, self.checkpoints, self.images, self.seed) = (studies, checkpoints, images, seed)
    (self.aopc, self.weightNoise, self.inputNoise) = (aopc, weightNoise, inputNoise)
    (self.faithfulness, self.repair) = (faithfulness, repair)
  }
}

extension StudySection {
  static let schema = RecipeSchema(
    StudySection(studies: [], checkpoints: []),
    [
      .required(
        "studies", \.studies, .list(of: .text(), named: "names", count: 1...100),
        "`trompe study`: what is done, one after the other: "
          + StudyName.all.map { "`\($0.rawValue)`" }.joined(separator: ", ")),
      .list(
        "checkpoints", \.checkpoints, Checkpoint.schema, count: 1...100,
        example: "[{name: plain, file: a.h5}, {name: fooled, file: b.h5, original: plain}]"),
      .automatic(
        "images", \.images, .imageCount, else: "all",
        "images of the validation split that `weight-noise`, `input-noise`, `transfer` and `repair` use, "
          + "evenly spread"),
      .defaulted("seed", \.seed, .seed, "of noise, fills and random orders"),
      .section("aopc", \.aopc, AOPC.schema),
      .section(
        "weightNoise", \.weightNoise,
        Noise.schema(
          "σ of Gaussian noise on the weights, in standard deviations of each parameter's own "
            + "entries; a point of the curves for each")),
      .section(
        "inputNoise", \.inputNoise,
        Noise.schema(
          "σ of Gaussian noise on the normalised input; 1 is a channel's standard deviation in the "
            + "preprocessing")),
      .section("faithfulness", \.faithfulness, MetricsSection.schema)
        .written { $0.studies.contains(StudyName.faithfulness.rawValue) },
      RecipeField<StudySection>.section("repair", \.repair, RepairSection.schema)
        .written {
          $0.studies.contains(StudyName.repair.rawValue) || $0.repair != RepairSection()
        },
    ],
    check: { value, section in
      for (index, name) in value.studies.enumerated() {
        section.check("studies") {
          _ = try StudyName.named(name)
          if value.studies[..<index].contains(name) {
            throw RunError("\"\(name)\" is given twice")
          }
        }
      }
      let nodes = section.node["checkpoints"]?.list ?? []
      for index in value.checkpoints.indices {
        check(
          value.checkpoints[index], at: index, of: value.checkpoints,
          section.element(index, of: nodes, in: "checkpoints"))
      }
    })

  private static func check(
    _ checkpoint: Checkpoint, at index: Int, of all: [Checkpoint],
    _ section: RecipeSection
  ) {
    func wrong(_ key: String, _ value: String, _ reason: String) {
      section.report("\(section.full(key)) is \"\(printable(value))\", \(reason)", at: key)
    }
    // Names are those of folders as well.
    let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    if !checkpoint.name.allSatisfy(allowed.contains) || checkpoint.name.hasPrefix(".") {
      wrong("name", checkpoint.name, "expected letters, digits, - and _ only")
    }
    if all[..<index].contains(where: { $0.name == checkpoint.name }) {
      wrong("name", checkpoint.name, "the name of another one too")
    }
    guard let name = checkpoint.original else {
      if checkpoint.fooling != nil {
        section.report(
          "\(section.full("fooling")) is the test of a network that was made from another one: say "
            + "which by original, or leave fooling out",
          at: "fooling")
      }
      return
    }
    guard name != checkpoint.name, let original = all.first(where: { $0.name == name }) else {
      let others = all.filter { $0.original == nil && $0.name != checkpoint.name }.map(\.name)
      wrong(
        "original", name,
        "expected the name of the network that \(printable(checkpoint.name)) was made from: "
          + NameSuggestions.sentence(for: name, among: others))
      return
    }
    if let further = original.original {
      wrong(
        "original", name,
        "which was itself made from \(printable(further)); expected a network without original")
    }
  }
}

extension StudySection.Checkpoint {
  static let schema = RecipeSchema(
    StudySection.Checkpoint(name: "", file: ""),
    [
      .required("name", \.name, .text(), "by which results call a network"),
      .requiredPath("file", \.file, "as `network.checkpoint`"),
      .automatic(
        "original", \.original, .text(), else: "it is an original itself",
        "name of the one that it was made from, with whose heatmaps its own are compared"),
      .optional("fooling", \.fooling, FoolingSpecification.schema),
      .optional("interpreter", \.interpreter, InterpreterSpecification.fooledSchema),
    ])
}

extension StudySection.AOPC {
  static let schema = RecipeSchema(
    StudySection.AOPC(),
    [
      .defaulted(
        "images", \.images, .imageCount, "images of the validation split, evenly spread"),
      .defaulted(
        "regionSize", \.regionSize, .integer(1...Image.DecodingLimits.side),
        "side of a region in pixels of the input"),
      .defaulted(
        "steps", \.steps, .integer(1...1_000_000),
        "L: regions that are perturbed, one after the other; all if there are fewer"),
      .defaulted(
        "fill", \.fill, .choice(RegionFill.self),
        "what a region becomes: random samples, the image's mean colour, or the image through a "
          + "Gaussian as wide as a region"),
      .defaulted(
        "score", \.score, .choice(Score.self), "of the label, whose fall is measured"),
      .defaulted(
        "orders", \.orders,
        .list(
          of: .choice(PerturbationOrder.self), named: "orders",
          count: 1...PerturbationOrder.allCases.count), "MoRF, LeRF and random order"),
    ],
    check: { value, section in
      if Set(value.orders).count < value.orders.count {
        section.report("\(section.full("orders")) has an order twice", at: "orders")
      }
    })
}

extension StudySection.Noise {
  fileprivate static func schema(_ meaning: String) -> RecipeSchema<StudySection.Noise> {
    RecipeSchema(
      StudySection.Noise(strengths: []),
      [
        .defaulted(
          "strengths", \.strengths,
          .list(
            of: .number(RecipeNumberRange(from: 0, to: 1000)), named: "numbers", count: 1...100),
          meaning),
        .defaulted("draws", \.draws, .integer(1...1000), "how often each is resampled"),
      ],
      check: { value, section in
        if Set(value.strengths).count < value.strengths.count {
          section.report("\(section.full("strengths")) has a number twice", at: "strengths")
        }
      })
  }
}
