/// Everything that one `trompe influence` does: explains images by training images, and changes them so
/// that others explain them.
public struct InfluenceRecipe: Hashable, Sendable {
  public var network: NetworkSection
  public var data: DataSection
  public var influence: InfluenceSection
  /// Of which only the batch size is used.
  public var evaluation: EvaluationSection
  public var report: ReportSection
  public var compute: ComputeSection

  public init(
    network: NetworkSection, data: DataSection, influence: InfluenceSection,
    evaluation: EvaluationSection = .init(), report: ReportSection = .init(),
    compute: ComputeSection = .init()
  ) {
    (self.network, self.data, self.influence) = (network, data, influence)
    (self.evaluation, self.report, self.compute) = (evaluation, report, compute)
  }
}

extension InfluenceRecipe: RecipeFile {
  static let schema = RecipeSchema(
    InfluenceRecipe(
      network: NetworkSection.schema.blank, data: DataSection.schema.blank,
      influence: InfluenceSection.schema.blank),
    [
      .section("network", \.network, NetworkSection.schema),
      .section("data", \.data, DataSection.schema),
      .section("influence", \.influence, InfluenceSection.schema),
      .section("evaluation", \.evaluation, EvaluationSection.schema(for: .influence)),
      .section("report", \.report, ReportSection.schema),
      .section("compute", \.compute, ComputeSection.schema),
    ],
    check: { _, root in DataSection.checkComposites(root.section("data"), areFor: nil) })

  public init(_ document: RecipeDocument) throws {
    guard document.root["influence"] != nil else {
      throw document.error(
        "has no influence, so there is nothing to do; add e.g. influence: {trainImages: 2000}")
    }
    self = try Self.schema.recipe(document, for: .influence)
  }

  /// The recipe with every default written out; see `FoolingRecipe.resolvedYAML()`.
  public func resolvedYAML() -> String {
    var recipe = self
    recipe.data.composites = .paper
    return Self.schema.yaml(recipe)
  }
}
