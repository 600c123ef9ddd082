import Foundation
import ImageData
import Networks

/// A class and how sure a network is of it.
public struct ClassScore: Codable, Hashable, Sendable {
  /// Position among the logits.
  public var index: Int
  public var name: String
  /// The network's probability of that class, in [0, 1]: softmax or sigmoid of the logits.
  public var confidence: Double

  public init(index: Int, name: String, confidence: Double) {
    (self.index, self.name, self.confidence) = (index, name, confidence)
  }
}

/// What the logits of one image say.
package struct Classification: Codable, Hashable, Sendable {
  /// Softmax of the logits, or of a network of labels their sigmoids, [classes].
  package let confidences: [Double]

  package init(logits: ArraySlice<Float>, _ output: ClassifierOutput) {
    guard output != .labels else {
      confidences = logits.map { 1 / (1 + exp(-Double($0))) }
      predicted = Self.predicted(logits)
      return
    }
    predicted = Self.predicted(logits)
    let largest = Double(logits.max() ?? 0)
    let powers = logits.map { exp(Double($0) - largest) }
    let sum = powers.reduce(0, +)
    confidences = powers.map { $0 / sum }
  }

  /// The class of the largest logit, the first of equals.
  package let predicted: Int

  /// The class of the largest logit, the first of equals.
  package static func predicted(_ logits: ArraySlice<Float>) -> Int {
    var best = logits.startIndex
    for index in logits.indices where logits[index] > logits[best] { best = index }
    return best - logits.startIndex
  }

  /// - Parameter names: of all classes.
  package func score(of index: Int, names: [String]) -> ClassScore {
    ClassScore(index: index, name: names[index], confidence: confidences[index])
  }
}
