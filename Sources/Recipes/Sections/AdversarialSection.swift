/// How training images are changed against the network before each step.
public struct AdversarialSection: Hashable, Sendable {
  public enum Norm: String, Codable, Hashable, Sendable, CaseIterable {
    case linf, l2
  }
  public var norm: Norm
  /// ε, of the whole change, in units of 0 to 255.
  public var epsilon: Double
  /// α, of one iteration, in units of 0 to 255.
  public var stepSize: Double
  public var iterations: Int

  public init(norm: Norm = .linf, epsilon: Double, stepSize: Double, iterations: Int = 7) {
    (self.norm, self.epsilon, self.stepSize) = (norm, epsilon, stepSize)
    self.iterations = iterations
  }
}

extension AdversarialSection {
  static let schema = RecipeSchema(
    AdversarialSection(epsilon: 0, stepSize: 0),
    [
      .defaulted(
        "norm", \.norm, .choice(Norm.self),
        "`train`: images are changed by projected gradient descent before each step; the norm of the "
          + "change"),
      .required(
        "epsilon", \.epsilon, .number(.positive),
        "ε, largest norm of the change, in units of 0 to 255"),
      .required(
        "stepSize", \.stepSize, .number(.positive),
        "α, norm of one iteration's change, in units of 0 to 255"),
      .defaulted("iterations", \.iterations, .integer(1...10_000), "of each step"),
    ])
}
