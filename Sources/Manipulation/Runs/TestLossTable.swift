import Foundation
import ImageData

/// `test-losses.jsonl`: the test loss of every image by every interpreter, so that any threshold can
/// be applied later.
struct TestLossTable {
  struct Line: Codable {
    let image: String
    let label: String
    let interpreter: String
    /// Of each network; `nil` where it could not read the image.
    let original: Double?
    let manipulated: Double?
    /// Of the same steps with λ = 0; `nil` without a control.
    let control: Double?
  }
  let lines: [Line]

  init(_ source: any ImageSource, _ results: MeasuredNetworks) {
    let all = [results.original, results.manipulated] + [results.control].compactMap(\.self)
    let positions = Set(all.flatMap(\.explained)).sorted()
    lines = results.manipulated.testLosses.keys.sorted().flatMap { interpreter in
      let losses = all.map { result in
        Dictionary(
          zip(result.explained, result.testLosses[interpreter] ?? []),
          uniquingKeysWith: { first, _ in first })
      }
      return positions.map { position in
        Line(
          image: source.name(at: position), label: source.classNames[source.label(at: position)],
          interpreter: interpreter, original: losses[0][position], manipulated: losses[1][position],
          control: losses.count > 2 ? losses[2][position] : nil)
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
