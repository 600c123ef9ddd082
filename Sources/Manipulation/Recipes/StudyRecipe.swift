import Attacks
import Explanations

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
  public init(_ document: RecipeDocument) throws {
    let problems = RecipeProblems(file: document.name)
    guard document.root["study"] != nil else {
      problems.add(
        "has no study, so there is nothing to do; add e.g. study: {studies: [aopc], checkpoints: "
          + "[{name: plain, file: a.h5}]}", at: .whole)
      throw problems.error
    }
    let recipe = RecipeReader(document, problems, kind: .study)
    let network = recipe.network()
    let data = recipe.data()
    let fooling = recipe.root.has("fooling") ? recipe.fooling() : nil
    let interpreter = recipe.interpreter()
    let attack = recipe.root.has("attack") ? recipe.attack() : nil
    let study = recipe.study()
    let evaluation = recipe.evaluation()
    let report = recipe.report()
    let compute = recipe.compute()
    recipe.checkComposites(areFor: fooling)
    for name in study?.studies ?? [] {
      let needs = try StudyKind.named(name).needs
      if needs == .test, !recipe.root.has("fooling") {
        problems.add(
          "fooling is missing: the study \(name) tests heatmaps; add e.g. fooling: {name: location}",
          at: .whole)
      }
      if needs == .attack, !recipe.root.has("attack") {
        problems.add(
          "attack is missing: the study \(name) attacks images; add e.g. attack: {methods: "
            + "[top-k]}", at: .whole)
      }
    }
    guard problems.isEmpty, let network, let data, let interpreter, let study, let evaluation,
      let report
    else { throw problems.error }
    self.init(
      network: network, data: data, fooling: fooling, interpreter: interpreter, attack: attack,
      study: study, evaluation: evaluation, report: report, compute: compute)
  }

  /// The recipe with every default written out; see `FoolingRecipe.resolvedYAML()`.
  public func resolvedYAML() -> String {
    var writer = RecipeWriter()
    writer.write(network)
    let isActive =
      fooling.flatMap { try? FoolingKind.named($0.name) }?.options.contains(.classes) == true
    writer.write(data, composites: isActive ? data.composites : .paper)
    if let fooling { writer.write(fooling) }
    writer.write(interpreter)
    if let attack { writer.write(attack) }
    writer.write(study)
    writer.write(evaluation)
    writer.put(RecipeKeys.Report.images, report.images)
    writer.write(compute)
    return writer.text
  }

  /// The recipe of `trompe attack` for one of the networks.
  /// - Precondition: there is a study `attack`.
  func attackRecipe(of checkpoint: StudySection.Checkpoint) -> AttackRecipe {
    guard let attack else { preconditionFailure("a study of attacks without attacks") }
    var section = network
    section.checkpoint = checkpoint.file
    return AttackRecipe(
      network: section, data: data, interpreter: interpreter, attack: attack,
      evaluation: EvaluationSection(batchSize: evaluation.batchSize), report: report,
      compute: compute)
  }
}
