import Recipes
import RunFolders
import RunSupport
import TensorRuntime

/// What a study will take, found out before it. Nothing is written.
public struct StudyForecast: Codable, Hashable, Sendable {
  /// One study.
  public struct Part: Codable, Hashable, Sendable {
    public var name: String
    /// In a few words.
    public var work: String
    /// On this machine as busy as it was; `nil` if nothing was measured.
    public var seconds: Double?

    package init(name: String, work: String, seconds: Double? = nil) {
      self.name = name
      self.work = work
      self.seconds = seconds
    }
  }
  public var network: String
  public var networks: [String]
  public var interpreter: String
  public var parts: [Part]
  /// Of all studies; `nil` if nothing was measured.
  public var seconds: Double? {
    parts.reduce(0) { sum, part in sum.flatMap { sum in part.seconds.map { sum + $0 } } }
  }

  /// - Parameters:
  ///   - recipe: of the run.
  ///   - executor: on which it would run.
  ///   - measures: whether to run a few batches for an estimate of the time.
  /// - Throws: what would stop the run before its first study.
  public init(_ recipe: StudyRecipe, on executor: any Executor, measures: Bool = true) throws {
    let stage = try StudyStage(
      recipe, on: executor, in: RunContext(nil, stop: StopRequest()) { _ in })
    network = stage.description
    networks = stage.subjects.map(\.name)
    interpreter = stage.interpreter.name
    parts = try recipe.study.studies.map {
      try StudyKind.named($0).forecast(stage, measures)
    }
  }
}
