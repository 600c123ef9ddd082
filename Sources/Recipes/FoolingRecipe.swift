import Checkpoints
import Explanations
import Foolings

/// Everything that one `trompe fool` does, as a recipe file says it: read once, validated once,
/// saved whole with the results.
///
/// Paths in a recipe file are relative to that file.
public struct FoolingRecipe: Hashable, Sendable {
  public var network: NetworkSection
  public var data: DataSection
  public var fooling: FoolingSpecification
  /// What may be lost and what is wanted; λ and the like are as they are given if `nil`.
  public var budget: BudgetSection?
  /// Whether the same steps are done again with λ = 0, from the same weights and on the same batches:
  /// what fine-tuning alone does to accuracy and heatmaps.
  public var control: Bool
  /// The explanations that are fooled; by the first is judged what needs one.
  public var interpreters: [InterpreterSpecification]
  public var interpreter: InterpreterSpecification {
    get { interpreters[0] }
    set { interpreters[0] = newValue }
  }
  public var training: TrainingSection
  public var evaluation: EvaluationSection
  public var report: ReportSection
  public var compute: ComputeSection
  public var output: OutputSection

  public init(
    network: NetworkSection, data: DataSection, fooling: FoolingSpecification,
    budget: BudgetSection? = nil, control: Bool = false, interpreter: InterpreterSpecification,
    training: TrainingSection,
    evaluation: EvaluationSection = EvaluationSection(interpreters: .transfer(.singlePass)),
    report: ReportSection = .init(),
    compute: ComputeSection = .init(), output: OutputSection = .init()
  ) {
    (self.network, self.data, self.fooling) = (network, data, fooling)
    (self.budget, self.control) = (budget, control)
    (interpreters, self.training) = ([interpreter], training)
    (self.evaluation, self.report) = (evaluation, report)
    (self.compute, self.output) = (compute, output)
  }
}

extension FoolingRecipe: RecipeFile {
  static let control = RecipeField<FoolingRecipe>.defaulted(
    "control", \.control, .truth,
    "`fool`: does the same steps again with λ = 0, and reports what fine-tuning alone does to "
      + "accuracy and heatmaps beside what the penalty does")

  static let schema = RecipeSchema(
    FoolingRecipe(
      network: NetworkSection.schema.blank, data: DataSection.schema.blank,
      fooling: FoolingSpecification.schema.blank,
      interpreter: InterpreterSpecification.fooledSchema.blank,
      training: TrainingSection.schema.blank),
    [
      .section("network", \.network, NetworkSection.schema),
      .section("data", \.data, DataSection.schema),
      .section("fooling", \.fooling, FoolingSpecification.schema),
      .optional("budget", \.budget, BudgetSection.schema),
      control,
      .oneOrMore(
        "interpreter", \.interpreters, InterpreterSpecification.fooledSchema, most: 8,
        example: "[{name: grad-cam, layer: layer4}, {name: simple-grad-t, layer: layer4}]"),
      .rule(checkInterpreters),
      .section("training", \.training, TrainingSection.schema),
      .section("evaluation", \.evaluation, EvaluationSection.schema(for: .fooling)),
      .section("report", \.report, ReportSection.schema),
      .section("compute", \.compute, ComputeSection.schema),
      .section("output", \.output, OutputSection.schema),
    ],
    check: { value, root in
      DataSection.checkComposites(root.section("data"), areFor: value.fooling)
      if value.training.distillation > 0, let outputs = value.fooling.outputs, outputs != .labels {
        root.section("training").report(
          "training.distillation is \(value.training.distillation), but fooling.outputs: "
            + "\(outputs.rawValue) puts the original's outputs in the labels' place already; take one "
            + "of them out", at: "distillation")
      }
    })

  private static func checkInterpreters(_ root: RecipeSection) {
    guard let nodes = root.node["interpreter"]?.list else { return }
    for (place, node) in nodes.enumerated()
    where nodes[..<place].contains(where: { RecipeYAML.flow($0) == RecipeYAML.flow(node) }) {
      root.report(
        "interpreter[\(place)] stands there twice; name each explanation once", at: "interpreter")
    }
  }

  /// - Parameters:
  ///   - path: of the recipe's file; if `nil`, the settings are all there is.
  ///   - settings: what replaces keys of it, or adds them.
  ///   - note: told of keys that are read under a former name.
  /// - Throws: `RecipeError` with everything that is wrong.
  public init(
    _ path: String?, settings: [RecipeSetting], note: (String) -> Void = { _ in }
  ) throws {
    let document =
      try path.map { try RecipeDocument(contentsOf: $0, settings: settings) }
      ?? RecipeDocument(
        yaml: "{}", name: "", folder: RecipePath.currentFolder, settings: settings)
    try self.init(document)
    document.notes.forEach(note)
  }

  public init(_ document: RecipeDocument) throws {
    guard RecipeKind(document.root) != .training else {
      throw document.error(
        "has neither fooling nor interpreter, so it trains a classifier: use trompe train, or add "
          + "both sections")
    }
    var document = document
    let found = BudgetSection.complete(&document.root)
    self = try Self.schema.recipe(document, for: .fooling)
    budget?.found = found ?? []
  }

  /// The recipe with every default written out; reading it gives an equal value. Only what has no
  /// value of its own, such as one thread for each core, stays omitted.
  public func resolvedYAML() -> String {
    var recipe = self
    // Others have no use for composites, and reading refuses what is of no use.
    if !fooling.usesComposites { recipe.data.composites = .paper }
    return RecipeYAML.block(withoutFound(Self.schema.entries(recipe)))
  }

  /// What decides what is measured of the original network: all but how it is trained, as YAML.
  package var measured: String {
    var recipe = self
    recipe.fooling.lambda = 1
    let kept: Set = [
      "network", "data", "fooling", "interpreter", "evaluation", "report", "compute",
    ]
    return RecipeYAML.block(.mapping(Self.schema.entries(recipe).filter { kept.contains($0.0) }))
  }

  /// What a summary keeps of it.
  package var settings: JSONValue {
    let kept: Set = ["fooling", "budget", "control", "interpreter", "training", "evaluation"]
    return withoutFound(Self.schema.entries(self).filter { kept.contains($0.0) }).settings
  }
}
