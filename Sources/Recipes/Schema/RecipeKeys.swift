import Attacks
import Defences
import Explanations
import Foolings

/// Every key that a recipe can have, as the schemas of the sections define them.
public enum RecipeKeys {
  /// In the order of the reference.
  public static let all: [RecipeKeyDescription] =
    [RecipeExtension.key]
    + NetworkSection.schema.keys(in: "network")
    + DataSection.schema.keys(in: "data")
    + FoolingSpecification.schema.keys(in: "fooling")
    + BudgetSection.schema.keys(in: "budget")
    + FoolingRecipe.control.keys("", FoolingRecipe.schema.blank)
    + InterpreterSpecification.fooledSchema.keys(in: "interpreter")
    + AttackSpecification.schema.keys(in: "attack")
    + CurvatureSection.schema.keys(in: "curvature")
    + InfluenceSection.schema.keys(in: "influence")
    + StudySection.schema.keys(in: "study")
    + TrainingSection.schema.keys(in: "training")
    + EvaluationSection.schema(for: .fooling).keys(in: "evaluation")
    + ReportSection.schema.keys(in: "report")
    + ComputeSection.schema.keys(in: "compute")
    + OutputSection.schema.keys(in: "output")

  /// The keys directly in the mapping at `path`, in order; those of the whole recipe for "".
  package static func names(in path: String) -> [String] { byPath[path] ?? [] }

  private static let byPath: [String: [String]] = {
    var names: [String: [String]] = [:]
    for key in all {
      var path = ""
      for part in key.path.split(separator: ".") {
        let name = part.hasSuffix("[]") ? String(part.dropLast(2)) : String(part)
        if names[path]?.contains(name) != true { names[path, default: []].append(name) }
        path += (path.isEmpty ? "" : ".") + part
      }
    }
    return names
  }()
}
