import ArgumentParser
import Manipulation

/// Images whose classes are known, for commands without a recipe.
struct LabelledImageOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder of images of the network's task: one folder for each class.", valueName: "folder"),
    completion: .directory)
  var data: String?

  @Option(
    help: ArgumentHelp("Instead of --data: so many of the built-in images.", valueName: "count"))
  var shapes: Int?

  @Option(help: ArgumentHelp("Seed of the built-in images.", valueName: "number"))
  var shapesSeed: UInt64 = 1

  func validate() throws {
    if (data == nil) == (shapes == nil) { throw ValidationError("Give either --data or --shapes.") }
    if let shapes, !(1...10_000_000).contains(shapes) {
      throw ValidationError("--shapes is \(shapes), expected 1 to 10000000.")
    }
  }

  /// - Precondition: `validate` has passed.
  var images: EvaluationRequest.Images {
    shapes.map { .shapes(count: $0, seed: shapesSeed) } ?? .folder(data ?? "")
  }
}
