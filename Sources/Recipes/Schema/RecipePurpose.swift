/// What a recipe, or what stands for one, is read for.
enum RecipePurpose {
  case fooling, training, evaluation, attack, study, influence

  /// Sections that belong to other recipes.
  package var hidden: [String] {
    switch self {
    case .fooling: ["study", "attack", "curvature", "influence"]
    case .training:
      ["study", "fooling", "budget", "control", "interpreter", "attack", "curvature", "influence"]
    case .evaluation:
      [
        "data", "budget", "control", "interpreter", "training", "study", "attack", "curvature",
        "influence",
      ]
    case .attack: ["study", "fooling", "budget", "control", "training", "output", "influence"]
    case .study: ["training", "budget", "control", "curvature", "output", "influence"]
    case .influence:
      [
        "study", "fooling", "budget", "control", "interpreter", "attack", "curvature", "training",
        "output",
      ]
    }
  }

  /// Whether nothing is trained, so that training images are of no use.
  var onlyMeasures: Bool { self == .attack || self == .study }

  /// Whether heatmaps are tested, so that `evaluation` says by what and on which grid.
  var testsHeatmaps: Bool { self == .fooling || self == .evaluation || self == .study }

  /// Reports sections that belong to other recipes.
  func refuseForeignSections(of root: RecipeSection) {
    for name in hidden where root.has(name) {
      root.report(refusal(of: name, in: root.node), at: name)
    }
  }

  package func refusal(of name: String, in root: RecipeNode) -> String {
    switch self {
    case .training:
      let command =
        switch RecipeKind(root) {
        case .study: "studies of networks: use trompe study"
        case .influence: "influences of images: use trompe influence"
        case .attack: "attacks on images: use trompe attack"
        case .training where name == "curvature": "attacks on images: use trompe attack"
        case .training, .fooling:
          "fooling explanations: use trompe fool, or take fooling and interpreter out"
        }
      return "\(name) makes this a recipe for \(command)"
    case .fooling:
      return name == "study"
        ? "study is for trompe study, which trains nothing: take it out, or take training out"
        : "\(name) is for trompe \(name == "influence" ? name : "attack"), which changes images "
          + "and trains nothing: take it out, or take fooling and training out"
    case .study: return "a study has no \(name)"
    case .evaluation, .attack, .influence: return "an \(self) has no \(name)"
    }
  }
}
