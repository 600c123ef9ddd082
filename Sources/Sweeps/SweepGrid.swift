import Checkpoints
import Foundation
import Recipes
import RunSupport

/// What a sweep varies: keys of a recipe with the values of each, and seeds.
public struct SweepGrid: Codable, Hashable, Sendable {
  /// One key and its values, as `--grid training.learningRate=1e-5,1e-4` has them.
  public struct Axis: Codable, Hashable, Sendable {
    public var key: String
    /// YAML, as after the `=` of `--set`.
    public var values: [String]
  }

  /// Values of all keys, in the order of the axes.
  public typealias Point = [String]

  /// More runs than this are a mistake in the grid.
  static let mostRuns = 100_000
  static let seedKey = "training.seed"

  public var axes: [Axis]
  /// Each point is run with each.
  public var seeds: [UInt64]

  /// - Parameters:
  ///   - axes: `key=value,value`, each a key of its own.
  ///   - seeds: how many, counted up from `first`.
  ///   - first: the first seed.
  /// - Throws: `RunError` for what is no grid.
  public init(_ axes: [String], seeds: Int, from first: UInt64) throws {
    guard seeds > 0 else { throw RunError("--seeds is \(seeds), expected 1 or more") }
    guard first <= UInt64.max - UInt64(seeds) else {
      throw RunError("\(Self.seedKey) is \(first), which leaves no room for \(seeds) seeds")
    }
    self.seeds = (0..<UInt64(seeds)).map { first + $0 }
    self.axes = try axes.map(Self.axis)
    var known: Set<String> = []
    for axis in self.axes where !known.insert(axis.key).inserted {
      throw RunError(
        "--grid \(axis.key) is given twice; list all its values after one --grid, with commas between"
      )
    }
    if known.contains(Self.seedKey), seeds > 1 {
      throw RunError("--grid \(Self.seedKey) and --seeds both say which seeds; give one of them")
    }
    var runs = seeds
    for axis in self.axes {
      let (product, isTooLarge) = runs.multipliedReportingOverflow(by: axis.values.count)
      guard !isTooLarge, product <= Self.mostRuns else {
        throw RunError(
          "the grid has more than \(Self.mostRuns) runs; leave values away")
      }
      runs = product
    }
  }

  /// Every combination of values, those of the last axis next to each other.
  public var points: [Point] {
    axes.reduce([[]]) { points, axis in
      points.flatMap { point in axis.values.map { point + [$0] } }
    }
  }

  private static func axis(_ text: String) throws(RunError) -> Axis {
    guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
      throw RunError(
        "--grid \(printable(text)): expected key=value,value, e.g. --grid fooling.lambda=1,4,16")
    }
    let key = text[..<sign].trimmingCharacters(in: .whitespaces)
    let values = split(text[text.index(after: sign)...])
    if let empty = values.firstIndex(of: "") {
      throw RunError(
        "--grid \(printable(text)): value \(empty + 1) is empty; write ~ for a key that is not set")
    }
    func isSame(_ a: String, _ b: String) -> Bool {
      if let a = Double(a), let b = Double(b) { a == b } else { a == b }
    }
    for (place, value) in values.enumerated()
    where values[..<place].contains(where: { isSame($0, value) }) {
      throw RunError("--grid \(printable(text)): \(printable(value)) is given twice")
    }
    return Axis(key: key, values: values)
  }

  /// Parts between commas that are in no bracket and no quotation.
  private static func split(_ text: Substring) -> [String] {
    var (parts, depth, quote): ([String], Int, Character?) = ([""], 0, nil)
    for character in text {
      switch character {
      case "," where depth == 0 && quote == nil:
        parts.append("")
        continue
      case "[", "{": if quote == nil { depth += 1 }
      case "]", "}": if quote == nil { depth = max(0, depth - 1) }
      case "'", "\"": quote = quote == nil ? character : quote == character ? nil : quote
      default: break
      }
      parts[parts.count - 1].append(character)
    }
    return parts.map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// The settings of a point and a seed, as `--set` has them.
  func settings(_ point: Point, seed: UInt64) -> [RecipeSetting] {
    let values = zip(axes, point).map { axis, value in
      RecipeSetting(path: axis.key, value: value, label: "--grid \(axis.key)=\(value)")
    }
    guard !axes.contains(where: { $0.key == Self.seedKey }) else { return values }
    return values + [
      RecipeSetting(path: Self.seedKey, value: "\(seed)", label: "--seeds")
    ]
  }
}

/// The share of a sweep that one job of an array does: every n-th run from the i-th on.
public struct SweepPart: Hashable, Sendable {
  public let index: Int
  public let count: Int

  /// - Parameter text: `I/N`, I from 1.
  /// - Throws: `RunError` if it is something else.
  public init(_ text: String) throws(RunError) {
    let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let index = numbers[0], let count = numbers[1], count > 0,
      (1...count).contains(index)
    else {
      throw RunError(
        "--array \(printable(text)): expected I/N with I from 1 to N, e.g. "
          + "--array $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT of a job with --array=1-8")
    }
    (self.index, self.count) = (index, count)
  }

  func contains(_ position: Int) -> Bool { position % count == index - 1 }
}
