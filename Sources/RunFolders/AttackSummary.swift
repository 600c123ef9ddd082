import Foundation

/// One line of `attacks.jsonl`: what one attack did to one image.
public struct AttackRecord: Codable, Hashable, Sendable {
  public struct Confidence: Codable, Hashable, Sendable {
    /// Softmax at the label, in [0, 1].
    public var clean: Double
    public var perturbed: Double

    package init(clean: Double, perturbed: Double) {
      self.clean = clean
      self.perturbed = perturbed
    }
  }
  public var image: String
  public var label: String
  public var method: String
  /// In units of 0 to 255, as `distance`.
  public var epsilon: Double
  /// ‖x − x₀‖∞ of the picture in 8 bits.
  public var distance: Int
  /// Between the relevance maps of the clean and the perturbed picture, by name.
  public var measures: [String: Double]
  public var confidence: Confidence
  /// Whether the perturbed picture is classified as the clean one.
  public var keepsLabel: Bool
  /// Whether an iterate kept the label and made progress.
  public var succeeded: Bool
  /// Which iterate is the result; `nil` if none was better than the clean picture.
  public var iteration: Int?
  /// The perturbed picture, relative to the run's folder.
  public var picture: String
  /// Of attacks that give an image the map of another one.
  public var target: TargetRecord?

  package init(
    image: String, label: String, method: String, epsilon: Double, distance: Int,
    measures: [String: Double], confidence: Confidence, keepsLabel: Bool, succeeded: Bool,
    iteration: Int? = nil, picture: String, target: TargetRecord? = nil
  ) {
    self.image = image
    self.label = label
    self.method = method
    self.epsilon = epsilon
    self.distance = distance
    self.measures = measures
    self.confidence = confidence
    self.keepsLabel = keepsLabel
    self.succeeded = succeeded
    self.iteration = iteration
    self.picture = picture
    self.target = target
  }
}

/// How near an image has come to the heatmap of another one.
public struct TargetRecord: Codable, Hashable, Sendable {
  /// The other one.
  public var image: String
  /// Between its relevance map and those of the clean and the perturbed picture, by name.
  public var clean: [String: Double]
  public var perturbed: [String: Double]
  /// Mean squared change of samples, in the square of units of 0 to 255.
  public var imageMSE: Double
  /// Mean squared change of logits.
  public var logitMSE: Double

  package init(
    image: String, clean: [String: Double], perturbed: [String: Double], imageMSE: Double,
    logitMSE: Double
  ) {
    self.image = image
    self.clean = clean
    self.perturbed = perturbed
    self.imageMSE = imageMSE
    self.logitMSE = logitMSE
  }
}

/// The result of `trompe attack`: what its `summary.json` holds.
public struct AttackSummary: Codable, Hashable, Sendable {
  /// One attack at one ε.
  public struct Result: Codable, Hashable, Sendable {
    public var method: String
    public var epsilon: Double
    public var images: Int
    /// Means over the images, by measure.
    public var means: [String: Double]
    /// Standard deviations over the images.
    public var deviations: [String: Double]
    /// Mean softmax at the label.
    public var cleanConfidence: Double
    public var confidence: Double
    /// Shares of the images, in [0, 1].
    public var keptLabels: Double
    public var succeeded: Double
    /// Of all images.
    public var largestDistance: Int
    public var seconds: Double
    /// Of attacks that give an image the map of another one.
    public var target: TargetMeans?

    package init(
      method: String, epsilon: Double, images: Int, means: [String: Double],
      deviations: [String: Double], cleanConfidence: Double, confidence: Double, keptLabels: Double,
      succeeded: Double, largestDistance: Int, seconds: Double, target: TargetMeans? = nil
    ) {
      self.method = method
      self.epsilon = epsilon
      self.images = images
      self.means = means
      self.deviations = deviations
      self.cleanConfidence = cleanConfidence
      self.confidence = confidence
      self.keptLabels = keptLabels
      self.succeeded = succeeded
      self.largestDistance = largestDistance
      self.seconds = seconds
      self.target = target
    }
  }
  /// Means over the images.
  public struct TargetMeans: Codable, Hashable, Sendable {
    public var clean: [String: Double]
    public var perturbed: [String: Double]
    public var imageMSE: Double
    public var logitMSE: Double

    package init(
      clean: [String: Double], perturbed: [String: Double], imageMSE: Double, logitMSE: Double
    ) {
      self.clean = clean
      self.perturbed = perturbed
      self.imageMSE = imageMSE
      self.logitMSE = logitMSE
    }
  }
  /// How alike the heatmaps of images and of random images near them are at one ε.
  public struct RandomSimilarity: Codable, Hashable, Sendable {
    public var epsilon: Double
    /// For each image.
    public var draws: Int
    /// Over the images, of means over the draws, by measure.
    public var means: [String: Double]
    public var deviations: [String: Double]
    public var seconds: Double

    package init(
      epsilon: Double, draws: Int, means: [String: Double], deviations: [String: Double],
      seconds: Double
    ) {
      (self.epsilon, self.draws) = (epsilon, draws)
      (self.means, self.deviations, self.seconds) = (means, deviations, seconds)
    }
  }
  public var results: [Result]
  /// One for each ε; omitted where nothing was drawn.
  public var randomSimilarities: [RandomSimilarity]?
  public var interpreter: String
  /// Images that were attacked, all of them classified correctly or, without known labels, all.
  public var images: Int
  /// Images that were classified to find them.
  public var tried: Int
  public var skippedImages: Int
  /// Pixels of the heatmap that count as the top.
  public var topK: Int
  public var heatmapHeight: Int
  public var heatmapWidth: Int
  public var seconds: Double
  /// Largest resident size of the process.
  public var peakMemoryBytes: Int
  public var seed: UInt64
  public var toolVersion: String
  /// Whether no labels were known, so that the network's predictions stand for them; else omitted.
  public var labelsArePredictions: Bool?
  /// Attacks at one ε that were not finished when the run was stopped; else omitted.
  public var unfinished: Int?

  package init(
    results: [Result], interpreter: String, images: Int, tried: Int, skippedImages: Int, topK: Int,
    heatmapHeight: Int, heatmapWidth: Int, seconds: Double, peakMemoryBytes: Int, seed: UInt64,
    toolVersion: String, labelsArePredictions: Bool? = nil, unfinished: Int? = nil
  ) {
    self.results = results
    self.interpreter = interpreter
    self.images = images
    self.tried = tried
    self.skippedImages = skippedImages
    self.topK = topK
    self.heatmapHeight = heatmapHeight
    self.heatmapWidth = heatmapWidth
    self.seconds = seconds
    self.peakMemoryBytes = peakMemoryBytes
    self.seed = seed
    self.toolVersion = toolVersion
    self.labelsArePredictions = labelsArePredictions
    self.unfinished = unfinished
  }
}

extension AttackSummary {
  /// Means and standard deviations over images, by measure.
  /// - Parameter values: of each image, of the same measures; not empty.
  package static func statistics(
    of values: [[String: Double]]
  ) -> (means: [String: Double], deviations: [String: Double]) {
    let count = Double(values.count)
    let means = values[0].keys.map { name in
      (name, values.reduce(0) { $0 + $1[name]! } / count)
    }
    let deviations = means.map { name, mean in
      (name, (values.reduce(0) { $0 + pow($1[name]! - mean, 2) } / count).squareRoot())
    }
    return (
      Dictionary(uniqueKeysWithValues: means), Dictionary(uniqueKeysWithValues: deviations)
    )
  }
}

extension AttackSummary.Result {
  /// Of the records of one attack at one ε.
  package init(_ records: [AttackRecord], seconds: Double) {
    precondition(!records.isEmpty, "results of no image")
    let count = Double(records.count)
    func mean(_ value: (AttackRecord) -> Double) -> Double {
      records.reduce(0) { $0 + value($1) } / count
    }
    (means, deviations) = AttackSummary.statistics(of: records.map(\.measures))
    (method, epsilon, images) = (records[0].method, records[0].epsilon, records.count)
    cleanConfidence = mean(\.confidence.clean)
    confidence = mean(\.confidence.perturbed)
    keptLabels = mean { $0.keepsLabel ? 1 : 0 }
    succeeded = mean { $0.succeeded ? 1 : 0 }
    largestDistance = records.map(\.distance).max() ?? 0
    self.seconds = seconds
    let targets = records.compactMap(\.target)
    guard !targets.isEmpty else { return }
    func meanOfTargets(_ value: (TargetRecord) -> Double) -> Double {
      targets.reduce(0) { $0 + value($1) } / Double(targets.count)
    }
    func meansToTarget(_ values: KeyPath<TargetRecord, [String: Double]>) -> [String: Double] {
      Dictionary(
        uniqueKeysWithValues: targets[0][keyPath: values].keys.map { name in
          (name, meanOfTargets { $0[keyPath: values][name]! })
        })
    }
    target = AttackSummary.TargetMeans(
      clean: meansToTarget(\.clean), perturbed: meansToTarget(\.perturbed),
      imageMSE: meanOfTargets(\.imageMSE),
      logitMSE: meanOfTargets(\.logitMSE))
  }
}
