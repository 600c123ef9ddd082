/// How (H + δI)⁻¹·b is found.
public enum InfluenceSolver: String, Codable, Hashable, Sendable, CaseIterable {
  /// The Hessian itself is factorised.
  case direct
  case conjugateGradients = "conjugate-gradients"
}

/// What `trompe influence` does.
public struct InfluenceSection: Hashable, Sendable {
  // Koh and Liang 2017, Section 4.2, and Ghorbani et al. 2019, released code.
  public static let paperDamping = 0.01
  // Ghorbani et al. 2019, Section 3.
  public static let paperTargets = 3
  public static let paperTop = 5

  /// Whose weights are considered; the last dense layer if `nil`.
  public var layers: [String]?
  /// By the number of weights if `nil`.
  public var solver: InfluenceSolver?
  /// δ, added to the diagonal of the Hessian.
  public var damping: Double
  /// Of conjugate gradients, at most.
  public var iterations: Int
  /// ‖b − (H + δI)·x‖ / ‖b‖ at which conjugate gradients end.
  public var tolerance: Double
  /// Whose influence is computed, drawn from those of the training split.
  public var trainImages: Int
  /// That are explained by them, drawn from those of the validation split that are classified
  /// correctly.
  public var images: Int
  /// Of the most helpful training images so many are to lose their influence.
  public var targets: Int
  /// So many count as the top of a ranking.
  public var top: Int
  /// ε: the largest change of a sample, in units of 0 to 255; one curve point for each.
  public var epsilons: [Double]
  /// Of the choice of images and of random signs.
  public var seed: UInt64

  public init(
    layers: [String]? = nil, solver: InfluenceSolver? = nil, damping: Double = paperDamping,
    iterations: Int = 100, tolerance: Double = 1e-4, trainImages: Int = 2000, images: Int = 32,
    targets: Int = paperTargets, top: Int = paperTop, epsilons: [Double] = [1, 2, 4, 8],
    seed: UInt64 = 0
  ) {
    (self.layers, self.solver, self.damping) = (layers, solver, damping)
    (self.iterations, self.tolerance) = (iterations, tolerance)
    (self.trainImages, self.images, self.targets) = (trainImages, images, targets)
    (self.top, self.epsilons, self.seed) = (top, epsilons, seed)
  }
}

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
  public init(_ document: RecipeDocument) throws {
    let problems = RecipeProblems(file: document.name)
    guard document.root["influence"] != nil else {
      problems.add(
        "has no influence, so there is nothing to do; add e.g. influence: {trainImages: 2000}",
        at: .whole)
      throw problems.error
    }
    let recipe = RecipeReader(document, problems, kind: .influence)
    let network = recipe.network()
    let data = recipe.data()
    let influence = recipe.influence()
    let evaluation = recipe.evaluation()
    let report = recipe.report()
    let compute = recipe.compute()
    recipe.checkComposites(areFor: nil)
    guard problems.isEmpty, let network, let data, let influence, let evaluation, let report
    else { throw problems.error }
    self.init(
      network: network, data: data, influence: influence, evaluation: evaluation, report: report,
      compute: compute)
  }

  /// The recipe with every default written out; see `FoolingRecipe.resolvedYAML()`.
  public func resolvedYAML() -> String {
    var writer = RecipeWriter()
    writer.write(network)
    writer.write(data, composites: .paper)
    writer.write(influence)
    writer.put(RecipeKeys.Evaluation.batchSize, evaluation.batchSize)
    writer.put(RecipeKeys.Report.images, report.images)
    writer.write(compute)
    return writer.text
  }
}

extension RecipeReader {
  func influence() -> InfluenceSection? {
    typealias Keys = RecipeKeys.Influence
    let section = root.section("influence")
    let before = problems.count
    let (layers, solver) = (section.value(Keys.layers), section.value(Keys.solver))
    let (damping, iterations) = (section.value(Keys.damping), section.value(Keys.iterations))
    let (tolerance, train) = (section.value(Keys.tolerance), section.value(Keys.trainImages))
    let (images, targets) = (section.value(Keys.images), section.value(Keys.targets))
    let (top, epsilons) = (section.value(Keys.top), section.value(Keys.epsilon))
    let seed = section.value(Keys.seed)
    guard problems.count == before, let damping, let iterations, let tolerance, let train,
      let images, let targets, let top, let epsilons, let seed
    else { return nil }
    if Set(epsilons).count < epsilons.count {
      problems.add(
        "influence.epsilon has a number twice", at: section.origin(of: Keys.epsilon.name))
    }
    if let layers, Set(layers).count < layers.count {
      problems.add("influence.layers has a name twice", at: section.origin(of: Keys.layers.name))
    }
    if layers != nil, solver == .direct {
      problems.add(
        "influence.solver direct is for the last dense layer: take influence.layers out, or take "
          + "conjugate-gradients", at: section.origin(of: Keys.solver.name))
    }
    for (key, count) in [(Keys.targets.name, targets), (Keys.top.name, top)]
    where count > train {
      problems.add(
        "influence.\(key) is \(count), more than the \(train) of influence.trainImages",
        at: section.origin(of: key))
    }
    return InfluenceSection(
      layers: layers, solver: solver, damping: damping, iterations: iterations,
      tolerance: tolerance, trainImages: train, images: images, targets: targets, top: top,
      epsilons: epsilons, seed: seed)
  }
}

extension RecipeWriter {
  mutating func write(_ influence: InfluenceSection) {
    typealias Keys = RecipeKeys.Influence
    put(Keys.layers, influence.layers)
    put(Keys.solver, influence.solver)
    put(Keys.damping, influence.damping)
    put(Keys.iterations, influence.iterations)
    put(Keys.tolerance, influence.tolerance)
    put(Keys.trainImages, influence.trainImages)
    put(Keys.images, influence.images)
    put(Keys.targets, influence.targets)
    put(Keys.top, influence.top)
    put(Keys.epsilon, influence.epsilons)
    put(Keys.seed, influence.seed)
  }
}
