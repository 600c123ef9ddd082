import Programs
import Recipes
import Runs
import TensorRuntime

extension Setup {
  /// Of what changes nothing in the network: images without folders of classes will do, if there is
  /// no other folder that could be meant.
  package init(forAttack recipe: AttackRecipe, on executor: any Executor) throws {
    guard case .folders(_, let folder) = recipe.data.source,
      let images = try UnlabelledImages(folder)
    else {
      try self.init(recipe.network, recipe.data, seed: recipe.attack.seed, on: executor)
      return
    }
    try self.init(recipe.network, unlabelled: images, seed: recipe.attack.seed, on: executor)
  }
}
