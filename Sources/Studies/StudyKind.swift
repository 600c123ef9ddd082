import Recipes
import RunFolders
import RunSupport

/// What is behind a name of `StudyName`.
struct StudyKind: Sendable {
  package let name: StudyName
  /// Does the study: what single images show goes to the log, line by line.
  package let run: @Sendable (StudyStage, LineLog) throws -> StudyFindings
  /// What it will take. Nothing is written.
  package let forecast: @Sendable (StudyStage, _ measures: Bool) throws -> StudyForecast.Part

  package init(
    _ name: StudyName,
    run: @escaping @Sendable (StudyStage, LineLog) throws -> StudyFindings,
    forecast: @escaping @Sendable (StudyStage, _ measures: Bool) throws -> StudyForecast.Part
  ) {
    (self.name, self.run, self.forecast) = (name, run, forecast)
  }

  package static let all: [StudyKind] = [
    AOPCStudy.kind,
    FaithfulnessStudy.kind,
    WeightNoiseStudy.kind,
    InputNoiseStudy.kind,
    AttackStudy.kind,
    TransferStudy.kind,
    RepairStudy.kind,
  ]

  /// - Throws: `RunError` listing the valid names, the closest first.
  package static func named(_ name: String) throws(RunError) -> StudyKind {
    let name = try StudyName.named(name)
    guard let kind = all.first(where: { $0.name == name }) else {
      preconditionFailure("the study \(name.rawValue) is not registered")
    }
    return kind
  }
}
