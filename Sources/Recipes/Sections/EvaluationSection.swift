import Explanations
import Foolings

/// How results are measured.
public struct EvaluationSection: Hashable, Sendable {
  public var batchSize: Int
  /// Interpreters besides the fooled one by which success is measured.
  public var interpreters: FurtherInterpreters
  /// On which grid heatmaps are tested.
  public var grid: EvaluationGrid

  public init(
    batchSize: Int = 16, interpreters: FurtherInterpreters = [], grid: EvaluationGrid = .fooled
  ) {
    (self.batchSize, self.interpreters, self.grid) = (batchSize, interpreters, grid)
  }
}

extension EvaluationSection {
  /// Only recipes that test heatmaps have all of its entries.
  static func schema(for purpose: RecipePurpose) -> RecipeSchema<EvaluationSection> {
    let further: FurtherInterpreters =
      purpose == .fooling || purpose == .study ? .transfer(.singlePass) : []
    return RecipeSchema(
      EvaluationSection(interpreters: further),
      [
        .defaulted("batchSize", \.batchSize, .integer(1...4096), "images at a time"),
        interpreters(for: purpose), grid(for: purpose),
      ])
  }

  private static let others: Set<RecipePurpose> = [.training, .attack, .influence]

  private static func interpreters(for purpose: RecipePurpose) -> RecipeField<EvaluationSection> {
    interpreters.refused("interpreters", in: others) { purpose in
      switch purpose {
      case .training: "is for trompe fool: training a classifier explains nothing"
      case .attack: "is for trompe fool: an attack is on the one interpreter of the recipe"
      default: "is for trompe fool: influences draw no heatmaps"
      }
    }
    .written { _ in purpose.testsHeatmaps }
  }

  private static func grid(for purpose: RecipePurpose) -> RecipeField<EvaluationSection> {
    RecipeField<EvaluationSection>.defaulted(
      "grid", \.grid, .grid,
      "on which grid heatmaps are tested: that of the fooled interpreter's (`fooled`), each "
        + "interpreter's own (`own`), or so many cells a side; for the penalty as well"
    )
    .refused("grid", in: others) { _ in
      "is for trompe fool, evaluate and study: nothing else tests heatmaps"
    }
    .written { _ in purpose.testsHeatmaps }
  }

  /// A word or a list.
  private static let interpreters = RecipeField<EvaluationSection>(
    keys: { path, _ in
      [
        RecipeKeyDescription(
          path: "\(path).interpreters", type: "single-pass, all or a list", range: "up to 100",
          fallback: "single-pass",
          meaning: "further explanations by which success is measured, the row of the transfer "
            + "matrix: every single-pass method at the same layer or at the input, every method, or "
            + "these; `[]`: none")
      ] + InterpreterSpecification.measuredSchema.keys(in: "\(path).interpreters[]")
    },
    read: { section, value in
      guard let node = section.node["interpreters"] else { return }
      if let several = node.text.flatMap(TransferInterpreters.init) {
        value.interpreters = .transfer(several)
        return
      }
      guard let nodes = node.list, nodes.count <= 100 else {
        section.problems.add(
          "evaluation.interpreters is \(node.shown), expected single-pass, all, or a list of at "
            + "most 100, e.g. [{name: simple-grad}]", at: node.origin)
        return
      }
      let before = section.problems.count
      let interpreters = nodes.indices.map {
        InterpreterSpecification.measuredSchema.read(
          section.element($0, of: nodes, in: "interpreters"))
      }
      if section.problems.count == before, Set(interpreters).count < interpreters.count {
        section.report("evaluation.interpreters has an interpreter twice", at: "interpreters")
      }
      value.interpreters = .these(interpreters)
    },
    write: { section in
      switch section.interpreters {
      case .transfer(let kinds): [("interpreters", .plain(kinds.rawValue))]
      case .these(let interpreters):
        [("interpreters", .list(interpreters.map(InterpreterSpecification.measuredSchema.node)))]
      }
    })
}
