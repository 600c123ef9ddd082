import ArgumentParser
import Explanations
import Faithfulness
import Foundation
import Manipulation

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measures a manipulated network against the original.",
    usage: """
      trompe evaluate <checkpoint> --against <file> --data <folder>
                --interpreter <name[@layer]> ... [<options>]
      """,
    discussion: """
      Reports the accuracy of both and, by interpreter, the share of images whose heatmap passes \
      the fooling's test. Any interpreter can be measured, not only the one that was fooled. If one \
      is given, every other single-pass method is measured as well, at the same layer or at the \
      input; --set 'evaluation.interpreters=[]' omits them, =all takes the sampling-based ones too.

      Active fooling is tested on images that show both classes. They are made of the images \
      given, or come ready-made from --composites-folder.

      With --metric, the heatmaps themselves are rated, of both networks on the same images with \
      the same random choices: whether they are faithful, and what they depend on. A metric that \
      rates the manipulated network's heatmaps no worse than the original's is fooled with them.

      Example:
        trompe evaluate runs/first/manipulated.h5 --against resnet18.h5 \\
          --data imagenette/val \\
          --interpreter grad-cam@layer4 --interpreter simple-grad

        trompe evaluate runs/active/manipulated.h5 --against resnet18.h5 \\
          --data imagenette/val --interpreter grad-cam@layer4 \\
          --fooling active --swap church,parachute --composites 200

        trompe evaluate runs/first/manipulated.h5 --against resnet18.h5 \\
          --data imagenette/val --interpreter grad-cam@layer4 \\
          --metric road,deletion,mprt --metric '{name: infidelity, patch: 8}'
      """)

  @Argument(help: "The manipulated network's file.", completion: .file())
  var checkpoint: String

  @Option(
    help: ArgumentHelp("The original network's file.", valueName: "file"), completion: .file())
  var against: String

  @Option(
    help: ArgumentHelp(
      "A third network for comparison: the same fine-tuning with λ = 0, as trompe fool --control leaves "
        + "it in control/.", valueName: "file"),
    completion: .file())
  var control: String?

  @OptionGroup var imageOptions: LabelledImageOptions

  @Option(
    help: ArgumentHelp(
      "Explanation to measure: \(InterpreterOptions.help)",
      valueName: InterpreterOptions.valueName))
  var interpreter: [String]

  @Option(
    help: ArgumentHelp("Target layer of those interpreters that name none.", valueName: "name"))
  var layer: String?

  @Option(
    help: ArgumentHelp(
      "Test of the heatmaps: \(FoolingKind.all.map(\.name).joined(separator: ", ")); with options as in "
        + "a recipe: '{name: trigger, attack: simple, trigger: {patch: square.png}}'.",
      valueName: "name or {name: …}"))
  var fooling = "location"

  @Option(
    help: ArgumentHelp(
      "Bound of the score that meets the criterion. (default: the paper's)", valueName: "number"))
  var threshold: String?

  @Option(
    help: ArgumentHelp(
      "top-k: share of pixels that count as the top. (default: 10)", valueName: "percent"))
  var k: String?

  @Option(
    help: ArgumentHelp(
      "active: the two classes that change places, by name or number; for names with a comma use "
        + "--set fooling.classes.",
      valueName: "class,class"))
  var swap: String?

  @Option(
    help: ArgumentHelp(
      "active: so many images of 2×2 tiles of both classes. (default: 200)", valueName: "count"))
  var composites: Int?

  @Option(
    help: ArgumentHelp("active: seed of those images. (default: 0)", valueName: "number"))
  var compositesSeed: UInt64?

  @Option(
    help: ArgumentHelp(
      "active: instead, ready-made images that show both classes, a folder of folders of images.",
      valueName: "folder"),
    completion: .directory)
  var compositesFolder: String?

  @Option(
    help: ArgumentHelp(
      "Metric of the heatmaps by --interpreter: \(MetricKind.all.map(\.name).joined(separator: ", ")), or "
        + "all; with options as in a recipe's study.faithfulness: '{name: road, noise: 0.02}'; may be "
        + "repeated.",
      valueName: "name[,name…] or {name: …}"))
  var metric: [String] = []

  @Option(
    help: ArgumentHelp(
      "Images on which metrics are measured, evenly spread. (default: 64)", valueName: "count"))
  var metricImages: Int?

  @Option(
    help: ArgumentHelp(
      "Seed of the metrics' masks, noise and random parameters. (default: 0)",
      valueName: "number"))
  var metricSeed: UInt64?

  @OptionGroup var networkOptions: NetworkOptions

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Any key of a recipe's network, fooling, evaluation, report or compute; may be repeated.",
      valueName: "key=value"))
  var settings: [String] = []

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Folder for summary.json, the score of every image, test-losses.jsonl, and a page of all "
        + "that, report.html.",
      valueName: "folder"),
    completion: .directory)
  var output: String?

  @Flag(help: "Print the result as JSON.")
  var json = false

  @OptionGroup var detail: DetailOptions

  func validate() throws {
    if let composites, !(1...10_000_000).contains(composites) {
      throw ValidationError("--composites is \(composites), expected 1 to 10000000.")
    }
    if let metricImages, !(1...1024).contains(metricImages) {
      throw ValidationError("--metric-images is \(metricImages), expected 1 to 1024.")
    }
    if metric.isEmpty, metricImages != nil || metricSeed != nil {
      throw ValidationError(
        "\(metricImages == nil ? "--metric-seed" : "--metric-images") is for --metric, which is not given."
      )
    }
    if compositesFolder != nil, composites != nil || compositesSeed != nil {
      throw ValidationError(
        "Give --composites-folder, or --composites and --composites-seed, not both.")
    }
  }

  func run() throws {
    let request = try request()
    let summary = try detail.watching { stop, observe in
      try EvaluationRun.run(
        request, on: ExecutorChoice.executor(for: request.compute), output: output, stop: stop,
        observe: observe)
    }
    try Terminal.write(json ? JSON.text(summary) : summary.table)
  }

  private func request() throws -> EvaluationRequest {
    let options = try EvaluationOptions(settings: recipeSettings())
    var network = options.network
    network.checkpoint = checkpoint
    guard let fooling = options.fooling else { preconditionFailure("--fooling has a default") }
    if !(try FoolingKind.named(fooling.name)).options.contains(.classes) {
      let given = [
        composites == nil ? nil : "--composites", compositesSeed == nil ? nil : "--composites-seed",
        compositesFolder == nil ? nil : "--composites-folder",
      ]
      if let option = given.compactMap(\.self).first {
        throw RunError("\(option) is for active fooling, but --fooling is \(fooling.name)")
      }
    }
    let interpreters = try InterpreterOptions.specifications(interpreter, layer: layer)
    return EvaluationRequest(
      network: network, original: against, control: control,
      images: imageOptions.images,
      fooling: fooling, interpreters: interpreters,
      further: options.namesInterpreters || interpreters.count > 1
        ? options.evaluation.interpreters : .transfer(.singlePass),
      composites: imagesOfBothClasses,
      batchSize: options.evaluation.batchSize, grid: options.evaluation.grid,
      metrics: metric.isEmpty
        ? nil
        : try MetricsSection(
          options: metric, option: "--metric", images: metricImages, seed: metricSeed),
      report: options.report, compute: options.compute)
  }

  /// Nothing is trained, so of tiles and folders only those for validation matter.
  private var imagesOfBothClasses: DataSection.Composites {
    if let compositesFolder {
      return .folders(train: compositesFolder, validation: compositesFolder)
    }
    guard case .tiles(_, let count, let seed) = DataSection.Composites.paper else {
      preconditionFailure("the paper's composites are tiles")
    }
    return .tiles(train: 1, validation: composites ?? count, seed: compositesSeed ?? seed)
  }

  /// The options that are keys of a recipe, then `--set`.
  private func recipeSettings() throws -> [RecipeSetting] {
    let options = [
      ("fooling", fooling.hasPrefix("{") ? "fooling" : "fooling.name", fooling),
      ("threshold", "fooling.threshold", threshold),
      ("k", "fooling.k", k),
    ].compactMap { RecipeSetting(option: $0, key: $1, $2) }
    let classes = swap.map {
      RecipeSetting(path: "fooling.classes", value: "[\($0)]", label: "--swap \($0)")
    }
    return options + [classes].compactMap(\.self) + networkOptions.settings
      + (try settings.map { try RecipeSetting($0) })
  }
}
