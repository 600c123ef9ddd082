import Foundation
import RunSupport

/// What a saved run needs besides tensors: the text of its training state.
public struct SavedProgress: Codable, Hashable {
  /// Steps done.
  public var step: Int
  /// Spent in steps.
  package var trainingSeconds: Double
  /// Of all processes until now.
  package var seconds: Double?
  /// The recipe's text, complete.
  package var recipe: String
  /// What the run reads; `nil` in states of older versions, as is the next.
  package var inputs: InputRecord?
  /// Of `metrics.jsonl`.
  package var metrics: MetricsLog.Mark?
  /// Of a search under a budget: all that it knows, as JSON; `nil` in other runs.
  package var search: String?
  /// Updates that the optimizer has done, where they are others than `step`.
  package var updates: Int?
  /// Whether the validation after this step has been used, and its line in the log stays.
  package var isMeasured: Bool?

  package init(
    step: Int, trainingSeconds: Double, seconds: Double, recipe: String, inputs: InputRecord,
    metrics: MetricsLog.Mark, search: String? = nil, updates: Int? = nil,
    isMeasured: Bool? = nil
  ) {
    (self.step, self.trainingSeconds, self.seconds) = (step, trainingSeconds, seconds)
    (self.recipe, self.inputs, self.metrics) = (recipe, inputs, metrics)
    (self.search, self.updates, self.isMeasured) = (search, updates, isMeasured)
  }

  /// - Throws: what is wrong with the text.
  public init(_ json: String) throws {
    self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
    guard step >= 0, updates ?? 0 >= 0, trainingSeconds.isFinite, trainingSeconds >= 0,
      seconds ?? 0 >= 0,
      (seconds ?? 0).isFinite
    else { throw RunError("the training state has impossible numbers") }
  }

  /// As it is saved.
  public func json() throws -> String {
    String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
  }
}
