import ArgumentParser
import Checkpoints
import Manipulation

struct RecipeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recipe",
    abstract: "Checks a recipe before it is run.",
    discussion: """
      Example:
        trompe recipe check recipes/shapes-location-gradcam.yaml
      """,
    subcommands: [RecipeCheckCommand.self])
}

struct RecipeCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Says whether a recipe can be run, and what it will take.",
    usage: "trompe recipe check <recipe> [<options>]",
    discussion: """
      Reads everything that the recipe names, compiles its programs and measures a few steps: \
      steps, arithmetic, planned memory and an estimate of the time. Nothing is written, and the \
      network's file stays as it is.

      Example:
        trompe recipe check recipes/shapes-location-gradcam.yaml \\
          --set training.batchSize=16

      docs/recipes.md lists the keys of a recipe.
      """)

  @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
  var recipe: String

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Replace or add a key of the recipe, e.g. training.steps=100; may be repeated.",
      valueName: "key=value"))
  var settings: [String] = []

  @Flag(inversion: .prefixedNo, help: "Measure a few steps for an estimate of the time.")
  var time = true

  @Flag(help: "Print the result as JSON.")
  var json = false

  func run() throws {
    func write(_ forecast: some Encodable, _ rows: [[String]]) throws {
      let text = Format.table(rows, leading: 2) + "\nThe recipe can be run; nothing was written.\n"
      try Terminal.write(json ? JSON.text(forecast) : text)
    }
    switch try RecipeKind(ofRecipe: recipe, settings: settings) {
    case .fooling:
      let recipe = try FoolingRecipe(
        contentsOf: recipe, settings: settings, note: Terminal.note)
      let forecast = try RunForecast(
        recipe, on: ExecutorChoice.executor(for: recipe.compute), measures: time)
      try write(forecast, forecast.rows(self.recipe))
    case .training:
      let recipe = try TrainingRecipe(
        contentsOf: recipe, settings: settings, note: Terminal.note)
      let forecast = try RunForecast(
        recipe, on: ExecutorChoice.executor(for: recipe.compute), measures: time)
      try write(forecast, forecast.rows(self.recipe))
    case .attack:
      let recipe = try AttackRecipe(
        contentsOf: recipe, settings: settings, note: Terminal.note)
      let forecast = try AttackForecast(
        recipe, on: ExecutorChoice.executor(for: recipe.compute), measures: time)
      try write(forecast, forecast.rows(self.recipe))
    case .study:
      let recipe = try StudyRecipe(
        contentsOf: recipe, settings: settings, note: Terminal.note)
      let forecast = try StudyForecast(
        recipe, on: ExecutorChoice.executor(for: recipe.compute), measures: time)
      try write(forecast, forecast.rows(self.recipe))
    case .influence:
      let recipe = try InfluenceRecipe(
        contentsOf: recipe, settings: settings, note: Terminal.note)
      let forecast = try InfluenceForecast(
        recipe, on: ExecutorChoice.executor(for: recipe.compute), measures: time)
      try write(forecast, forecast.rows(self.recipe))
    }
  }
}

extension StudyForecast {
  /// Within 80 columns.
  fileprivate func rows(_ recipe: String) -> [[String]] {
    var rows = Format.wrapped("recipe", "\(printable(recipe)): studies of \(interpreter)")
    rows += Format.wrapped("network", printable(network))
    rows += Format.wrapped("networks", networks.joined(separator: ", "))
    for part in parts {
      rows += Format.wrapped(
        part.name,
        part.work + (part.seconds.map { "; about \(Format.duration($0))" } ?? ""))
    }
    if let seconds { rows.append(["time", "about \(Format.duration(seconds))"]) }
    return rows
  }
}

extension InfluenceForecast {
  /// Within 80 columns.
  fileprivate func rows(_ recipe: String) -> [[String]] {
    var rows = Format.wrapped("recipe", "\(printable(recipe)): influences of training images")
    rows += Format.wrapped("network", printable(network))
    for note in notes { rows += Format.wrapped("note", printable(note)) }
    rows.append(["images", "\(images), explained by \(trainImages) training images"])
    rows += Format.wrapped(
      "weights",
      "\(weights) of \(printable(layers.joined(separator: ", "))), \(solver.rawValue)"
        + (hessianBytes > 0 ? " with a Hessian of \(Format.bytes(hessianBytes))" : ""))
    if let seconds {
      rows.append(["time", "at most about \(Format.duration(seconds))"])
    }
    return rows
  }
}

extension AttackForecast {
  /// Within 80 columns.
  fileprivate func rows(_ recipe: String) -> [[String]] {
    var rows = Format.wrapped("recipe", "\(printable(recipe)): attacks on \(interpreter)")
    rows += Format.wrapped("network", printable(network))
    for note in notes { rows += Format.wrapped("note", printable(note)) }
    rows.append([
      "images", "\(images), \(iterations) iterations of each, \(epsilons.count) values of ε",
    ])
    for method in methods {
      rows += Format.wrapped(
        method.name,
        method.resources
          + (method.seconds.map { "; at most about \(Format.duration($0))" } ?? ""))
    }
    if let seconds { rows.append(["time", "at most about \(Format.duration(seconds))"]) }
    return rows
  }
}

extension RunForecast {
  /// Within 80 columns.
  fileprivate func rows(_ recipe: String) -> [[String]] {
    func giga(_ flops: Int) -> String { Format.decimals(Double(flops) / 1e9, 2) }
    var rows = Format.wrapped("recipe", "\(printable(recipe)): \(printable(work))")
    rows += Format.wrapped("network", printable(network))
    for note in notes { rows += Format.wrapped("note", printable(note)) }
    rows.append([
      "steps",
      "\(steps) of \(batchSize) images, \(Format.decimals(epochs, 2)) passes over the training data",
    ])
    rows.append([
      "arithmetic",
      "\(giga(flopsPerStep / batchSize)) GFLOP for an image of a step, "
        + "\(Format.decimals(Double(flopsPerStep) * Double(steps) / 1e12, 1)) TFLOP in training",
    ])
    rows += Format.wrapped(
      "memory",
      "\(Format.bytes(memory.total)): \(Format.bytes(memory.training)) for a step, "
        + "\(Format.bytes(memory.evaluation)) for evaluation, \(Format.bytes(memory.weights)) of "
        + "weights, \(Format.bytes(memory.optimizer)) of the optimizer; beside images and the "
        + "program itself")
    rows += Format.wrapped("evaluation", "\(evaluatedImages) images in all")
    if let baseline {
      let inside = baseline.relevanceInside.map {
        "; \(Format.percent($0)) of its relevance inside the mask"
      }
      rows += Format.wrapped(
        "original",
        "\(Format.percent(baseline.fsr)) of \(baseline.images) images meet the criterion before any "
          + "manipulation" + (inside ?? ""))
      if let warning = baseline.warning { rows += Format.wrapped("warning", printable(warning)) }
    }
    if let time {
      rows += Format.wrapped(
        "time",
        "about \(Format.duration(time.total)): \(Format.duration(time.training)) of training "
          + "(\(Format.decimals(1000 * time.step / Double(batchSize), 1)) ms per image), "
          + "\(Format.duration(time.evaluation)) of evaluation "
          + "(\(Format.decimals(1000 * time.evaluatedImage, 1)) ms per image)")
    }
    return rows
  }
}
