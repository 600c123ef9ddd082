import Programs
import Recipes
import RunFolders

extension InputRecord {
  /// All that a study reads.
  init(_ recipe: StudyRecipe, _ stage: StudyStage) throws {
    self.init(stage.setup)
    for subject in stage.subjects { try add(file: subject.file, sha256: subject.sha256) }
    for file in recipe.fooling?.files ?? [] { try add(file: file) }
    for file in recipe.study.checkpoints.flatMap({ $0.fooling?.files ?? [] }) {
      try add(file: file)
    }
    try add(file: recipe.attack?.target)
    if let fooling = recipe.fooling { try addComposites(of: recipe.data, fooling) }
  }
}
