import ArgumentParser
import Checkpoints
import Foundation
import Manipulation

struct RepairCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Undoes a manipulation as far as that goes, without knowing it.",
    usage: """
      trompe repair <checkpoint> --data <folder> --output <file>
                [--batch-norm] [--finetune <steps>] [--prune <fraction>]
                [<options>]
      """,
    discussion: """
      Writes the network after one repair or several, with accuracy before and after in its \
      provenance. Several are done in this order:

        --prune       sets channels of one convolution to zero
        --finetune    trains on clean images, batch norms frozen
        --batch-norm  estimates the statistics of batch norms anew

      Channels go first that the trigger of --fooling moves most; without a trigger those that \
      differ most from the original (--against); without that the least active on clean images \
      (fine-pruning). They stay zero in what follows.

      A quarter of the images, 2,000 at most, takes no part and is measured on; --validation names \
      others instead. With --against and --interpreter heatmaps are tested too: success rate of the \
      fooling, attack success rate of a trigger.

      Example:
        trompe repair downloaded.h5 --data imagenette/train \\
          --batch-norm -o repaired.h5

        trompe repair runs/trigger/manipulated.h5 --data cifar10/train \\
          --prune 0.2 --finetune 200 --against resnet20.h5 \\
          --interpreter grad-cam@layer3 -o repaired.h5 \\
          --fooling '{name: trigger, attack: simple, trigger: {patch: a.png}}'
      """)

  @Argument(help: "The network to repair.", completion: .file())
  var checkpoint: String

  @OptionGroup var imageOptions: LabelledImageOptions

  @Option(
    help: ArgumentHelp(
      "Folder of other images, on which is measured. (default: a quarter of --data)",
      valueName: "folder"),
    completion: .directory)
  var validation: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write.", valueName: "file"), completion: .file())
  var output: String

  @Flag(help: "Estimate batch-norm statistics anew.")
  var batchNorm = false

  @Option(
    name: .customLong("finetune"),
    help: ArgumentHelp("Train for so many steps on clean images.", valueName: "steps"))
  var steps: Int?

  @Option(
    help: ArgumentHelp(
      "Learning rate of --finetune, by Adam. (default: \(RepairPlan.FineTuning.defaultLearningRate))",
      valueName: "number"))
  var learningRate: Double?

  @Option(
    help: ArgumentHelp(
      "Images in a step of --finetune. (default: \(RepairPlan.FineTuning.defaultBatchSize))",
      valueName: "count"))
  var batchSize: Int?

  @Option(
    help: ArgumentHelp("Set this share of the channels to zero, e.g. 0.2.", valueName: "fraction"))
  var prune: Double?

  @Option(
    help: ArgumentHelp(
      "The convolution that --prune is about. (default: the deepest one)", valueName: "name"))
  var pruneLayer: String?

  @Option(
    help: ArgumentHelp(
      "Which channels go first, if not by what is known.", valueName: "order"))
  var pruneBy: RepairPlan.Pruning.Order?

  @Option(help: ArgumentHelp("Images that repair, at most.", valueName: "count"))
  var images = RepairRequest.defaultImages

  @Option(
    help: ArgumentHelp("The network that it was made from.", valueName: "file"),
    completion: .file())
  var against: String?

  @Option(
    help: ArgumentHelp(
      "Explanation to test: \(InterpreterOptions.help)", valueName: InterpreterOptions.valueName))
  var interpreter: [String] = []

  @Option(
    help: ArgumentHelp("Target layer of those interpreters that name none.", valueName: "name"))
  var layer: String?

  @Option(
    help: ArgumentHelp(
      "Test of the heatmaps, as of trompe evaluate. (default: location)",
      valueName: "name or {name: …}"))
  var fooling: String?

  @Option(
    name: .customLong("layout"),
    help: ArgumentHelp(
      "Layout of the file, if another than before: "
        + CheckpointLayout.allCases.map(\.rawValue).joined(separator: ", ") + ".",
      valueName: "layout"))
  var layout: CheckpointLayout?

  @Option(help: ArgumentHelp("Of everything that is drawn at random.", valueName: "number"))
  var seed: UInt64 = 0

  @OptionGroup var networkOptions: NetworkOptions

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Any key of a recipe's network, fooling, evaluation or compute; may be repeated.",
      valueName: "key=value"))
  var settings: [String] = []

  @Flag(help: "Replace the output if it exists.")
  var force = false

  @Flag(help: "Print the result as JSON.")
  var json = false

  @OptionGroup var detail: DetailOptions

  func validate() throws {
    guard batchNorm || steps != nil || prune != nil else {
      throw ValidationError("Give --batch-norm, --finetune or --prune, or several of them.")
    }
    func check<Number: Comparable>(
      _ name: String, _ value: Number?, _ range: ClosedRange<Number>
    ) throws {
      // Written so that NaN is out of range.
      if let value, !(value >= range.lowerBound && value <= range.upperBound) {
        throw ValidationError(
          "--\(name) is \(value), expected \(range.lowerBound) to \(range.upperBound).")
      }
    }
    try check("finetune", steps, 1...100_000_000)
    try check("batch-size", batchSize, 1...4096)
    try check("learning-rate", learningRate, 1e-30...1e6)
    try check("prune", prune, 1e-9...0.99)
    try check("images", images, 1...10_000_000)
    if steps == nil, learningRate != nil || batchSize != nil {
      throw ValidationError("--learning-rate and --batch-size are for --finetune; give that too.")
    }
    if prune == nil, pruneLayer != nil || pruneBy != nil {
      throw ValidationError("--prune-layer and --prune-by are for --prune; give that too.")
    }
    if validation != nil, imageOptions.shapes != nil {
      throw ValidationError("--validation is for --data; with --shapes a part is measured on.")
    }
  }

  func run() throws {
    guard force || !FileManager.default.fileExists(atPath: output) else {
      throw RunError("\(output) exists; replace it with --force, or name another file")
    }
    let request = try request()
    let summary = try detail.watching { stop, observe in
      try RepairRun(
        request, on: ExecutorChoice.executor(for: request.compute), stop: stop, observe: observe
      ).run(writing: output, as: layout)
    }
    try Terminal.write(json ? JSON.text(summary) : summary.table)
  }

  private func request() throws -> RepairRequest {
    let tests = fooling ?? (interpreter.isEmpty ? nil : "location")
    let kind = tests.flatMap {
      RecipeSetting(
        option: "fooling", key: $0.hasPrefix("{") ? "fooling" : "fooling.name", $0)
    }
    let options = try EvaluationOptions(
      settings: [kind].compactMap(\.self) + networkOptions.settings
        + (try settings.map { try RecipeSetting($0) }))
    var network = options.network
    network.checkpoint = checkpoint
    return RepairRequest(
      network: network, original: against, images: imageOptions.images, validation: validation,
      plan: RepairPlan(
        pruning: prune.map { .init(fraction: $0, layer: pruneLayer, order: pruneBy) },
        fineTuning: steps.map {
          .init(
            steps: $0,
            learningRate: learningRate ?? RepairPlan.FineTuning.defaultLearningRate,
            batchSize: batchSize ?? RepairPlan.FineTuning.defaultBatchSize)
        }, refreshesBatchNorm: batchNorm),
      count: images, fooling: options.fooling,
      interpreters: try InterpreterOptions.specifications(interpreter, layer: layer),
      batchSize: options.evaluation.batchSize, grid: options.evaluation.grid, seed: seed,
      compute: options.compute)
  }
}

extension RepairPlan.Pruning.Order: ExpressibleByArgument {}

extension RepairSummary {
  /// What was done and what it did, within 80 columns.
  fileprivate var table: String {
    let sentences = done.flatMap { text in
      Format.wrapped("", printable(text.prefix(1).uppercased() + text.dropFirst()) + ".", width: 80)
        .map { $0[1] + "\n" }
    }.joined()
    let all = [original, before, after]
    func row(_ name: String, _ value: (RepairMeasure) -> String?) -> [String]? {
      let cells = all.map { $0.map { value($0) ?? "–" } }
      guard cells.contains(where: { $0 != nil && $0 != "–" }) else { return nil }
      return [name] + (original == nil ? Array(cells.dropFirst()) : cells).map { $0 ?? "–" }
    }
    var rows = [row("top-1") { Format.percent($0.top1) }, row("top-5") { Format.percent($0.top5) }]
    for name in interpreters {
      rows.append(row("success rate, \(name)") { $0.fsr[name].map(Format.percent) })
    }
    func distance(_ measured: RepairMeasure.Triggered.Distances?) -> String? {
      measured.map { Format.decimals(dissimilarity == .dssim ? $0.dssim : $0.mse, 3) }
    }
    let measured = dissimilarity == .dssim ? "DSSIM" : "MSE"
    for index in after.triggers.indices {
      let number = after.triggers.count > 1 ? " \(index + 1)" : ""
      func triggered(_ measure: RepairMeasure) -> RepairMeasure.Triggered? {
        index < measure.triggers.count ? measure.triggers[index] : nil
      }
      rows += [
        row("attack success rate\(number)") { triggered($0)?.successRate.map(Format.percent) },
        row("top-1 under the trigger\(number)") {
          triggered($0).map { Format.percent($0.accuracy) }
        },
        row("\(measured), triggered to target\(number)") {
          distance(triggered($0)?.triggeredToTarget)
        },
        row("\(measured), triggered to original\(number)") {
          distance(triggered($0)?.triggeredToOriginal)
        },
        row("\(measured), clean to original\(number)") {
          distance(triggered($0)?.cleanToOriginal)
        },
      ]
    }
    let head =
      [fooling.map { "test: \($0)" } ?? ""] + (original == nil ? [] : ["original"])
      + ["before", "after"]
    return sentences + "\n" + Format.table([head] + rows.compactMap(\.self)) + "\n"
      + "\(validationImages) images, \(Format.duration(seconds))\n"
  }
}
