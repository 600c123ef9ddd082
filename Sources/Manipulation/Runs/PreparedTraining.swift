/// Network, data and programs of an ordinary training, checked and compiled.
struct PreparedTraining {
  let setup: Setup
  let program: TrainingProgram
  let evaluator: Evaluator

  /// - Throws: what is wrong with the recipe or the files that it names, in one sentence.
  init(_ recipe: TrainingRecipe) throws {
    setup = try Setup(recipe.network, recipe.data, seed: recipe.training.seed, newTop: true)
    let network = setup.network
    try network.checkExport(as: recipe.output.layout ?? network.layout)
    program = try TrainingProgram.classifier(
      network, batchSize: recipe.training.batchSize, options: recipe.compute.options)
    evaluator = Evaluator(
      program: try EvaluationProgram(
        network, interpreters: [], batchSize: recipe.evaluation.batchSize,
        options: recipe.compute.evaluationOptions),
      preprocessing: network.preprocessing, imageSize: setup.imageSize,
      threads: recipe.data.threads)
  }
}
