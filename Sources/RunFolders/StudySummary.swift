import Checkpoints

/// The result of `trompe study`: what its `summary.json` holds.
public struct StudySummary: Codable, Hashable, Sendable {
  public struct Network: Codable, Hashable, Sendable {
    public var name: String
    /// What it was made from; `nil` for an original.
    public var original: String?
    public var file: String
    public var sha256: String?

    package init(name: String, original: String? = nil, file: String, sha256: String? = nil) {
      self.name = name
      self.original = original
      self.file = file
      self.sha256 = sha256
    }
  }
  public var networks: [Network]
  /// What each study found, by name.
  public var studies: [String: JSONValue]
  public var interpreter: String
  /// Whose test the success rates are of.
  public var fooling: String?
  /// Largest resident size of the process.
  public var peakMemoryBytes: Int
  /// Of all studies, those done before a run was resumed among them.
  public var seconds: Double
  public var seed: UInt64
  public var toolVersion: String
  /// Sentences of the findings, by study, in the order of the run.
  public var findings: [Findings]

  package init(
    networks: [Network], studies: [String: JSONValue], interpreter: String, fooling: String? = nil,
    peakMemoryBytes: Int, seconds: Double, seed: UInt64, toolVersion: String, findings: [Findings]
  ) {
    self.networks = networks
    self.studies = studies
    self.interpreter = interpreter
    self.fooling = fooling
    self.peakMemoryBytes = peakMemoryBytes
    self.seconds = seconds
    self.seed = seed
    self.toolVersion = toolVersion
    self.findings = findings
  }

  public struct Findings: Codable, Hashable, Sendable {
    public var study: String
    public var sentences: [String]

    package init(study: String, sentences: [String]) {
      self.study = study
      self.sentences = sentences
    }
  }
}
