/// Which command a recipe is for.
public enum RecipeKind: Hashable, Sendable {
  /// `trompe fool`.
  case fooling
  /// `trompe train`.
  case training
  /// `trompe attack`.
  case attack
  /// `trompe study`.
  case study
  /// `trompe influence`.
  case influence

  /// - Throws: `RecipeError` when the file cannot be read or is no YAML.
  public init(ofRecipe path: String, settings: [String] = []) throws {
    self.init(
      try RecipeDocument(contentsOf: path, settings: settings.map { try RecipeSetting($0) }).root)
  }

  init(_ root: RecipeNode) {
    self =
      if root["study"] != nil {
        .study
      } else if root["influence"] != nil {
        .influence
      } else if root["attack"] != nil {
        .attack
      } else if root["fooling"] != nil || root["interpreter"] != nil {
        .fooling
      } else {
        .training
      }
  }

  /// The command line's.
  package var command: String {
    switch self {
    case .fooling: "trompe fool"
    case .training: "trompe train"
    case .attack: "trompe attack"
    case .study: "trompe study"
    case .influence: "trompe influence"
    }
  }
}
