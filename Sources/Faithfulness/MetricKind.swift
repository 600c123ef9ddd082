import ImageData
import Networks

/// A metric that cannot be made of its name and options: one sentence.
public struct MetricError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// A name in recipes and the metric behind it.
public struct MetricKind: Sendable {
  /// What a metric may be given beside its name.
  public enum Option: String, Hashable, Sendable, CaseIterable {
    case runs, subset, percentages, noise, patch, samples, radius, step, fill, bins
  }

  public let name: String
  /// For people.
  public let title: String
  /// What it asks, for people.
  public let question: String
  /// Whether a larger score is that of a better heatmap.
  public let isBetterHigher: Bool
  public let options: Set<Option>
  let make: @Sendable (MetricSpecification) -> any HeatmapMetric
  /// Options as they are where none is given.
  let standard: MetricSpecification

  init(
    _ name: String, title: String, question: String, isBetterHigher: Bool,
    standard: (inout MetricSpecification) -> Void = { _ in },
    make: @escaping @Sendable (MetricSpecification) -> any HeatmapMetric
  ) {
    (self.name, self.title, self.question) = (name, title, question)
    (self.isBetterHigher, self.make) = (isBetterHigher, make)
    var values = MetricSpecification(name)
    standard(&values)
    self.standard = values
    options = values.given
  }

  public static let all: [MetricKind] = [
    MetricKind(
      "faithfulness-correlation", title: "Faithfulness correlation",
      question:
        "Does the relevance of random samples add up to what the network loses without them?",
      isBetterHigher: true,
      standard: {
        $0.runs = FaithfulnessCorrelation.standardRuns
        $0.subset = FaithfulnessCorrelation.standardSubset
      }, make: { FaithfulnessCorrelation(runs: $0.runs!, subset: $0.subset!) }),
    MetricKind(
      "road", title: "ROAD",
      question: "Is the class still predicted when the most relevant pixels are filled in?",
      isBetterHigher: false,
      standard: {
        $0.percentages = ROAD.standardPercentages
        $0.noise = ROAD.standardNoise
      }, make: { ROAD(percentages: $0.percentages!, noise: $0.noise!) }),
    MetricKind(
      "infidelity", title: "Infidelity",
      question: "How far is what a heatmap predicts from what the network loses?",
      isBetterHigher: false, standard: { $0.patch = Infidelity.standardPatch },
      make: { Infidelity(patch: $0.patch!) }),
    MetricKind(
      "deletion", title: "Deletion",
      question: "How fast does the probability fall as the most relevant pixels are taken?",
      isBetterHigher: false, standard: { $0.fill = .zero },
      make: { PixelCurve(.deletion, step: $0.step, fill: $0.fill) }),
    MetricKind(
      "insertion", title: "Insertion",
      question: "How fast does the probability rise as the most relevant pixels are given?",
      isBetterHigher: true, standard: { $0.fill = .blur },
      make: { PixelCurve(.insertion, step: $0.step, fill: $0.fill) }),
    MetricKind(
      "max-sensitivity", title: "Max-sensitivity",
      question: "How far does a heatmap move when the image hardly does?",
      isBetterHigher: false,
      standard: {
        $0.samples = MaxSensitivity.standardSamples
        $0.radius = MaxSensitivity.standardRadius
      }, make: { MaxSensitivity(samples: $0.samples!, radius: $0.radius!) }),
    MetricKind(
      "mprt", title: "MPRT",
      question: "Is a heatmap still like itself when the network's last layers are random?",
      isBetterHigher: false, make: { _ in ParameterRandomisation() }),
    MetricKind(
      "emprt", title: "eMPRT",
      question: "Does a heatmap become more complex when the whole network is random?",
      isBetterHigher: true,
      standard: { $0.bins = EfficientParameterRandomisation.standardBins },
      make: { EfficientParameterRandomisation(bins: $0.bins!) }),
    MetricKind(
      "sparseness", title: "Sparseness", question: "On how few pixels is relevance?",
      isBetterHigher: true, make: { _ in Sparseness() }),
    MetricKind(
      "complexity", title: "Complexity", question: "Over how many pixels is relevance spread?",
      isBetterHigher: false, make: { _ in Complexity() }),
  ]

  /// Of pixel curves, whose step has no number until there is an image.
  private static let curves: Set = ["deletion", "insertion"]

  /// All that it may be given.
  public var accepted: Set<Option> {
    Self.curves.contains(name) ? options.union([.step]) : options
  }

  /// - Parameter name: to find.
  /// - Throws: `MetricError` listing the valid names, the closest first.
  public static func named(_ name: String) throws(MetricError) -> MetricKind {
    try NameSuggestions.find(name, among: all, by: \.name, what: "metric", or: MetricError.init)
  }
}

/// A metric by its name, with options where they are not the metric's own.
public struct MetricSpecification: Codable, Hashable, Sendable {
  public var name: String
  /// `faithfulness-correlation`: subsets of each image.
  public var runs: Int?
  /// `faithfulness-correlation`: samples of a subset.
  public var subset: Int?
  /// `road`: how much of an image is filled.
  public var percentages: [Double]?
  /// `road`: standard deviation of what is added to filled samples.
  public var noise: Double?
  /// `infidelity`: side of a patch in pixels.
  public var patch: Int?
  /// `max-sensitivity`: noisy versions of each image.
  public var samples: Int?
  /// `max-sensitivity`: largest change of a sample of the preprocessed input.
  public var radius: Double?
  /// `deletion`, `insertion`: pixels that change at once.
  public var step: Int?
  /// `deletion`, `insertion`: what stands where a pixel is missing.
  public var fill: PixelCurve.Fill?
  /// `emprt`: of the histogram.
  public var bins: Int?

  public init(_ name: String) { self.name = name }

  /// The options that are given.
  public var given: Set<MetricKind.Option> {
    let values: [(MetricKind.Option, Bool)] = [
      (.runs, runs != nil), (.subset, subset != nil), (.percentages, percentages != nil),
      (.noise, noise != nil), (.patch, patch != nil), (.samples, samples != nil),
      (.radius, radius != nil), (.step, step != nil), (.fill, fill != nil), (.bins, bins != nil),
    ]
    return Set(values.filter(\.1).map(\.0))
  }

  /// With every option that the metric has.
  /// - Throws: `MetricError` for an unknown name, or an option that is for another metric.
  public func resolved() throws(MetricError) -> MetricSpecification {
    let kind = try MetricKind.named(name)
    if let strange = given.subtracting(kind.accepted).map(\.rawValue).sorted().first {
      let others = MetricKind.all.filter { $0.accepted.contains { $0.rawValue == strange } }
      throw MetricError(
        "\(strange) is no option of \(name), but of \(others.map(\.name).joined(separator: " and "))"
      )
    }
    let standard = kind.standard
    var full = self
    full.runs = runs ?? standard.runs
    full.subset = subset ?? standard.subset
    full.percentages = percentages ?? standard.percentages
    full.noise = noise ?? standard.noise
    full.patch = patch ?? standard.patch
    full.samples = samples ?? standard.samples
    full.radius = radius ?? standard.radius
    full.fill = fill ?? standard.fill
    full.bins = bins ?? standard.bins
    return full
  }

  /// - Throws: as `resolved()`.
  public func metric() throws(MetricError) -> any HeatmapMetric {
    let full = try resolved()
    return try MetricKind.named(name).make(full)
  }
}
