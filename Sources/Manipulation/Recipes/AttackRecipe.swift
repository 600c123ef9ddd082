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
  public init(_ document: RecipeDocument) throws {
    let problems = RecipeProblems(file: document.name)
    guard document.root["attack"] != nil else {
      problems.add(
        "has no attack, so there is nothing to do; add e.g. attack: {methods: [top-k]}", at: .whole)
      throw problems.error
    }
    let recipe = RecipeReader(document, problems, kind: .attack)
    let network = recipe.network()
    let data = recipe.data()
    let interpreter = recipe.interpreter()
    let attack = recipe.attack()
    let curvature = recipe.curvature()
    let evaluation = recipe.evaluation()
    let report = recipe.report()
    let compute = recipe.compute()
    recipe.checkComposites(areFor: nil)
    guard problems.isEmpty, let network, let data, let interpreter, let attack, let curvature,
      let evaluation,
      let report
    else { throw problems.error }
    self.init(
      network: network, data: data, interpreter: interpreter, attack: attack,
      curvature: curvature, evaluation: evaluation, report: report, compute: compute)
  }

  /// The recipe with every default written out; see `FoolingRecipe.resolvedYAML()`.
  public func resolvedYAML() -> String {
    var writer = RecipeWriter()
    writer.write(network)
    writer.write(data, composites: .paper)
    writer.write(interpreter)
    writer.write(attack)
    writer.write(curvature)
    writer.put(RecipeKeys.Evaluation.batchSize, evaluation.batchSize)
    writer.put(RecipeKeys.Report.images, report.images)
    writer.write(compute)
    return writer.text
  }
}

extension RecipeReader {
  func attack() -> AttackSpecification? {
    typealias Keys = RecipeKeys.Attack
    let section = root.section("attack")
    let before = problems.count
    let methods = section.value(Keys.methods)
    let (epsilons, stepSize) = (section.value(Keys.epsilon), section.value(Keys.stepSize))
    let (iterations, checkEvery) = (section.value(Keys.iterations), section.value(Keys.checkEvery))
    let (k, beta) = (section.value(Keys.k), section.value(Keys.beta))
    let (images, seed) = (section.value(Keys.images), section.value(Keys.seed))
    let (region, target) = (section.value(Keys.region), section.path(Keys.target))
    let (weight, finalBeta) = (section.value(Keys.logitWeight), section.value(Keys.finalBeta))
    guard problems.count == before, let methods, let epsilons, let stepSize, let iterations,
      let checkEvery, let beta, let images, let seed
    else { return nil }
    if Set(epsilons).count < epsilons.count {
      problems.add(
        "attack.epsilon has a number twice", at: section.origin(of: Keys.epsilon.name))
    }
    let specification = AttackSpecification(
      methods: methods, epsilons: epsilons, stepSize: stepSize, iterations: iterations,
      checkEvery: checkEvery, k: k, beta: beta, images: images, seed: seed, region: region,
      target: target, logitWeight: weight, finalBeta: finalBeta)
    do { try specification.check() } catch {
      problems.add("attack: \(error)", at: section.origin(of: Keys.methods.name))
    }
    return specification
  }
}

extension RecipeWriter {
  mutating func write(_ attack: AttackSpecification) {
    typealias Keys = RecipeKeys.Attack
    put(Keys.methods, attack.methods)
    put(Keys.epsilon, attack.epsilons)
    put(Keys.stepSize, attack.stepSize)
    put(Keys.iterations, attack.iterations)
    put(Keys.checkEvery, attack.checkEvery)
    put(Keys.k, attack.k)
    put(Keys.beta, attack.beta)
    put(Keys.images, attack.images)
    put(Keys.seed, attack.seed)
    put(Keys.region, attack.region)
    put(Keys.target, attack.target)
    put(Keys.logitWeight, attack.logitWeight)
    put(Keys.finalBeta, attack.finalBeta)
  }
}
