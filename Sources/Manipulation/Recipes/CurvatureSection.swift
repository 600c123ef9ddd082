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

extension RecipeReader {
  func curvature() -> CurvatureSection? {
    typealias Keys = RecipeKeys.Curvature
    let section = root.section("curvature")
    guard let function = section.value(Keys.function),
      let eigenvalues = section.value(Keys.eigenvalues),
      let iterations = section.value(Keys.iterations)
    else { return nil }
    if eigenvalues > iterations {
      problems.add(
        "curvature.eigenvalues is \(eigenvalues), more than the \(iterations) iterations find",
        at: section.origin(of: Keys.eigenvalues.name))
    }
    return CurvatureSection(
      function: function, eigenvalues: eigenvalues, iterations: iterations)
  }
}

extension RecipeWriter {
  mutating func write(_ curvature: CurvatureSection) {
    typealias Keys = RecipeKeys.Curvature
    put(Keys.function, curvature.function)
    put(Keys.eigenvalues, curvature.eigenvalues)
    put(Keys.iterations, curvature.iterations)
  }
}
