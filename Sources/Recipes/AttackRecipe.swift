import Attacks
import Explanations

/// Everything that one `trompe attack` does: changes images so that the explanations of a network
/// that stays as it is change and its classifications do not.
public struct AttackRecipe: Hashable, Sendable {
  public var network: NetworkSection
  public var data: DataSection
  public var interpreter: InterpreterSpecification
  public var attack: AttackSpecification
  /// For `trompe curvature`.
  public var curvature: CurvatureSection
  /// Of which only the batch size is used.
  public var evaluation: EvaluationSection
  public var report: ReportSection
  public var compute: ComputeSection

  public init(
    network: NetworkSection, data: DataSection, interpreter: InterpreterSpecification,
    attack: AttackSpecification, curvature: CurvatureSection = .init(),
    evaluation: EvaluationSection = .init(), report: ReportSection = .init(),
    compute: ComputeSection = .init()
  ) {
    (self.network, self.data, self.interpreter) = (network, data, interpreter)
    (self.attack, self.curvature, self.evaluation) = (attack, curvature, evaluation)
    (self.report, self.compute) = (report, compute)
  }
}

extension AttackRecipe: RecipeFile {
  static let schema = RecipeSchema(
    AttackRecipe(
      network: NetworkSection.schema.blank, data: DataSection.schema.blank,
      interpreter: InterpreterSpecification.fooledSchema.blank,
      attack: AttackSpecification.schema.blank),
    [
      .section("network", \.network, NetworkSection.schema),
      .section("data", \.data, DataSection.schema),
      .section("interpreter", \.interpreter, InterpreterSpecification.fooledSchema),
      .section("attack", \.attack, AttackSpecification.schema),
      .section("curvature", \.curvature, CurvatureSection.schema),
      .section("evaluation", \.evaluation, EvaluationSection.schema(for: .attack)),
      .section("report", \.report, ReportSection.schema),
      .section("compute", \.compute, ComputeSection.schema),
    ],
    check: { _, root in DataSection.checkComposites(root.section("data"), areFor: nil) })

  public init(_ document: RecipeDocument) throws {
    guard document.root["attack"] != nil else {
      throw document.error(
        "has no attack, so there is nothing to do; add e.g. attack: {methods: [top-k]}")
    }
    self = try Self.schema.recipe(document, for: .attack)
  }

  /// The recipe with every default written out; see `FoolingRecipe.resolvedYAML()`.
  public func resolvedYAML() -> String {
    var recipe = self
    recipe.data.composites = .paper
    return Self.schema.yaml(recipe)
  }
}
