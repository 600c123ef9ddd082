/// One key of a recipe, as the reference lists it.
public struct RecipeKeyDescription: Hashable, Sendable {
  /// `training.batchSize`; `[]` stands for any element of a list.
  public let path: String
  public let type: String
  /// Of allowed values; empty if any value of the type will do.
  public let range: String
  /// What holds if the key is omitted; `required` if it must be given.
  public let fallback: String
  public let meaning: String

  /// The row of the table in `docs/recipes.md`.
  public var markdownRow: String {
    "| `\(path)` | \(type) | \(range) | \(fallback) | \(meaning) |"
  }
}
