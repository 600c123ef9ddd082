import Checkpoints
import Foundation

/// A file of one JSON object per line, written as a run goes.
package final class LineLog {
  private let file: GrowingFile
  private let encoder = JSONEncoder()

  /// A file that begins with `start`; an old one of that name is replaced.
  package init(_ path: String, in folder: RunFolder, start: Data = Data()) throws {
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    file = try GrowingFile(folder.target(path), start: start)
  }

  package func append(_ line: some Encodable) throws {
    try file.append(encoder.encode(line) + [UInt8(ascii: "\n")])
  }
}
