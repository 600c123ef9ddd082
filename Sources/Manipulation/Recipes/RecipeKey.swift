/// One key of a recipe, as the manual's table lists it.
public struct RecipeKeyDescription: Hashable, Sendable {
  /// `training.batchSize`; `[]` stands for any element of a list.
  public let path: String
  public let type: String
  /// Of allowed values; empty if any value of the type will do.
  public let range: String
  /// What holds if the key is left out; `required` if it must be given.
  public let fallback: String
  public let meaning: String

  /// The row of the table in `docs/recipes.md`.
  public var markdownRow: String {
    "| `\(path)` | \(type) | \(range) | \(fallback) | \(meaning) |"
  }
}

/// A key with the form of its value.
struct RecipeKey<Value: Sendable>: Sendable {
  let description: RecipeKeyDescription
  let form: RecipeForm<Value>
  /// The value if the key is left out, where it is always the same.
  let fallback: Value?
  let isRequired: Bool

  /// The last part of the path.
  var name: String { String(description.path.split(separator: ".").last ?? "") }

  private init(
    _ path: String, _ form: RecipeForm<Value>, fallback: Value?, _ text: String, isRequired: Bool,
    _ meaning: String
  ) {
    description = RecipeKeyDescription(
      path: path, type: form.type, range: form.range, fallback: text, meaning: meaning)
    (self.form, self.fallback, self.isRequired) = (form, fallback, isRequired)
  }

  static func required(_ path: String, _ form: RecipeForm<Value>, _ meaning: String) -> Self {
    Self(path, form, fallback: nil, "required", isRequired: true, meaning)
  }

  static func optional(
    _ path: String, _ form: RecipeForm<Value>, default value: Value, _ meaning: String
  ) -> Self {
    Self(
      path, form, fallback: value, RecipeYAML.flow(form.write(value)), isRequired: false, meaning)
  }

  /// Without a value of its own when left out; `text` says what happens then.
  static func automatic(
    _ path: String, _ form: RecipeForm<Value>, else text: String, _ meaning: String
  ) -> Self {
    Self(path, form, fallback: nil, text, isRequired: false, meaning)
  }
}
