/// One metric of two networks' heatmaps of the same images by one interpreter, with the same random
/// choices: is it fooled with the heatmaps?
public struct MetricComparison: Codable, Hashable, Sendable {
  /// Over the images.
  public struct Value: Codable, Hashable, Sendable {
    /// Over those for which the metric is defined; `nil` if it is for none.
    public var mean: Double?
    /// Of the mean; `nil` with fewer than two of them.
    public var standardError: Double?
    /// Images for which it is not defined, as a correlation with an all-zero heatmap.
    public var undefined: Int

    public init(_ result: MetricResult) {
      let known = result.scores.compactMap(\.self)
      mean = result.mean
      standardError = MetricComparison.standardError(known)
      undefined = result.undefined
    }
  }
  public enum Verdict: String, Codable, Hashable, Sendable {
    /// The second network's heatmaps are rated worse, by more than two standard errors of the mean
    /// difference.
    case worse
    /// They are not.
    case noWorse = "no-worse"
  }
  /// A point of the curve that a score sums up.
  public struct Point: Codable, Hashable, Sendable {
    public var name: String
    public var x: Double
    public var original: Double?
    public var manipulated: Double?
    public var control: Double?
  }

  public var metric: String
  /// Every option filled in.
  public var options: MetricSpecification
  public var isBetterHigher: Bool
  /// By the name under which results are reported.
  public var interpreter: String
  public var images: Int
  public var original: Value
  public var manipulated: Value
  public var control: Value?
  /// Manipulated minus original: mean over the images for which both are defined.
  public var difference: Double?
  public var differenceError: Double?
  /// `nil` with fewer than two such images.
  public var verdict: Verdict?
  public var curve: [Point]
  /// That it took to measure all networks, without their own heatmaps of the images.
  public var seconds: Double

  /// - Parameters:
  ///   - options: of the metric, every one filled in.
  ///   - interpreter: by the name under which results are reported.
  ///   - original: of the network that the other was made from.
  ///   - manipulated: of the network under test, on the same images.
  ///   - control: of a third network.
  ///   - seconds: that it took.
  /// - Throws: `MetricError` for a metric that there is not.
  public init(
    _ options: MetricSpecification, interpreter: String, original: MetricResult,
    manipulated: MetricResult, control: MetricResult? = nil, seconds: Double = 0
  ) throws(MetricError) {
    let kind = try MetricKind.named(options.name)
    (metric, self.options, self.interpreter) = (kind.name, options, interpreter)
    (isBetterHigher, images) = (kind.isBetterHigher, original.scores.count)
    self.seconds = seconds
    (self.original, self.manipulated) = (Value(original), Value(manipulated))
    self.control = control.map(Value.init)
    let changes = zip(original.scores, manipulated.scores).compactMap { before, after in
      before.flatMap { before in after.map { $0 - before } }
    }
    difference = changes.isEmpty ? nil : changes.reduce(0, +) / Double(changes.count)
    differenceError = Self.standardError(changes)
    if let difference, let differenceError {
      let fall = kind.isBetterHigher ? -difference : difference
      verdict = fall > 2 * differenceError ? .worse : .noWorse
    }
    curve = original.curve.enumerated().map { place, point in
      Point(
        name: point.name, x: point.x, original: point.value,
        manipulated: manipulated.curve[place].value, control: control?.curve[place].value)
    }
  }

  public var title: String {
    (try? MetricKind.named(metric))?.title ?? metric
  }

  /// `higher` or `lower`.
  public var better: String { isBetterHigher ? "higher" : "lower" }

  static func standardError(_ values: [Double]) -> Double? {
    guard values.count > 1 else { return nil }
    let mean = values.reduce(0, +) / Double(values.count)
    let variance =
      values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
    return (variance / Double(values.count)).squareRoot()
  }

  /// Which metrics notice that heatmaps have changed and which do not: sentences, by interpreter.
  /// - Parameters:
  ///   - comparisons: of the same networks.
  ///   - name: what the network under test is called.
  public static func sentences(_ comparisons: [MetricComparison], of name: String) -> [String] {
    var interpreters: [String] = []
    for comparison in comparisons where !interpreters.contains(comparison.interpreter) {
      interpreters.append(comparison.interpreter)
    }
    return interpreters.flatMap { interpreter -> [String] in
      let own = comparisons.filter { $0.interpreter == interpreter }
      func titles(_ verdict: Verdict?) -> String? {
        let titles = own.filter { $0.verdict == verdict }.map(\.title)
        return titles.isEmpty ? nil : titles.joined(separator: ", ")
      }
      return [
        titles(.worse).map {
          "\(interpreter): rated worse than the original's heatmaps by \($0)"
        },
        titles(.noWorse).map {
          "\(interpreter): the \(name) network's heatmaps are rated no worse than the original's by "
            + "\($0)"
        },
        titles(nil).map { "\(interpreter): too few heatmaps to compare by \($0)" },
      ].compactMap(\.self)
    }
  }
}
