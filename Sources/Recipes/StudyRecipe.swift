import Attacks
import Explanations
import Foolings

/// Everything that one `trompe study` does: a set of studies of several networks of one architecture.
public struct StudyRecipe: Hashable, Sendable {
  /// What is common to all networks; their files are in `study`.
  public var network: NetworkSection
  public var data: DataSection
  /// Of which only the test is used; `nil` if no study has one.
  public var fooling: FoolingSpecification?
  /// The explanation that is studied.
  public var interpreter: InterpreterSpecification
  /// `nil` if there is no study `attack`.
  public var attack: AttackSpecification?
  public var study: StudySection
  /// Images at a time, and the further explanations of `transfer`.
  public var evaluation: EvaluationSection
  /// For `attack`.
  public var report: ReportSection
  public var compute: ComputeSection

  public init(
    network: NetworkSection = .init(), data: DataSection, fooling: FoolingSpecification? = nil,
    interpreter: InterpreterSpecification, attack: AttackSpecification? = nil,
    study: StudySection,
    evaluation: EvaluationSection = EvaluationSection(interpreters: .transfer(.singlePass)),
    report: ReportSection = .init(), compute: ComputeSection = .init()
  ) {
    (self.network, self.data, self.fooling) = (network, data, fooling)
    (self.interpreter, self.attack, self.study) = (interpreter, attack, study)
    (self.evaluation, self.report, self.compute) = (evaluation, report, compute)
  }
}

extension StudyRecipe: RecipeFile {
  static let schema = RecipeSchema(
    StudyRecipe(
      data: DataSection.schema.blank, interpreter: InterpreterSpecification.fooledSchema.blank,
      study: StudySection.schema.blank),
    [
      .section("network", \.network, NetworkSection.schema),
      .section("data", \.data, DataSection.schema),
      .optional("fooling", \.fooling, FoolingSpecification.schema),
      .section("interpreter", \.interpreter, InterpreterSpecification.fooledSchema),
      .optional("attack", \.attack, AttackSpecification.schema),
      .section("study", \.study, StudySection.schema),
      .section("evaluation", \.evaluation, EvaluationSection.schema(for: .study)),
      .section("report", \.report, ReportSection.schema),
      .section("compute", \.compute, ComputeSection.schema),
      .rule(checkNeeds),
    ],
    check: { value, root in
      DataSection.checkComposites(root.section("data"), areFor: value.fooling)
    })

  /// What the studies need besides the interpreter.
  @Sendable private static func checkNeeds(_ root: RecipeSection) {
    for name in root.node["study"]?["studies"]?.list?.compactMap(\.text) ?? [] {
      let needs = (try? StudyName.named(name))?.need
      if needs == .test, !root.has("fooling") {
        root.problems.add(
          "fooling is missing: the study \(name) tests heatmaps; add e.g. fooling: {name: location}",
          at: .whole)
      }
      if needs == .attack, !root.has("attack") {
        root.problems.add(
          "attack is missing: the study \(name) attacks images; add e.g. attack: {methods: "
            + "[top-k]}", at: .whole)
      }
    }
  }

  public init(_ document: RecipeDocument) throws {
    guard document.root["study"] != nil else {
      throw document.error(
        "has no study, so there is nothing to do; add e.g. study: {studies: [aopc], checkpoints: "
          + "[{name: plain, file: a.h5}]}")
    }
    self = try Self.schema.recipe(document, for: .study)
  }

  /// The recipe with every default written out; see `FoolingRecipe.resolvedYAML()`.
  public func resolvedYAML() -> String {
    var recipe = self
    if fooling?.usesComposites != true { recipe.data.composites = .paper }
    return Self.schema.yaml(recipe)
  }

  /// The recipe of `trompe attack` for one of the networks.
  /// - Precondition: there is a study `attack`.
  package func attackRecipe(of checkpoint: StudySection.Checkpoint) -> AttackRecipe {
    guard let attack else { preconditionFailure("a study of attacks without attacks") }
    var section = network
    section.checkpoint = checkpoint.file
    return AttackRecipe(
      network: section, data: data, interpreter: interpreter, attack: attack,
      evaluation: EvaluationSection(batchSize: evaluation.batchSize), report: report,
      compute: compute)
  }
}
