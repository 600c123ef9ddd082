import ArgumentParser
import Checkpoints
import Foundation
import Manipulation

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Writes a network's file in another layout.",
    usage: "trompe convert <input> <output> [--layout <layout>] [<options>]",
    discussion: """
      Reads what Keras, PyTorch and Trompe write, and writes what they read. Weights keep every \
      bit; between PyTorch and Keras the rows of a dense layer after a flattening change places, \
      because each counts pixels in its own order. What Trompe knows of a network, above all \
      whether it was manipulated, stays in the file.

      The layout follows from the output's name where that tells it: .keras, .pth, .pt, \
      .safetensors, .weights.h5.

      Which network a file holds is taken from the file. Where it does not say, name it with \
      --architecture and --classes; say with --preprocessing how its images are normalised, and \
      with --class-names what its outputs are: the new file holds that too.

      Example:
        trompe convert vgg16.weights.h5 vgg16.safetensors
        trompe convert model.pth model.keras --preprocessing torch

      docs/formats.md describes the layouts.
      """)

  @Argument(help: "The file to read.", completion: .file())
  var input: String

  @Argument(help: "The file to write.", completion: .file())
  var output: String

  @Option(
    help: ArgumentHelp(
      CheckpointLayout.allCases.map(\.rawValue).joined(separator: ", ") + ".", valueName: "layout"))
  var layout: CheckpointLayout?

  @OptionGroup var networkOptions: NetworkOptions

  @Option(help: ArgumentHelp("The same as --architecture.", visibility: .hidden))
  var family: String?

  @Option(
    help: ArgumentHelp(
      "Width and height of its images in pixels, 224 if omitted; with --architecture.",
      valueName: "pixels"))
  var size: Int?

  @Flag(help: "Replace the output if it exists.")
  var force = false

  func validate() throws {
    guard family == nil || networkOptions.architecture == nil else {
      throw ValidationError("Give --architecture or --family, not both.")
    }
    let isNamed = family != nil || networkOptions.architecture?.hasPrefix("{") == false
    guard isNamed == (networkOptions.classes != nil) else {
      throw ValidationError("Give --architecture and --classes together.")
    }
    if let size {
      guard (1...(1 << 14)).contains(size) else {
        throw ValidationError("--size is \(size), expected 1 to \(1 << 14).")
      }
      guard isNamed else { throw ValidationError("Give --size with --architecture.") }
    }
  }

  /// By the output's name, unless it is said.
  private func chosenLayout() throws -> CheckpointLayout {
    if let layout { return layout }
    let endings: [(String, CheckpointLayout)] = [
      (".keras", .keras), (".pth", .pth), (".pt", .pth), (".safetensors", .safetensors),
      (".weights.h5", .keras3),
    ]
    guard let found = endings.first(where: { output.hasSuffix($0.0) }) else {
      throw ValidationError(
        "The name \(output) tells no layout; give it by --layout, one of "
          + CheckpointLayout.allCases.map(\.rawValue).joined(separator: ", ") + ".")
    }
    return found.1
  }

  func run() throws {
    let layout = try chosenLayout()
    guard force || !FileManager.default.fileExists(atPath: output) else {
      throw RunError("\(output) exists; replace it with --force, or name another file")
    }
    try RunInputs(files: [input]).check(target: output)
    let family = RecipeSetting(option: "family", key: "network.architecture.family", family)
    var section = try EvaluationOptions(
      settings: networkOptions.settings + [family].compactMap(\.self)
    ).network
    section.checkpoint = input
    if let size {
      section.architecture?.height = size
      section.architecture?.width = size
    }
    let network = try LoadedNetwork(section, on: ExecutorChoice.standard())
    try network.save(to: output, as: layout, provenance: network.provenance)
    network.notes.forEach(Terminal.note)
    if !output.hasSuffix(layout.fileExtension), !(layout == .pth && output.hasSuffix(".pt")) {
      Terminal.writeError(
        "trompe: programs expect the name of such a file to end in \(layout.fileExtension)\n")
    }
    try Terminal.write(
      "\(network.architecture.name) with \(network.architecture.classes) classes, "
        + "\(network.layout.title) to \(layout.title): \(output)\n")
  }
}

extension CheckpointLayout: ExpressibleByArgument {}
