import Foundation

/// What an audit says of a network.
public enum AuditVerdict: String, Codable, Sendable {
  case nothingFound = "nothing found"
  case suspicious
  case manipulated

  /// p-values of all statistics together, corrected for their number, up to which a network is called
  /// so: conventions, not fitted to networks.
  static let manipulatedBelow = 1e-3
  static let suspiciousBelow = 1e-2

  package init(pValue: Double?) {
    switch pValue ?? 1 {
    case ...Self.manipulatedBelow: self = .manipulated
    case ...Self.suspiciousBelow: self = .suspicious
    default: self = .nothingFound
    }
  }
}

/// All results of an audit, as `audit.json` has them.
public struct AuditFindings: Codable, Hashable, Sendable {
  public struct Network: Codable, Hashable, Sendable {
    public var file: String
    public var sha256: String?
    public var architecture: String
    /// On the images that are compared, in [0, 1].
    public var accuracy: Double
  }
  public struct ProvenanceFinding: Codable, Hashable, Sendable {
    /// Whether the file itself says that its explanations were manipulated.
    public var saysManipulated: Bool
    public var note: String?
    /// Whether it names the given original as the one that it was made from; absent if it names none,
    /// or none was given.
    public var namesOriginal: Bool?
  }
  /// A statistic's value of one interpreter, or of the network.
  public struct Part: Codable, Hashable, Sendable {
    public var interpreter: String?
    public var value: Double
    public var standardError: Double?
    /// What honest networks have: the middle, and the range of 95 % of them.
    public var honest: Double?
    public var honestRange: [Double]?
    public var pValue: Double?
    /// Means over images of each class, by name.
    public var byClass: [String: Double]
    /// For which honest values are known.
    public var role: String
  }
  public struct Statistic: Codable, Hashable, Sendable {
    public var name: String
    public var title: String
    public var question: String
    public var suspiciousTail: String
    /// Whether it takes part in the verdict.
    public var counts: Bool
    /// Of all parts, corrected for their number.
    public var pValue: Double?
    public var parts: [Part]
    /// That with the smallest p-value; the first where none has one.
    public var mostConspicuous: Part? { parts.min { $0.pValue ?? 1 < $1.pValue ?? 1 } }
  }
  public struct LayerFinding: Codable, Hashable, Sendable {
    public var name: String
    /// ‖Δw‖/‖w₀‖ over the layer's parameters.
    public var weightChange: Double?
    public var batchNormMean: Double?
    public var batchNormLogVariance: Double?
  }
  public struct FineTune: Codable, Hashable, Sendable {
    public var setting: String
    public var steps: Int
    public var accuracy: Double
    public var outputChange: Double
    /// With the network that it was made from, by interpreter.
    public var agreement: [String: Double]
  }
  public struct Trigger: Codable, Hashable, Sendable {
    public var className: String
    public var objective: Double
    public var maskShare: Double
    public var success: Double
  }
  /// The square that does most to labels, or to heatmaps.
  public struct Patch: Codable, Hashable, Sendable {
    /// `labels` or `heatmaps`.
    public var changes: String
    /// Whose heatmaps; absent of labels.
    public var interpreter: String?
    /// Of its upper left corner, and its side, in pixels of the network's input.
    public var row: Int
    public var column: Int
    public var side: Int
    /// `bright`, `dark`, `brightFrame` or `darkFrame`.
    public var look: String
    /// The class that images become; absent of heatmaps.
    public var className: String?
    /// The share that becomes it, or the mean of 1 − ρ.
    public var value: Double
    public var images: Int
  }

  /// Whether a p-value is suspicious among all statistics that count, and not by itself alone.
  func isConspicuous(_ pValue: Double?) -> Bool {
    pValue.map { $0 * Double(statistics.count(where: \.counts)) <= AuditVerdict.suspiciousBelow }
      ?? false
  }

  public var verdict: AuditVerdict
  /// That of the statistics alone, whatever the file says of itself.
  public var measuredVerdict: AuditVerdict
  /// Of all statistics that count, corrected for their number.
  public var pValue: Double?
  public var suspect: Network
  public var original: Network?
  public var provenance: ProvenanceFinding
  /// Images whose heatmaps were compared, those of them that count, and those for batch norms and
  /// fine-tunes.
  public var images: Int
  public var sureImages: Int
  public var otherImages: Int
  public var outputChange: Double?
  public var statistics: [Statistic]
  /// Whose p-value, corrected for all that were computed, is that of a suspicious network; the most
  /// affected first.
  public var affectedInterpreters: [String]
  public var affectedClasses: [String]
  public var layers: [LayerFinding]
  public var likelyManipulation: LikelyManipulation?
  public var patches: [Patch]
  public var triggers: [Trigger]
  public var fineTunes: [FineTune]
  /// What was found, for people, a sentence each.
  public var sentences: [String]
  public var notes: [String]
  public var seconds: Double
  public var seed: UInt64
  public var toolVersion: String
}
