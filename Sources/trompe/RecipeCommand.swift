import ArgumentParser
import Checkpoints
import Manipulation
import TensorRuntime
import TensorXLA

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

  @Option(
    help: ArgumentHelp(
      "Compile the programs for a GPU that need not be here (\(GPUTarget.all.map(\.name).joined(separator: ", "))), by the plugin for CUDA: memory, calls of cuDNN, seconds to compile. Nothing is run.",
      valueName: "name"),
    transform: Self.target)
  var target: GPUTarget?

  @Flag(help: "Print the result as JSON.")
  var json = false

  private static func target(_ name: String) throws -> GPUTarget {
    guard let found = GPUTarget.all.first(where: { $0.name == name }) else {
      throw ValidationError(
        "\(printable(name)) is no GPU that is known, expected "
          + GPUTarget.all.map(\.name).joined(separator: " or "))
    }
    return found
  }

  /// What is printed about a program that was compiled for another machine.
  private struct AheadResult: Encodable {
    let isTrainingStep: Bool
    let batchSize: Int
    let seconds: Double
    let bytes: Int
    let temporaryBytes: Int
    let libraryCalls: [String: Int]
  }

  private struct Ahead<Forecast: Encodable>: Encodable {
    let forecast: Forecast
    let target: String
    let programs: [AheadResult]
  }

  func run() throws {
    var ahead: AheadExecutor?
    func executor(for compute: ComputeSection) throws -> any Executor {
      guard let target else { return try ExecutorChoice.executor(for: compute) }
      let made = try AheadExecutor(target, plugin: compute.plugin)
      ahead = made
      return made
    }
    func write(_ forecast: some Encodable, _ rows: [[String]]) throws {
      var rows = rows
      if let ahead {
        let programs = ahead.programs.compactMap { program in
          program.compiled.map { (program, $0) }
        }
        guard !json else {
          let list = programs.map {
            AheadResult(
              isTrainingStep: $0.isTrainingStep, batchSize: $0.batchSize, seconds: $1.seconds,
              bytes: $1.bytes,
              temporaryBytes: $1.temporaryBytes, libraryCalls: $1.libraryCalls)
          }
          return try Terminal.write(
            JSON.text(Ahead(forecast: forecast, target: ahead.name, programs: list)))
        }
        for (program, compiled) in programs {
          rows += Format.wrapped(ahead.name, Self.text(program, compiled))
        }
      }
      let end =
        ahead == nil
        ? "The recipe can be run; nothing was written."
        : "Compiled, not run; nothing was written."
      let text = Format.table(rows, leading: 2) + "\n\(end)\n"
      try Terminal.write(json ? JSON.text(forecast) : text)
    }
    let time = time && target == nil
    switch try RecipeKind(ofRecipe: recipe, settings: settings) {
    case .fooling:
      let recipe = try FoolingRecipe(
        contentsOf: recipe, settings: settings, note: Terminal.note)
      let forecast = try RunForecast(
        recipe, on: executor(for: recipe.compute), measures: time)
      try write(forecast, forecast.rows(self.recipe))
    case .training:
      let recipe = try TrainingRecipe(
        contentsOf: recipe, settings: settings, note: Terminal.note)
      let forecast = try RunForecast(
        recipe, on: executor(for: recipe.compute), measures: time)
      try write(forecast, forecast.rows(self.recipe))
    case .attack:
      let recipe = try AttackRecipe(
        contentsOf: recipe, settings: settings, note: Terminal.note)
      let forecast = try AttackForecast(
        recipe, on: executor(for: recipe.compute), measures: time)
      try write(forecast, forecast.rows(self.recipe))
    case .study:
      let recipe = try StudyRecipe(
        contentsOf: recipe, settings: settings, note: Terminal.note)
      let forecast = try StudyForecast(
        recipe, on: executor(for: recipe.compute), measures: time)
      try write(forecast, forecast.rows(self.recipe))
    case .influence:
      let recipe = try InfluenceRecipe(
        contentsOf: recipe, settings: settings, note: Terminal.note)
      let forecast = try InfluenceForecast(
        recipe, on: executor(for: recipe.compute), measures: time)
      try write(forecast, forecast.rows(self.recipe))
    }
  }
}

extension RecipeCheckCommand {
  fileprivate static func text(
    _ program: AheadProgram, _ compiled: AheadProgram.Compiled
  ) -> String {
    let calls = ["__cudnn$": "cuDNN", "__cublas$": "cuBLAS"].sorted { $0.key > $1.key }.map {
      prefix, library in
      let count = compiled.libraryCalls.reduce(0) {
        $0 + ($1.key.hasPrefix(prefix) ? $1.value : 0)
      }
      return "\(count) of \(library)"
    }
    let images = "\(program.batchSize) image\(program.batchSize == 1 ? "" : "s")"
    return (program.isTrainingStep ? "a training step of \(images): " : "\(images) evaluated: ")
      + "\(Format.bytes(compiled.bytes)), \(Format.bytes(compiled.temporaryBytes)) of it between "
      + "inputs and results; calls: \(calls.joined(separator: ", ")); compiled in "
      + "\(Format.decimals(compiled.seconds, 1)) s"
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
