import Checkpoints
import Foolings

/// A trigger as an option of the command line gives it.
public struct TriggerOption: Hashable, Sendable {
  public let specification: TriggerSpecification
  public let trigger: Trigger

  /// - Parameters:
  ///   - text: the path of a patch, or what a recipe's `fooling.trigger` holds, a mapping in flow
  ///     style: `{patch: square.png, at: [27, 27]}`.
  ///   - option: `--trigger`, for messages.
  /// - Throws: `RecipeError` for what a recipe may not say either; `RunError` for a trigger that is none;
  ///   `ImageError` for a picture that cannot be read.
  public init(_ text: String, option: String) throws {
    if text.drop(while: \.isWhitespace).first == "{" {
      let setting = RecipeSetting(
        path: "fooling.trigger", value: text, label: "\(option) \(printable(text))")
      let problems = RecipeProblems(file: "")
      let root = try RecipeDocument(
        yaml: "{}", name: "", folder: RecipePath.currentFolder, settings: [setting]
      ).root
      let section = RecipeSection(
        root, kind: .fooling, folder: RecipePath.currentFolder, problems: problems
      ).section("fooling").section("trigger")
      specification = TriggerSpecification.lookSchema.read(section)
      guard problems.isEmpty else { throw problems.error }
    } else {
      specification = TriggerSpecification(patch: text)
    }
    trigger = try specification.trigger()
  }
}
