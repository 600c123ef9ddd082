/// What `trompe curvature` measures.
public struct CurvatureSection: Hashable, Sendable {
  public var function: CurvedFunction
  /// How many eigenvalues are reported.
  public var eigenvalues: Int
  /// Steps of the Lanczos iteration.
  public var iterations: Int

  public init(function: CurvedFunction = .loss, eigenvalues: Int = 5, iterations: Int = 20) {
    (self.function, self.eigenvalues, self.iterations) = (function, eigenvalues, iterations)
  }
}

extension CurvatureSection {
  static let schema = RecipeSchema(
    CurvatureSection(),
    [
      .defaulted(
        "function", \.function, .choice(CurvedFunction.self),
        "`trompe curvature`: of what the Hessian in the image is taken, at the label"),
      .defaulted(
        "eigenvalues", \.eigenvalues, .integer(1...1000),
        "how many of the largest by size are reported"),
      .defaulted("iterations", \.iterations, .integer(1...1000), "of Lanczos"),
    ],
    check: { value, section in
      if value.eigenvalues > value.iterations {
        section.report(
          "curvature.eigenvalues is \(value.eigenvalues), more than the \(value.iterations) "
            + "iterations find", at: "eigenvalues")
      }
    })
}
