import Networks

/// Which regularizer a recipe names: `{name: ssr, weight: 0.4}`.
public struct RegularizerSpecification: Hashable, Sendable {
  /// A name of `RegularizerKind.all`.
  public var name: String
  /// Of the penalty beside the cross-entropy.
  public var weight: Double
  /// `ssr`: steps of the power iteration.
  public var iterations: Int?
  /// `curvature`, `gradient-distance`, `gradient-angle`: how far apart the two gradients are.
  public var step: Double?
  /// `hessian-norm`: β of the softplus that stands for ReLU.
  public var beta: Double?

  public init(
    name: String, weight: Double, iterations: Int? = nil, step: Double? = nil,
    beta: Double? = nil
  ) {
    (self.name, self.weight, self.iterations, self.step) = (name, weight, iterations, step)
    self.beta = beta
  }

  /// - Throws: `RegularizerError` for an unknown name or an option that is not taken.
  public func regularizer() throws(RegularizerError) -> any Regularizer {
    let kind = try RegularizerKind.named(name)
    for (option, isGiven) in [
      (RegularizerKind.Option.iterations, iterations != nil), (.step, step != nil),
      (.beta, beta != nil),
    ] where isGiven && !kind.options.contains(option) {
      throw RegularizerError("\(name) takes no \"\(option.rawValue)\"")
    }
    return kind.make(self)
  }
}

/// A name in recipes and the regularizer behind it.
public struct RegularizerKind: Sendable {
  /// What a regularizer may ask for besides its weight.
  public enum Option: String, Hashable, Sendable, CaseIterable { case iterations, step, beta }

  public let name: String
  public let options: Set<Option>
  let make: @Sendable (RegularizerSpecification) -> any Regularizer

  init(
    _ name: String, options: Set<Option> = [],
    make: @escaping @Sendable (RegularizerSpecification) -> any Regularizer
  ) {
    (self.name, self.options, self.make) = (name, options, make)
  }

  public static let all: [RegularizerKind] =
    [
      SmoothSurface.kind,
      GradientNorm.kind,
      CurvatureRegularization.kind,
    ] + LocalGradientAlignment.kinds + [HessianNorm.kind]

  /// - Throws: `RegularizerError` listing the valid names, the closest first.
  public static func named(_ name: String) throws(RegularizerError) -> RegularizerKind {
    try NameSuggestions.find(
      name, among: all, by: \.name, what: "regularizer", or: RegularizerError.init)
  }
}

/// A regularizer that cannot be made: one sentence that says why.
public struct RegularizerError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
