import Explanations
import Manipulation

/// `--interpreter name[@layer]`, given once or more, and `--layer`.
enum InterpreterOptions {
  static let help =
    "\(InterpreterKind.all.map(\.name).joined(separator: ", ")); may be repeated."

  /// - Parameter layer: of those that name none but need one.
  static func specifications(
    _ interpreters: [String], layer: String?
  ) throws -> [InterpreterSpecification] {
    var usesLayer = false
    let specifications = try interpreters.map { text in
      let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      var specification = InterpreterSpecification(
        name: name, layer: parts.count > 1 ? String(parts[1]) : nil)
      if try InterpreterKind.named(name).place == .targetLayer, specification.layer == nil {
        specification.layer = layer
        usesLayer = true
      }
      _ = try specification.interpreter()
      return specification
    }
    if let layer, !usesLayer {
      throw RunError("--layer \(layer) is for none of the interpreters given; leave it out")
    }
    return specifications
  }
}
