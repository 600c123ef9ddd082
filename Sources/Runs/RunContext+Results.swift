import Checkpoints
import Evaluation
import Foundation
import Programs
import RunFolders
import RunSupport

extension RunContext {
  /// Takes up the folder for a training: refuses another recipe or other inputs than it was begun with, and
  /// writes the recipe.
  func takeUp(_ recipe: String, _ loop: TrainingLoop) throws {
    if resumes {
      try folder.checkRecipe(recipe)
      try loop.checkStates()
    }
    try folder.writeRecipe(recipe)
  }

  /// Writes what a comparison of networks gives beside its report.
  func write(
    _ summary: Summary, _ results: MeasuredNetworks, _ measurement: FoolingMeasurement,
    classNames: [String]
  ) throws {
    try TestLossTable(measurement.tested, results).write(to: folder.testLosses, in: folder)
    saved(folder.testLosses)
    try PredictionTable(measurement.validation.source, results, classNames: classNames)
      .write(to: folder.predictions, in: folder)
    saved(folder.predictions)
    try write(summary.json(), to: folder.summary)
  }
}

extension Provenance {
  /// Of a network that is trained by a recipe. One that was trained further is what it was before; one
  /// from random weights is honest.
  init(_ recipe: String, _ network: LoadedNetwork, seed: UInt64) {
    self.init()
    toolVersion = Trompe.version
    self.recipe = recipe
    originalSHA256 = network.sha256
    manipulated = network.sha256 == nil ? false : network.provenance?.manipulated
    self.seed = seed
  }
}

extension TrainingLoop {
  /// Over all steps.
  var imagesPerSecond: Double {
    Double(step * section.batchSize) / max(trainingSeconds, 1e-9)
  }
}
