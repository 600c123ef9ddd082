/// All that a report shows of a sweep.
public struct SweepReport: Hashable, Sendable {
  public struct Spread: Hashable, Sendable {
    public var mean: Double
    /// `nil` of a single run.
    public var standardDeviation: Double?
    public init(mean: Double, standardDeviation: Double?) {
      (self.mean, self.standardDeviation) = (mean, standardDeviation)
    }
  }
  /// A point of the grid.
  public struct Point: Hashable, Sendable {
    public var name: String
    /// In the order of the axes.
    public var values: [String]
    /// That are finished.
    public var runs: Int
    /// Percentage points of top-1.
    public var drop: Spread
    /// A share in [0, 1].
    public var fsr: Spread
    public var isParetoOptimal: Bool
    public init(
      name: String, values: [String], runs: Int, drop: Spread, fsr: Spread, isParetoOptimal: Bool
    ) {
      (self.name, self.values, self.runs) = (name, values, runs)
      (self.drop, self.fsr, self.isParetoOptimal) = (drop, fsr, isParetoOptimal)
    }
  }
  /// A run.
  public struct Result: Hashable, Sendable {
    /// From the page's folder.
    public var folder: String
    public var values: [String]
    public var seed: String
    public var drop: Double
    public var fsr: Double
    public init(folder: String, values: [String], seed: String, drop: Double, fsr: Double) {
      (self.folder, self.values, self.seed) = (folder, values, seed)
      (self.drop, self.fsr) = (drop, fsr)
    }
  }

  public var name: String
  public var toolVersion: String
  public var recipe: String
  /// That the sweep has.
  public var runs: Int
  /// Keys that change.
  public var axes: [String]
  public var points: [Point]
  /// Those that are finished.
  public var results: [Result]

  public init(
    name: String, toolVersion: String, recipe: String, runs: Int, axes: [String], points: [Point],
    results: [Result]
  ) {
    (self.name, self.toolVersion, self.recipe, self.runs) = (name, toolVersion, recipe, runs)
    (self.axes, self.points, self.results) = (axes, points, results)
  }
}
