/// Everything that one `trompe train` does: standard training with cross-entropy.
public struct TrainingRecipe: Hashable, Sendable {
  public var network: NetworkSection
  public var data: DataSection
  public var training: TrainingSection
  /// Of which only the batch size is used.
  public var evaluation: EvaluationSection
  public var compute: ComputeSection
  public var output: OutputSection

  public init(
    network: NetworkSection, data: DataSection, training: TrainingSection,
    evaluation: EvaluationSection = .init(), compute: ComputeSection = .init(),
    output: OutputSection = .init()
  ) {
    (self.network, self.data, self.training) = (network, data, training)
    (self.evaluation, self.compute, self.output) = (evaluation, compute, output)
  }
}

extension TrainingRecipe: RecipeFile {
  static let schema = RecipeSchema(
    TrainingRecipe(
      network: NetworkSection.schema.blank, data: DataSection.schema.blank,
      training: TrainingSection.schema.blank),
    [
      .section("network", \.network, NetworkSection.schema),
      .section("data", \.data, DataSection.schema),
      .section("training", \.training, TrainingSection.schema),
      .section("evaluation", \.evaluation, EvaluationSection.schema(for: .training)),
      .section("compute", \.compute, ComputeSection.schema),
      .section("output", \.output, OutputSection.schema),
      .rule { root in
        if root.has("report") {
          root.report(
            "report is for trompe fool: training a classifier explains nothing", at: "report")
        }
      },
    ],
    check: { _, root in DataSection.checkComposites(root.section("data"), areFor: nil) })

  public init(_ document: RecipeDocument) throws {
    // One foreign section says what the recipe is; what else is in it follows from that.
    try document.refuseFirstForeignSection(of: .training)
    self = try Self.schema.recipe(document, for: .training)
  }

  /// The recipe with every default written out; see `FoolingRecipe.resolvedYAML()`.
  public func resolvedYAML() -> String {
    var recipe = self
    recipe.data.composites = .paper
    return Self.schema.yaml(recipe)
  }
}
