import Foundation
import ImageData
import RunFolders

/// `test-losses.jsonl`: the score of every image by every interpreter, so that any threshold can
/// be applied later.
struct TestLossTable {
  package let lines: [TestLossLine]

  package init(_ source: any ImageSource, _ results: MeasuredNetworks) {
    let all = [results.original, results.manipulated] + [results.control].compactMap(\.self)
    let positions = Set(all.flatMap(\.explained)).sorted()
    lines = results.manipulated.testLosses.keys.sorted().flatMap { interpreter in
      let losses = all.map { result in
        Dictionary(
          zip(result.explained, result.testLosses[interpreter] ?? []),
          uniquingKeysWith: { first, _ in first })
      }
      return positions.map { position in
        TestLossLine(
          image: source.name(at: position), label: source.classNames[source.label(at: position)],
          interpreter: interpreter, original: losses[0][position], manipulated: losses[1][position],
          control: losses.count > 2 ? losses[2][position] : nil)
      }
    }
  }

  package func write(to path: String, in folder: RunFolder) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var text = ""
    for line in lines {
      text += String(decoding: try encoder.encode(line), as: UTF8.self) + "\n"
    }
    try folder.write(text, to: path)
  }
}
