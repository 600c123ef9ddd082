import ArgumentParser
import Checkpoints
import Foundation
import Manipulation

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Asks whether a network was manipulated.",
    usage: "trompe audit <suspect> --data <folder> [--against <original>] [<options>]",
    discussion: """
      Compares the network with honest ones: with short fine-tunes of the original, made on the spot, or \
      with what is known of other networks. The verdict is \"nothing found\", \
      \"suspicious\" or \"manipulated\", with a p-value for each statistic and for all together.

      Exit status: 0 nothing found, 2 suspicious, 3 manipulated; 1 where no verdict can be given.

      Example:
        trompe audit downloaded.h5 --data imagenette/val \\
          --against resnet18.h5 -o audit
      """)

  @Argument(help: "The network under test.", completion: .file())
  var suspect: String

  @Option(
    help: ArgumentHelp("The network that it is said to come from.", valueName: "file"),
    completion: .file())
  var against: String?

  @OptionGroup var imageOptions: LabelledImageOptions

  @Option(
    help: ArgumentHelp(
      "Explanation to look at: \(InterpreterOptions.help) (default: Grad-CAM and LRP_T at the last "
        + "layers of each size, SimpleGrad and LRP)",
      valueName: InterpreterOptions.valueName))
  var interpreter: [String] = []

  @Option(
    help: ArgumentHelp("Target layer of those interpreters that name none.", valueName: "name"))
  var layer: String?

  @Option(help: ArgumentHelp("Images whose heatmaps are compared, at most.", valueName: "count"))
  var images = AuditRequest.defaultCount

  @Option(help: ArgumentHelp("Of everything that is drawn at random.", valueName: "number"))
  var seed: UInt64 = 0

  @OptionGroup var networkOptions: NetworkOptions

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Any key of a recipe's network, evaluation or compute; may be repeated.",
      valueName: "key=value"))
  var settings: [String] = []

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Folder for audit.json and a page with pictures of the evidence, audit.html.",
      valueName: "folder"),
    completion: .directory)
  var output: String?

  @Flag(help: "Print the result as JSON.")
  var json = false

  @OptionGroup var detail: DetailOptions

  func validate() throws {
    guard (AuditRequest.fewestImages...10_000).contains(images) else {
      throw ValidationError(
        "--images is \(images), expected \(AuditRequest.fewestImages) to 10000.")
    }
  }

  func run() throws {
    let options = try EvaluationOptions(
      settings: networkOptions.settings + settings.map { try RecipeSetting($0) })
    guard options.fooling == nil else {
      throw RunError("--set fooling: an audit looks for any fooling; omit it")
    }
    var network = options.network
    network.checkpoint = suspect
    let request = AuditRequest(
      network: network, original: against,
      images: imageOptions.images,
      interpreters: try InterpreterOptions.specifications(interpreter, layer: layer),
      count: images, batchSize: options.evaluation.batchSize, seed: seed, compute: options.compute)
    let findings = try detail.watching { stop, observe in
      try AuditRun.run(
        request, on: ExecutorChoice.executor(for: request.compute), output: output, stop: stop,
        observe: observe)
    }
    try Terminal.write(json ? JSON.text(findings) : findings.table)
    switch findings.verdict {
    case .nothingFound: break
    case .suspicious: throw ExitCode(2)
    case .manipulated: throw ExitCode(3)
    }
  }
}

extension AuditFindings {
  /// Verdict, sentences and statistics, within 80 columns.
  fileprivate var table: String {
    let lines = sentences.flatMap {
      Format.wrapped("", printable($0), width: 78).map { $0[1] + "\n" }
    }
    let rows = statistics.filter { !$0.parts.isEmpty }.map { statistic in
      let worst = statistic.mostConspicuous
      return [
        statistic.name, worst?.interpreter ?? "network",
        worst.map { Format.decimals($0.value, 3) } ?? "–",
        worst?.honest.map { Format.decimals($0, 3) } ?? "–",
        statistic.counts ? statistic.pValue.map(Format.significant) ?? "–" : "not counted",
      ]
    }
    return "\(verdict.rawValue)\n\n" + lines.joined() + "\n"
      + Format.table(
        [["statistic", "most conspicuous", "value", "honest", "p"]] + rows, leading: 2)
  }
}
