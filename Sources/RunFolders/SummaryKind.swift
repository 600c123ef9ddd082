import Foundation

/// Of which kind of run a `summary.json` is, as far as its keys show.
package enum SummaryKind {
  case training, attack, study

  private struct Training: Decodable {
    let top1: Double
    let crossEntropy: Double
    let steps: Int
  }
  private struct Attack: Decodable {
    struct Result: Decodable {
      let method: String
      let epsilon: Double
    }
    let results: [Result]
    let topK: Int
  }
  private struct Study: Decodable {
    struct Network: Decodable {
      let name: String
      let file: String
    }
    let networks: [Network]
    let interpreter: String
  }

  /// `nil` if it is none of these.
  package init?(ofSummary data: Data) {
    func holds<Part: Decodable>(_ part: Part.Type) -> Bool {
      (try? JSONDecoder().decode(part, from: data)) != nil
    }
    if holds(Training.self) {
      self = .training
    } else if holds(Attack.self) {
      self = .attack
    } else if holds(Study.self) {
      self = .study
    } else {
      return nil
    }
  }
}
