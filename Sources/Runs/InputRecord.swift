import Checkpoints
import Explanations
import Foolings
import ImageData
import Programs
import Recipes
import RunFolders

extension InputRecord {
  /// All that a fooling reads.
  package init(_ recipe: FoolingRecipe, _ setup: Setup) throws {
    self.init(setup)
    try add(file: recipe.network.checkpoint, sha256: setup.network.sha256)
    for file in recipe.fooling.files { try add(file: file) }
    try addComposites(of: recipe.data, recipe.fooling)
    let listed = recipe.interpreters + recipe.evaluation.interpreters.listed
    if let folder = listed.flatMap(\.projections).compactMap(\.images).first {
      add("projected.images", try ImageFolder(folder, classNames: setup.network.classNames))
    }
  }

  package init(_ recipe: TrainingRecipe, _ setup: Setup) throws {
    self.init(setup)
    try add(file: recipe.network.checkpoint, sha256: setup.network.sha256)
  }

  package init(_ recipe: AttackRecipe, _ setup: Setup) throws {
    self.init()
    add("validation", setup.validation)
    try add(file: recipe.network.checkpoint, sha256: setup.network.sha256)
    try add(file: recipe.attack.target)
  }

  package init(_ setup: Setup) {
    self.init()
    add("train", setup.train)
    add("validation", setup.validation)
  }

  package mutating func addComposites(
    of data: DataSection, _ fooling: FoolingSpecification
  ) throws {
    guard try FoolingKind.named(fooling.name).options.contains(.classes),
      case .folders(let train, let validation) = data.composites
    else { return }
    add("composites.train", try ImageFolder(train))
    add("composites.validation", try ImageFolder(validation))
  }
}
