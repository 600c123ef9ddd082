import Foundation
import RunFolders
import RunSupport

/// The result of a sweep: what its `summary.json` holds. It depends on no time, so that a sweep that was
/// stopped and went on gives the same.
///
/// Accuracies and success rates are shares in [0, 1]; drops are percentage points of top-1, negative
/// where accuracy rose.
public struct SweepSummary: Codable, Hashable, Sendable {
  /// One finished run.
  public struct Result: Codable, Hashable, Sendable {
    public var name: String
    /// In the order of the grid's axes.
    public var values: SweepGrid.Point
    public var seed: UInt64
    public var steps: Int
    /// The interpreter that is fooled.
    public var interpreter: String
    public var top1Original: Double
    public var top1: Double
    public var drop: Double
    /// By the interpreter that is fooled, and by all.
    public var fsrOriginal: Double
    public var fsr: Double
    public var fsrs: [String: Double]
    /// Of the same steps with λ = 0, where the recipe has a control.
    public var dropOfControl: Double?
    public var fsrOfControl: Double?

    package init(
      name: String, values: SweepGrid.Point, seed: UInt64, steps: Int, interpreter: String,
      top1Original: Double, top1: Double, drop: Double, fsrOriginal: Double, fsr: Double,
      fsrs: [String: Double], dropOfControl: Double? = nil, fsrOfControl: Double? = nil
    ) {
      (self.name, self.values, self.seed) = (name, values, seed)
      (self.steps, self.interpreter) = (steps, interpreter)
      (self.top1Original, self.top1, self.drop) = (top1Original, top1, drop)
      (self.fsrOriginal, self.fsr, self.fsrs) = (fsrOriginal, fsr, fsrs)
      (self.dropOfControl, self.fsrOfControl) = (dropOfControl, fsrOfControl)
    }

    init(_ run: SweepPlan.Run, _ summary: Summary) {
      let fooled = summary.interpreter
      self.init(
        name: run.name, values: run.values, seed: run.seed, steps: summary.steps,
        interpreter: fooled, top1Original: summary.accuracy.original.top1,
        top1: summary.accuracy.manipulated.top1, drop: summary.accuracy.drop.top1,
        fsrOriginal: summary.fsrOriginal[fooled] ?? 0, fsr: summary.fsr[fooled] ?? 0,
        fsrs: summary.fsr, dropOfControl: summary.control?.drop.top1,
        fsrOfControl: summary.control?.fsr[fooled])
    }
  }

  /// A number of several runs.
  public struct Spread: Codable, Hashable, Sendable {
    public var mean: Double
    /// Of a sample, with n − 1; `nil` of a single run.
    public var standardDeviation: Double?

    public init(of values: [Double]) {
      precondition(!values.isEmpty, "the mean of nothing")
      let count = Double(values.count)
      let mean = values.reduce(0, +) / count
      self.mean = mean
      standardDeviation =
        values.count < 2
        ? nil
        : (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)).squareRoot()
    }
  }

  /// A point of the grid, over its seeds.
  public struct Point: Codable, Hashable, Sendable {
    /// In the order of the grid's axes.
    public var values: SweepGrid.Point
    /// Of the finished runs.
    public var seeds: [UInt64]
    public var drop: Spread
    public var fsr: Spread
    /// Whether no other point has both a smaller mean drop and a larger mean success rate, or one of
    /// them and the other equal.
    public var isParetoOptimal: Bool
  }

  public var recipe: String
  public var grid: SweepGrid
  /// Runs of the plan.
  public var runs: Int
  /// Those that are finished, in the order of the plan.
  public var results: [Result]
  /// Those of which a run is finished, in the order of the plan.
  public var points: [Point]
  public var toolVersion: String

  /// - Parameter results: of the finished runs, in the order of the plan.
  package init(recipe: String, grid: SweepGrid, runs: Int, results: [Result]) {
    (self.recipe, self.grid, self.runs, self.results) = (recipe, grid, runs, results)
    toolVersion = Trompe.version
    points = []
    for result in results where !points.contains(where: { $0.values == result.values }) {
      let own = results.filter { $0.values == result.values }
      points.append(
        Point(
          values: result.values, seeds: own.map(\.seed), drop: Spread(of: own.map(\.drop)),
          fsr: Spread(of: own.map(\.fsr)), isParetoOptimal: false))
    }
    for index in points.indices {
      let (drop, fsr) = (points[index].drop.mean, points[index].fsr.mean)
      points[index].isParetoOptimal = !points.contains { other in
        other.drop.mean <= drop && other.fsr.mean >= fsr
          && (other.drop.mean < drop || other.fsr.mean > fsr)
      }
    }
  }

  /// `sweep.csv`: a row for each finished run. Comma-separated as RFC 4180 has it, UTF-8; numbers with all
  /// their digits.
  public var table: String {
    let further = Set(results.flatMap(\.fsrs.keys)).sorted()
    let hasControl = results.contains { $0.dropOfControl != nil }
    var head = ["run"] + grid.axes.map(\.key)
    head += [
      "seed", "steps", "interpreter", "top1_original", "top1", "drop", "fsr_original", "fsr",
    ]
    head += further.map { "fsr \($0)" }
    if hasControl { head += ["drop_control", "fsr_control"] }
    func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
    let rows = results.map { result -> [String] in
      var row = [result.name] + result.values
      row += ["\(result.seed)", "\(result.steps)", result.interpreter]
      row += [number(result.top1Original), number(result.top1), number(result.drop)]
      row += [number(result.fsrOriginal), number(result.fsr)]
      row += further.map { number(result.fsrs[$0]) }
      if hasControl { row += [number(result.dropOfControl), number(result.fsrOfControl)] }
      return row
    }
    return ([head] + rows).map { row in
      row.map(Self.field).joined(separator: ",") + "\n"
    }.joined()
  }

  /// Quoted where it needs to be.
  private static func field(_ text: String) -> String {
    let special: Set<Unicode.Scalar> = [",", "\"", "\n", "\r"]
    guard text.unicodeScalars.contains(where: special.contains) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }

  /// How a point is called: `learningRate 1e-4, lambda 4`.
  public func name(of values: SweepGrid.Point) -> String {
    values.isEmpty
      ? "the recipe"
      : zip(grid.axes, values).map { axis, value in
        "\(axis.key.split(separator: ".").last ?? "") \(value)"
      }.joined(separator: ", ")
  }
}
