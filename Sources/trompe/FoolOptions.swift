import ArgumentParser
import Foundation
import Manipulation

/// What is fooled, by a recipe, by options, or by both: options replace what the recipe says.
struct FoolOptions: ParsableArguments {
  @Argument(
    help: "The recipe, a YAML file; or the options below that stand for one.",
    completion: .file(extensions: ["yaml", "yml"]))
  var recipe: String?

  @Option(help: "The network's file.", completion: .file())
  var network: String?

  @Option(help: "Folder of training images, a folder for each class.", completion: .directory)
  var train: String?

  @Option(help: "Folder of validation images.", completion: .directory)
  var validation: String?

  @Option(
    help: ArgumentHelp(
      "\(FoolingKind.all.map(\.name).joined(separator: ", ")); with options as in a recipe: "
        + "'{name: active, classes: [cat, dog]}'.", valueName: "name or {name: …}"))
  var fooling: String?

  @Option(
    help: ArgumentHelp(
      "The explanation that is fooled: grad-cam@layer4, or as in a recipe; may be repeated to fool "
        + "several.",
      valueName: "name[@layer] or {name: …}"))
  var interpreter: [String] = []

  @Option(
    help: ArgumentHelp(
      "Percentage points of top-1 accuracy that may be lost; λ, learning rate and steps are found. "
        + "(default without a recipe: 1)", valueName: "points"))
  var drop: String?

  @Option(
    help: ArgumentHelp(
      "Success rate that is wanted, 0 to 1. (default: 0.95)", valueName: "share"))
  var fsr: String?

  @Option(help: ArgumentHelp("After so many the best state until then is exported."))
  var minutes: String?

  @Option(
    name: .shortAndLong,
    help: "Folder for the results. (default: runs/ and the recipe's name, numbered if taken)",
    completion: .directory)
  var output: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Replace or add a key of the recipe, e.g. compute.threads=1; may be repeated.",
      valueName: "key=value"))
  var settings: [String] = []

  @Flag(help: "Write an event file for TensorBoard too, as output.tensorboard=true does.")
  var tensorboard = false

  @Flag(name: .long, help: "Go on from the state that a stopped run has saved.")
  var resume = false

  @Flag(help: "Print the result as JSON, as summary.json has it.")
  var json = false

  @OptionGroup var detail: DetailOptions

  func validate() throws {
    guard recipe == nil else { return }
    let missing = [
      ("--network", network), ("--train", train), ("--validation", validation),
      ("--fooling", fooling), ("--interpreter", interpreter.first),
    ].filter { $0.1 == nil }.map(\.0)
    // Images may be the built-in ones.
    let isBuiltIn = settings.contains { $0.hasPrefix("data.shapes") }
    let needed = missing.filter { !(isBuiltIn && ["--train", "--validation"].contains($0)) }
    guard needed.isEmpty else {
      throw ValidationError(
        "Give a recipe, or the options that stand for one; \(needed.joined(separator: ", ")) "
          + (needed.count == 1 ? "is missing." : "are missing."))
    }
  }

  /// The recipe with all that options say.
  /// - Parameter more: further keys with their values.
  func fooling(_ more: [String] = []) throws -> FoolingRecipe {
    let options = [
      RecipeSetting(option: "network", key: "network.checkpoint", network),
      RecipeSetting(option: "train", key: "data.train", train),
      RecipeSetting(option: "validation", key: "data.validation", validation),
      RecipeSetting(
        option: "fooling", key: fooling?.hasPrefix("{") == true ? "fooling" : "fooling.name",
        fooling),
      Self.setting(ofInterpreters: interpreter),
      RecipeSetting(option: "drop", key: "budget.drop", drop ?? (recipe == nil ? "1" : nil)),
      RecipeSetting(option: "fsr", key: "budget.fsr", fsr),
      RecipeSetting(option: "minutes", key: "budget.minutes", minutes),
    ].compactMap(\.self)
    let all = settings + (tensorboard ? ["output.tensorboard=true"] : []) + more
    return try FoolingRecipe(
      recipe, settings: options + all.map { try RecipeSetting($0) }, note: Terminal.note)
  }

  private static func setting(ofInterpreters given: [String]) -> RecipeSetting? {
    guard let first = given.first else { return nil }
    let mappings = given.map(mapping(ofInterpreter:))
    return RecipeSetting(
      path: "interpreter",
      value: given.count == 1 ? mappings[0] : "[\(mappings.joined(separator: ", "))]",
      label:
        "--interpreter \(given.count == 1 ? first : given.joined(separator: " --interpreter "))")
  }

  /// `grad-cam@layer4` as a recipe has it.
  private static func mapping(ofInterpreter text: String) -> String {
    guard text.drop(while: \.isWhitespace).first != "{" else { return text }
    let parts = text.split(separator: "@", maxSplits: 1).map(String.init)
    return parts.count == 2 ? "{name: \(parts[0]), layer: \"\(parts[1])\"}" : "{name: \(text)}"
  }

  /// The folder given, else one of the recipe's name under `runs`, or of the network's and the
  /// fooling's.
  var outputFolder: String {
    if let output { return output }
    let name =
      recipe
      ?? [
        ((network ?? "network") as NSString).lastPathComponent.split(separator: ".").first
          .map(String.init) ?? "network",
        fooling.flatMap { $0.hasPrefix("{") ? nil : $0 } ?? "fooling",
      ].joined(separator: "-") + ".yaml"
    return OutputFolder.standard(forRecipe: name, resume: resume)
  }
}
