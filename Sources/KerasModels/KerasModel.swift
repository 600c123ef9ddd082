import Foundation
import Networks

/// The layers of a Keras model and who reads whom, as its `model_config` says: Keras 2 and Keras 3,
/// sequential and functional, models as layers of models at any depth, and layers that are called
/// several times.
///
/// Models within the model are taken apart: their layers stand here one after the other, called by their
/// path, `vgg16/block5_conv3`.
struct KerasModel {
  /// One call of a layer.
  struct Layer {
    /// The path; `path:2` for the second call of one layer.
    let name: String
    /// By which its parameters are called, whichever call it is.
    let path: String
    let className: String
    let config: KerasObject
    /// What it is called with.
    let operands: [KerasOperand<String>]
    /// What else it is called with.
    var further: [Any] = []

    /// Names of layers.
    var inputs: [String] { operands.compactMap(\.source) }
  }

  let name: String
  /// [height, width, channels]; `nil` where the model takes any.
  let inputShape: [Int?]
  /// Whether Keras takes gray images without an axis of channels.
  let takesMatrices: Bool
  /// Whether Keras takes images with their channels first.
  let hasChannelsFirst: Bool
  /// Each after those that it reads, the last one the model's output; without input layers.
  let layers: [Layer]
  /// The input layer's name; empty if there is none.
  let input: String
  /// Of models within the model, and of their calls: the layer whose result is theirs.
  let aliases: [String: String]
  /// Paths of layers that lead to another output than the chosen one alone.
  let unused: Set<String>
  /// Of every layer, by its path: the groups in which Keras 3 has its weights, from the outermost
  /// model's on. They are called after classes and numbered in the order of each model's layers.
  let groups: [String: [String]]
  /// Whether a layer is a model.
  let isNested: Bool
  /// Whether Keras 3 wrote it.
  let isKeras3: Bool

  /// A model that Keras can write has a few kilobytes for each layer.
  private static let largestText = 64 << 20
  /// Models within each other.
  static let deepest = 32
  static let models = ["Functional", "Model", "Sequential"]

  /// - Parameter output: which of several outputs counts, by its layer's name.
  init(_ text: String, output: String? = nil) throws(NetworkError) {
    let owner = Self.owner
    let model = try Self.part(text)
    guard model.inputs.count == 1 else {
      throw NetworkError("\(owner): \(model.inputs.count) input layers, expected 1")
    }
    name = model.name
    input = model.inputs[0]
    (inputShape, takesMatrices) = (try model.imageShape(), try model.takesMatrices())
    hasChannelsFirst = !takesMatrices && model.hasChannelsFirst
    var paths: Set<String> = []
    for path in model.paths() where !paths.insert(path).inserted {
      throw NetworkError("\(owner): two layers are called \(path.prefix(200))")
    }
    var expansion = Expansion()
    let results = try expansion.expand(model, path: "", inputs: [input])
    let chosen = try Self.choose(output, among: model.outputs.map(\.name), results, owner)
    let needed = Self.leading(to: chosen, among: expansion.layers)
    layers = expansion.layers.filter { needed.contains($0.name) }
    unused = Set(expansion.layers.map(\.path)).subtracting(layers.map(\.path))
    aliases = expansion.aliases.filter { needed.contains($0.value) }
    (groups, isNested) = (model.groups(), model.layers.contains { $0.model != nil })
    isKeras3 = model.isKeras3
    guard !layers.isEmpty else {
      throw NetworkError("\(owner): no layers but the input")
    }
  }

  /// Of a model with any number of outputs.
  static func inputShape(of text: String) throws(NetworkError) -> [Int?] {
    let model = try part(text)
    guard model.inputs.count == 1 else {
      throw NetworkError("\(owner): \(model.inputs.count) input layers, expected 1")
    }
    return try model.imageShape()
  }

  private static let owner = "model_config"

  private static func part(_ text: String) throws(NetworkError) -> Part {
    guard text.utf8.count <= largestText else {
      throw NetworkError(
        "\(owner) has \(text.utf8.count) bytes, more than the \(largestText) that a model has")
    }
    let parsed: Any
    do { parsed = try JSONSerialization.jsonObject(with: Data(text.utf8)) } catch {
      throw NetworkError("\(owner) is not JSON")
    }
    guard let members = parsed as? [String: Any] else {
      throw NetworkError("\(owner) is not a JSON object with class_name and config")
    }
    let root = KerasObject(owner: owner, members: members)
    let className = try root.text("class_name")
    guard models.contains(className) else {
      throw root.error(
        "the model is a \(className.prefix(100)); supported are sequential and functional models")
    }
    var count = 0
    return try Part(root, className, owner: owner, depth: 0, &count)
  }

  /// The result that counts.
  private static func choose(
    _ output: String?, among names: [String], _ results: [String], _ owner: String
  ) throws(NetworkError) -> String {
    let list = names.map { String($0.prefix(200)) }.joined(separator: " and ")
    guard let output else {
      guard results.count == 1 else {
        throw NetworkError(
          "\(owner): the model has \(results.count) outputs, \(list); say which one counts by "
            + "network.output (--network-output)")
      }
      return results[0]
    }
    guard let place = names.firstIndex(of: output) ?? results.firstIndex(of: output) else {
      throw NetworkError(
        "\(owner): the model has no output \"\(output.prefix(200))\", which network.output "
          + "(--network-output) names; it has \(list)")
    }
    return results[place]
  }

  private static func leading(to output: String, among layers: [Layer]) -> Set<String> {
    var needed: Set<String> = [output]
    for layer in layers.reversed() where needed.contains(layer.name) {
      needed.formUnion(layer.inputs)
    }
    return needed
  }
}
