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
  /// Weights up to which the Hessian is factorised unless the recipe says otherwise: 8192² doubles are
  /// 0.5 GB.
  public static let mostDirectWeights = 8192

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

extension InfluenceSection {
  static let schema = RecipeSchema(
    InfluenceSection(),
    [
      .automatic(
        "layers", \.layers, .list(of: .text(), named: "names", count: 1...1000),
        else: "the last dense layer",
        "`trompe influence`: the layers through whose weights training images have influence"),
      .automatic(
        "solver", \.solver, .choice(InfluenceSolver.self),
        else: "`direct` for a last layer of up to \(mostDirectWeights) weights",
        "how the damped Hessian is inverted: factorised, or by products with vectors"),
      .defaulted(
        "damping", \.damping, .number(.notNegative), "δ, added to the diagonal of the Hessian"),
      .defaulted(
        "iterations", \.iterations, .integer(1...1_000_000), "of conjugate gradients, at most"),
      .defaulted(
        "tolerance", \.tolerance, .number(RecipeNumberRange(from: 0, to: 1)),
        "relative residual at which conjugate gradients end"),
      .defaulted(
        "trainImages", \.trainImages, .imageCount,
        "images whose influence is computed, drawn from the training split"),
      .defaulted(
        "images", \.images, .imageCount,
        "images to explain, drawn from those of the validation split that are classified correctly"),
      .defaulted(
        "targets", \.targets, .integer(1...1000),
        "of the most helpful training images so many are to lose their influence"),
      .defaulted(
        "top", \.top, .integer(1...1000), "training images that count as the most influential"),
      .defaulted(
        "epsilon", \.epsilons,
        .list(of: .number(RecipeNumberRange(from: 1, to: 255)), named: "numbers", count: 1...100),
        "ε, largest change of a sample in units of 0 to 255; a point of the curves for each"),
      .defaulted("seed", \.seed, .seed, "of the choice of images and of random signs"),
    ],
    check: { value, section in
      if Set(value.epsilons).count < value.epsilons.count {
        section.report("influence.epsilon has a number twice", at: "epsilon")
      }
      if let layers = value.layers, Set(layers).count < layers.count {
        section.report("influence.layers has a name twice", at: "layers")
      }
      if value.layers != nil, value.solver == .direct {
        section.report(
          "influence.solver direct is for the last dense layer: take influence.layers out, or take "
            + "conjugate-gradients", at: "solver")
      }
      for (key, count) in [("targets", value.targets), ("top", value.top)]
      where count > value.trainImages {
        section.report(
          "influence.\(key) is \(count), more than the \(value.trainImages) of "
            + "influence.trainImages", at: key)
      }
    })
}
