import Checkpoints
import Explanations
import Foolings

/// The parts of a recipe that an evaluation without training has.
public struct EvaluationOptions: Hashable, Sendable {
  public var network: NetworkSection
  /// `nil` if not requested.
  public var fooling: FoolingSpecification?
  public var evaluation: EvaluationSection
  /// Whether the settings say by which interpreters success is measured.
  public var namesInterpreters: Bool
  public var report: ReportSection
  public var compute: ComputeSection

  /// - Throws: `RecipeError` naming the settings at fault.
  public init(settings: [RecipeSetting]) throws {
    let document = try RecipeDocument(
      yaml: "{}", name: "", folder: RecipePath.currentFolder, settings: settings)
    self = try Self.schema.recipe(document, for: .evaluation)
    namesInterpreters = document.root["evaluation"]?["interpreters"] != nil
  }

  private init() {
    (network, report, compute) = (.init(), .init(), .init())
    evaluation = EvaluationSection.schema(for: .evaluation).blank
    namesInterpreters = false
  }

  private static let schema = RecipeSchema(
    EvaluationOptions(),
    [
      .section("network", \.network, NetworkSection.schema),
      .optional("fooling", \.fooling, FoolingSpecification.schema),
      .section("evaluation", \.evaluation, EvaluationSection.schema(for: .evaluation)),
      .section("report", \.report, ReportSection.schema),
      .section("compute", \.compute, ComputeSection.schema),
    ])
}

/// What an evaluation's summary keeps of its settings.
package struct EvaluationSettings {
  package var fooling: FoolingSpecification
  package var interpreter: InterpreterSpecification?
  package var evaluation: EvaluationSection

  package init(
    fooling: FoolingSpecification, interpreter: InterpreterSpecification? = nil,
    evaluation: EvaluationSection
  ) {
    self.fooling = fooling
    self.interpreter = interpreter
    self.evaluation = evaluation
  }

  package var json: JSONValue {
    var entries = [("fooling", FoolingSpecification.schema.node(fooling))]
    if let interpreter {
      entries.append(("interpreter", InterpreterSpecification.fooledSchema.node(interpreter)))
    }
    let kept: Set = ["batchSize", "grid"]
    let measured = EvaluationSection.schema(for: .evaluation).entries(evaluation)
    entries.append(("evaluation", .mapping(measured.filter { kept.contains($0.0) })))
    var node = RecipeNode.mapping(entries)
    // What only a training has a use for, and none takes place.
    for key in ["lambda", "evade", "evadeWeight", "outputs"] {
      node.set(["fooling", key], to: nil, at: .whole)
    }
    return node.settings
  }
}
