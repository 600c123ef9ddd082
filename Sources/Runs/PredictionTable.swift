import Foundation
import ImageData
import RunFolders

/// `predictions.csv`: what every network predicts for every validation image; a row for each image and
/// network. Comma-separated as RFC 4180 has it, UTF-8.
struct PredictionTable {
  package static let header = "image,network,label,predicted,confidence,label_confidence,correct"

  package let text: String

  /// - Parameter classNames: of all the network's classes.
  package init(_ source: any ImageSource, _ results: MeasuredNetworks, classNames: [String]) {
    var rows = [Self.header]
    func name(_ index: Int) -> String { index < classNames.count ? classNames[index] : "\(index)" }
    let networks = [
      ("original", results.original), ("manipulated", results.manipulated),
    ]
    for (network, result) in networks + (results.control.map { [("control", $0)] } ?? []) {
      for prediction in result.predictions {
        rows.append(
          [
            Self.field(source.name(at: prediction.position)), network,
            Self.field(name(prediction.label)), Self.field(name(prediction.predicted)),
            String(format: "%.6g", prediction.confidence),
            String(format: "%.6g", prediction.labelConfidence),
            prediction.isCorrect ? "true" : "false",
          ].joined(separator: ","))
      }
    }
    text = rows.joined(separator: "\n") + "\n"
  }

  /// Quoted where it needs to be.
  package static func field(_ text: String) -> String {
    let special: Set<Unicode.Scalar> = [",", "\"", "\n", "\r"]
    guard text.unicodeScalars.contains(where: special.contains) else { return text }
    return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }

  package func write(to path: String, in folder: RunFolder) throws {
    try folder.write(text, to: path)
  }
}
