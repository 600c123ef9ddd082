import Foundation
import ImageData
import Networks

/// A class and how sure a network is of it.
public struct ClassScore: Codable, Hashable, Sendable {
  /// Position among the logits.
  public var index: Int
  public var name: String
  /// Softmax of the logits at that class, in [0, 1].
  public var confidence: Double

  public init(index: Int, name: String, confidence: Double) {
    (self.index, self.name, self.confidence) = (index, name, confidence)
  }
}

/// What the logits of one image say.
struct Classification {
  /// Softmax of the logits, [classes].
  let confidences: [Double]

  init(logits: ArraySlice<Float>) {
    let largest = Double(logits.max() ?? 0)
    let powers = logits.map { exp(Double($0) - largest) }
    let sum = powers.reduce(0, +)
    confidences = powers.map { $0 / sum }
  }

  /// The class of the largest logit, the first of equals.
  var predicted: Int {
    var best = 0
    for index in confidences.indices where confidences[index] > confidences[best] { best = index }
    return best
  }

  /// - Parameter names: of all classes.
  func score(of index: Int, names: [String]) -> ClassScore {
    ClassScore(index: index, name: names[index], confidence: confidences[index])
  }
}

/// The position of a class that a user has named.
/// - Parameter name: a name, or a number where there is no class of that name.
/// - Throws: `RunError` with the closest names, or if the name is that of several outputs.
func classIndex(of name: String, among classNames: [String]) throws(RunError) -> Int {
  let others = Set(ImageNetClasses.otherNames(of: name))
  let exact = classNames.indices.filter { classNames[$0] == name }
  let found = exact.isEmpty ? classNames.indices.filter { others.contains(classNames[$0]) } : exact
  if found.count == 1 { return found[0] }
  if found.count > 1 {
    // A number names an output where no class is called so.
    let isNumbered = !classNames.contains("\(found[0])")
    throw RunError(
      "\"\(name)\" is the class of output \(found[0]) and of output \(found[1]); "
        + (isNumbered ? "name one of them by its number, or " : "")
        + "give every output a name of its own by network.classNames")
  }
  if let number = Int(name), classNames.indices.contains(number) { return number }
  throw RunError(
    "the network has no class \"\(name)\": "
      + NameSuggestions.sentence(for: name, among: classNames))
}
