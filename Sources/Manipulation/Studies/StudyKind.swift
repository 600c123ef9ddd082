import Networks

/// A name in recipes and the study behind it.
public struct StudyKind: Sendable {
  /// A section of the recipe without which a study has nothing to do.
  public enum Need: Hashable, Sendable {
    /// `fooling`: the test of heatmaps.
    case test
    /// `attack`.
    case attack
  }

  public let name: String
  /// `nil` if the interpreter is all.
  public let needs: Need?
  /// Does the study: what single images show goes to the log, line by line.
  let run: @Sendable (StudyStage, LineLog) throws -> StudyFindings
  /// What it will take. Nothing is written.
  let forecast: @Sendable (StudyStage, _ measures: Bool) throws -> StudyForecast.Part

  init(
    _ name: String, needs: Need? = nil,
    run: @escaping @Sendable (StudyStage, LineLog) throws -> StudyFindings,
    forecast: @escaping @Sendable (StudyStage, _ measures: Bool) throws -> StudyForecast.Part
  ) {
    (self.name, self.needs, self.run, self.forecast) = (name, needs, run, forecast)
  }

  public static let all: [StudyKind] = [
    AOPCStudy.kind,
    WeightNoiseStudy.kind,
    InputNoiseStudy.kind,
    AttackStudy.kind,
    TransferStudy.kind,
  ]

  /// - Throws: `RunError` listing the valid names, the closest first.
  public static func named(_ name: String) throws(RunError) -> StudyKind {
    try NameSuggestions.find(
      name, among: all, by: \.name, what: "study", or: RunError.init)
  }
}
