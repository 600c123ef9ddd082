import Foundation
import Recipes
import RunSupport

/// What a sweep is made of: written before its first run, and the same however often it goes on.
public struct SweepPlan: Codable, Hashable, Sendable {
  /// One run: a point of the grid with a seed.
  public struct Run: Codable, Hashable, Sendable {
    /// Of its folder and of its recipe.
    public var name: String
    /// In the order of the grid's axes.
    public var values: SweepGrid.Point
    public var seed: UInt64
  }

  /// As it was named.
  public var recipe: String
  public var grid: SweepGrid
  /// Of each run, if its recipe does not say: other threads would give other last digits.
  public var threads: Int
  public var runs: [Run]

  /// A grid whose points have been read as recipes.
  struct Draft {
    let recipe: String
    let grid: SweepGrid
    let runs: [(run: Run, recipe: FoolingRecipe)]

    /// - Parameters:
    ///   - make: the recipe under settings of the grid.
    /// - Throws: `RecipeError` with what is wrong at the first point that is.
    init(
      _ recipe: String, _ grid: SweepGrid, make: ([RecipeSetting]) throws -> FoolingRecipe
    ) throws {
      (self.recipe, self.grid) = (recipe, grid)
      let points = grid.points.flatMap { point in grid.seeds.map { (point, $0) } }
      let digits = "\(points.count)".count
      runs = try points.enumerated().map { index, point in
        let made = try make(grid.settings(point.0, seed: point.1))
        let number = "\(index + 1)"
        let values = zip(grid.axes, point.0).map { axis, value in
          "-" + Self.safe("\(axis.key.split(separator: ".").last ?? "")=\(value)")
        }.joined()
        let name =
          String(repeating: "0", count: digits - number.count) + number
          + String(values.prefix(Self.longestName))
        return (
          Run(
            name: name + "-seed=\(made.training.seed)", values: point.0, seed: made.training.seed),
          made
        )
      }
    }

    /// Characters of a name that tell the values; the number tells runs apart.
    static let longestName = 100

    private static func safe(_ text: String) -> String {
      String(
        text.map { character in
          character.isASCII
            && (character.isLetter || character.isNumber || "._=+-".contains(character))
            ? character : "_"
        })
    }

    func plan(threads: Int) -> SweepPlan {
      SweepPlan(recipe: recipe, grid: grid, threads: threads, runs: runs.map(\.run))
    }

    /// The recipe of each run, as it is written.
    func recipes(threads: Int) -> [String] {
      runs.map { _, recipe in
        var recipe = recipe
        recipe.compute.threads = recipe.compute.threads ?? threads
        return recipe.resolvedYAML()
      }
    }
  }

  /// What differs from the plan that a sweep began with, in one sentence; `nil` if nothing does.
  func difference(from begun: SweepPlan) -> String? {
    for axis in begun.grid.axes {
      guard let own = grid.axes.first(where: { $0.key == axis.key }) else {
        return "it was begun with --grid \(axis.key)=\(axis.values.joined(separator: ","))"
      }
      if own.values != axis.values {
        return "--grid \(axis.key) is \(own.values.joined(separator: ",")), and was "
          + axis.values.joined(separator: ",")
      }
    }
    if let new = grid.axes.first(where: { axis in
      !begun.grid.axes.contains { $0.key == axis.key }
    }) {
      return "it was begun without --grid \(new.key)"
    }
    if grid.axes != begun.grid.axes { return "the order of --grid was another" }
    if grid.seeds != begun.grid.seeds {
      func text(_ seeds: [UInt64]) -> String { seeds.map { "\($0)" }.joined(separator: ", ") }
      return "its seeds were \(text(begun.grid.seeds)), and are \(text(grid.seeds))"
    }
    return runs == begun.runs ? nil : "its runs were others"
  }
}
