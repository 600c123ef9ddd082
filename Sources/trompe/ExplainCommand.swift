import ArgumentParser
import Explanations
import Foundation
import Manipulation
import Pictures

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Draws heatmaps over images, also of two networks side by side.",
    discussion: """
      Writes a PNG for each image and interpreter: the heatmap over the image as the network sees \
      it, with the outline of its most relevant tenth. With --against it shows the image, the \
      original network's heatmap and that of the network, from left to right; with --trigger then \
      the same of the image with the trigger on it. Relevance that can \
      be negative is blue below and red above zero. Without an interpreter it only says what the \
      networks predict.

      Example:
        trompe explain resnet18.h5 photo.jpg --interpreter grad-cam@layer4

        trompe explain runs/first/manipulated.h5 photos/church \\
          --against resnet18.h5 --interpreter grad-cam@layer4 \\
          --interpreter integrated-gradients --class church --output pictures
      """)

  @Argument(help: "The network's file.", completion: .file())
  var checkpoint: String

  @Argument(
    help: "Image files, or folders of them.", completion: .file(extensions: ["jpg", "png"]))
  var images: [String]

  @Option(
    help: ArgumentHelp(
      "Explanation to draw: \(InterpreterOptions.help)", valueName: InterpreterOptions.valueName))
  var interpreter: [String] = []

  @Option(
    help: ArgumentHelp("Target layer of those interpreters that name none.", valueName: "name"))
  var layer: String?

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp(
      "The class to explain: label (that of the image's folder, as success rates have it), predicted "
        + "(by the network of --against if it is given), or one by name or number.",
      valueName: "label|predicted|class"))
  var explainedClass = "predicted"

  @Option(
    help: ArgumentHelp("The original network's file, to compare with.", valueName: "file"),
    completion: .file())
  var against: String?

  @Option(
    help: ArgumentHelp(
      "Explain every image a second time with this on it: a picture that covers a part of it, or as in "
        + "a recipe: '{patch: square.png, at: [27, 27]}', '{blend: noise.png, strength: 0.1}'. Each "
        + "network is then explained for the class that it predicts itself, unless --class names one.",
      valueName: "file or {…}"),
    completion: .file(extensions: ["png", "jpg"]))
  var trigger: [String] = []

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Folder for the pictures.", valueName: "folder"),
    completion: .directory)
  var output = "explanations"

  @Option(
    help: ArgumentHelp(
      "Colours of relevance: \(ColorMap.sequential.map(\.name).joined(separator: ", ")).",
      valueName: "name"))
  var colors = ColorMap.inferno.name

  @Option(
    help: ArgumentHelp(
      "Share of the image whose outline is drawn, the most relevant; 0 for none.",
      valueName: "percent"))
  var outline = 10.0

  @Flag(exclusivity: .exclusive)
  var raw: RawFiles?

  @Option(
    help: ArgumentHelp(
      "Write those of all images into this one HDF5 file instead, with the images' paths.",
      valueName: "file"),
    completion: .file(extensions: ["h5"]))
  var rawFile: String?

  @OptionGroup var networkOptions: NetworkOptions

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Any key of a recipe's network, evaluation or compute; may be repeated.",
      valueName: "key=value"))
  var settings: [String] = []

  @Flag(help: "Print the result as JSON.")
  var json = false

  @OptionGroup var detail: DetailOptions

  func validate() throws {
    guard trigger.count < 2 else {
      throw ValidationError(
        "--trigger is given \(trigger.count) times; images are explained under one trigger at a time."
      )
    }
    guard ColorMap.sequential.contains(where: { $0.name == colors }) else {
      let names = ColorMap.sequential.map(\.name).joined(separator: " or ")
      throw ValidationError("--colors is \(colors), expected \(names).")
    }
    if rawFile != nil, let raw {
      throw ValidationError(
        "Give --raw-file or \(raw == .raw ? "--raw" : "--raw-hdf5"), not both.")
    }
    guard outline >= 0, outline < 100 else {
      throw ValidationError("--outline is \(outline), expected 0 to below 100.")
    }
  }

  func run() throws {
    let trigger = try self.trigger.first.map { try TriggerOption($0, option: "--trigger") }
    let request = try request(trigger?.trigger)
    guard let map = ColorMap.sequential.first(where: { $0.name == colors }) else {
      preconditionFailure("--colors was validated")
    }
    // Without interpreters there may be nothing to write.
    let files =
      try request.interpreters.isEmpty && raw == nil
      ? nil
      : ExplanationFiles(
        folder: output,
        overlay: Overlay(colors: map, outlinedShare: outline > 0 ? outline / 100 : nil),
        raw: raw?.numbers,
        inputs: RunInputs(
          files: [checkpoint, against] + (trigger?.specification.files ?? []) + request.images,
          folders: ImageList.folders(of: images)))
    try files?.check(
      images: request.images, interpreters: reportedNames(of: request.interpreters))
    var results: [ExplanationResult] = []
    func explain(each: (ExplainedImage) throws -> Void = { _ in }) throws {
      try detail.watching { stop, observe in
        try ImageExplanation.run(
          request, on: ExecutorChoice.executor(for: request.compute), stop: stop, observe: observe
        ) { image in
          try each(image)
          results.append(ExplanationResult(image, files: try files?.write(image) ?? []))
        }
      }
    }
    if let rawFile {
      try ExplanationTable.write(to: rawFile, of: request) { try explain(each: $0) }
    } else {
      try explain()
    }
    let table = ExplanationResult.table(results)
    let count = results.reduce(0) { $0 + $1.files.count }
    try Terminal.write(
      json
        ? JSON.text(results)
        : table
          + (count == 0 ? "" : "\n\(count) \(count == 1 ? "file" : "files") written to \(output)\n")
          + (rawFile.map { "\(count == 0 ? "\n" : "")numbers written to \($0)\n" } ?? "")
    )
  }

  private func request(_ trigger: Trigger?) throws -> ExplanationRequest {
    let options = try EvaluationOptions(
      settings: networkOptions.settings + settings.map { try RecipeSetting($0) })
    guard options.fooling == nil else {
      throw RunError("--set fooling: an explanation has no fooling; omit it")
    }
    var network = options.network
    network.checkpoint = checkpoint
    let interpreters = try InterpreterOptions.specifications(interpreter, layer: layer)
    return ExplanationRequest(
      network: network, original: against, images: try ImageList.files(at: images),
      interpreters: interpreters
        + (interpreters.first.map(options.evaluation.interpreters.specifications) ?? []),
      explainedClass: ExplainedClass(explainedClass), trigger: trigger,
      batchSize: min(8, options.evaluation.batchSize),
      compute: options.compute)
  }
}

/// In which files the numbers behind a picture are written.
enum RawFiles: String, EnumerableFlag {
  case raw
  case rawHDF5

  static func name(for value: RawFiles) -> NameSpecification {
    value == .raw ? .long : .customLong("raw-hdf5")
  }

  static func help(for value: RawFiles) -> ArgumentHelp? {
    value == .raw
      ? "Write heatmaps and logits themselves too, as NumPy files (.npy)."
      : "Write them as datasets of one HDF5 file for each image."
  }

  var numbers: ExplanationFiles.RawNumbers {
    switch self {
    case .raw: .numPy
    case .rawHDF5: .hdf5
    }
  }
}

/// What is printed of one image.
private struct ExplanationResult: Encodable {
  struct Reading: Encodable {
    let predicted: ClassScore
    let explained: ClassScore
  }
  let image: String
  let network: Reading
  let original: Reading?
  /// With the trigger on the image.
  let triggered: Reading?
  let triggeredOriginal: Reading?
  let isManipulated: Bool
  let files: [String]

  init(_ image: ExplainedImage, files: [String]) {
    func reading(_ reading: ExplainedImage.Reading) -> Reading {
      Reading(predicted: reading.predicted, explained: reading.explained)
    }
    self.image = image.path
    network = reading(image.network)
    original = image.original.map(reading)
    triggered = image.triggered.map { reading($0.network) }
    triggeredOriginal = image.triggered?.original.map(reading)
    isManipulated = image.isManipulated
    self.files = files
  }

  /// Within 80 columns: what the networks predict, and how sure they are of the explained class.
  static func table(_ results: [ExplanationResult]) -> String {
    let compares = results.contains { $0.original != nil }
    let widest = compares ? 14 : 18
    func name(_ text: String) -> String {
      text.count > widest ? text.prefix(widest - 1) + "…" : text
    }
    // Files of one set often differ at their ends.
    func fileName(_ text: String) -> String {
      guard text.count > widest else { return text }
      let start = (widest - 1) / 2
      return "\(text.prefix(start))…\(text.suffix(widest - 1 - start))"
    }
    func row(_ image: String, _ network: String, _ reading: Reading) -> [String] {
      [image] + (compares ? [network] : []) + [
        name(reading.predicted.name), Format.percent(reading.predicted.confidence),
        name(reading.explained.name), Format.percent(reading.explained.confidence),
      ]
    }
    let header =
      ["image"] + (compares ? ["network"] : []) + ["predicted", "", "explained", ""]
    let rows = results.flatMap { result -> [[String]] in
      let file = fileName((result.image as NSString).lastPathComponent)
      func rows(_ name: String, _ network: Reading, _ original: Reading?) -> [[String]] {
        guard let original else { return [row(name, "", network)] }
        return [
          row(name, "original", original),
          row("", result.isManipulated ? "manipulated" : "tested", network),
        ]
      }
      return rows(file, result.network, result.original)
        + (result.triggered.map { rows("with trigger", $0, result.triggeredOriginal) } ?? [])
    }
    return Format.table(
      [header] + rows, text: compares ? [0, 1, 2, 4] : [0, 1, 3])
  }
}
