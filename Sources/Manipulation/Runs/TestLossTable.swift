import Foundation
import ImageData

/// `test-losses.jsonl`: the test loss of every image by every interpreter, so that any threshold can
/// be applied later.
struct TestLossTable {
  struct Line: Codable {
    let image: String
    let label: String
    let interpreter: String
    /// Of the original and of the manipulated network.
    let original: Double
    let manipulated: Double
  }
  let lines: [Line]

  init(
    _ source: any ImageSource, original: EvaluationResult, manipulated: EvaluationResult
  ) {
    lines = manipulated.testLosses.keys.sorted().flatMap { interpreter in
      let before = Dictionary(
        uniqueKeysWithValues: zip(original.explained, original.testLosses[interpreter] ?? []))
      return zip(manipulated.explained, manipulated.testLosses[interpreter]!).compactMap {
        index, loss in
        before[index].map {
          Line(
            image: source.name(at: index), label: source.classNames[source.label(at: index)],
            interpreter: interpreter, original: $0, manipulated: loss)
        }
      }
    }
  }

  func write(to path: String, in folder: RunFolder) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var text = ""
    for line in lines {
      text += String(decoding: try encoder.encode(line), as: UTF8.self) + "\n"
    }
    try folder.write(text, to: path)
  }
}
