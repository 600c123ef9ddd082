import Checkpoints
import Explanations

/// An interpreter as an option of the command line gives it.
public struct InterpreterOption: Hashable, Sendable {
  public let specification: InterpreterSpecification
  /// Whether the layer is the one that others share.
  public let usesSharedLayer: Bool

  /// - Parameters:
  ///   - text: `name`, `name@layer`, or what a recipe's `interpreter` holds, a mapping in flow style:
  ///     `{name: smooth-grad, samples: 64}`.
  ///   - option: `--interpreter`, for messages.
  ///   - sharedLayer: the target layer of a method that needs one and is given none.
  /// - Throws: `RecipeError` for what a recipe may not say either; `NetworkError` for a name or layer
  ///   that is none.
  public init(_ text: String, option: String, sharedLayer: String?) throws {
    if text.drop(while: \.isWhitespace).first == "{" {
      (specification, usesSharedLayer) = try Self.read(
        mapping: text, option: option, sharedLayer: sharedLayer)
      return
    }
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    var specification = InterpreterSpecification(
      name: String(parts[0]), layer: parts.count > 1 ? String(parts[1]) : nil)
    let isWithout =
      try InterpreterKind.named(specification.name).place == .targetLayer
      && specification.layer == nil
    if isWithout { specification.layer = sharedLayer }
    _ = try specification.interpreter()
    (self.specification, usesSharedLayer) = (specification, isWithout)
  }

  private static func read(
    mapping text: String, option: String, sharedLayer: String?
  ) throws -> (InterpreterSpecification, usesSharedLayer: Bool) {
    let setting = RecipeSetting(
      path: "interpreter", value: text, label: "\(option) \(printable(text))")
    let problems = RecipeProblems(file: "")
    var root = try RecipeDocument(
      yaml: "{}", name: "", folder: RecipePath.currentFolder, settings: [setting]
    ).root
    let given = root["interpreter"]
    let name = given?["name"]?.text
    let isWithout =
      name.flatMap { try? InterpreterKind.named($0) }?.place == .targetLayer
      && given?["layer"]?.isNull != false
    if isWithout, let sharedLayer {
      root.set(["interpreter", "layer"], to: .text(sharedLayer), at: .setting(setting.label))
    }
    let section = RecipeSection(
      root, kind: .fooling, folder: RecipePath.currentFolder, problems: problems
    ).section("interpreter")
    let specification = InterpreterSpecification.fooledSchema.read(section)
    guard problems.isEmpty else { throw problems.error }
    return (specification, isWithout && sharedLayer != nil)
  }
}
