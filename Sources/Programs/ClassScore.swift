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
package struct Classification {
  /// Softmax of the logits, [classes].
  package let confidences: [Double]

  package init(logits: ArraySlice<Float>) {
    let largest = Double(logits.max() ?? 0)
    let powers = logits.map { exp(Double($0) - largest) }
    let sum = powers.reduce(0, +)
    confidences = powers.map { $0 / sum }
  }

  /// The class of the largest logit, the first of equals.
  package var predicted: Int {
    var best = 0
    for index in confidences.indices where confidences[index] > confidences[best] { best = index }
    return best
  }

  /// - Parameter names: of all classes.
  package func score(of index: Int, names: [String]) -> ClassScore {
    ClassScore(index: index, name: names[index], confidence: confidences[index])
  }
}
