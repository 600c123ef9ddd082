import Explanations
import Manipulation

/// `--interpreter`, given once or more, and `--layer`.
enum InterpreterOptions {
  static let help =
    "\(InterpreterKind.all.map(\.name).joined(separator: ", ")); with options as in a recipe: "
    + "'{name: smooth-grad, samples: 64}'; may be repeated."
  static let valueName = "name[@layer] or {name: …}"

  /// - Parameter layer: of those that name none but need one.
  static func specifications(
    _ interpreters: [String], layer: String?
  ) throws -> [InterpreterSpecification] {
    let options = try interpreters.map {
      try InterpreterOption($0, option: "--interpreter", sharedLayer: layer)
    }
    if let layer, !options.contains(where: \.usesSharedLayer) {
      throw RunError("--layer \(layer) is for none of the interpreters given; omit it")
    }
    return options.map(\.specification)
  }
}
