import Foundation
import TensorGraph

/// Writes a `.safetensors` file whole or not at all; see `SafetensorsFile` for the format.
package enum SafetensorsWriter {
  private enum HeaderValue: Encodable {
    case tensor(SafetensorsFile.Entry)
    case metadata([String: String])

    func encode(to encoder: any Encoder) throws {
      switch self {
      case .tensor(let entry): try entry.encode(to: encoder)
      case .metadata(let metadata): try metadata.encode(to: encoder)
      }
    }
  }

  /// - Throws: `CheckpointError` if it cannot be written; an old file of that name is then intact.
  package static func write(
    to target: FileTarget, _ entries: [StateDictEntry], metadata: [String: String]
  ) throws {
    let path = target.path
    // The format's own writer puts wider elements first, so that all are aligned.
    let ordered = entries.sorted {
      $0.isInteger == $1.isInteger ? $0.name < $1.name : $0.isInteger
    }
    var header: [String: HeaderValue] = [SafetensorsFile.metadataKey: .metadata(metadata)]
    var end = 0
    for entry in ordered {
      guard entry.name != SafetensorsFile.metadataKey else {
        throw CheckpointError(path: path, dataset: entry.name, "is no name for a tensor")
      }
      let begin = end
      end += entry.byteCount
      header[entry.name] = .tensor(
        SafetensorsFile.Entry(
          dtype: entry.isInteger ? "I64" : "F32", shape: entry.shape.dimensions,
          dataOffsets: [begin, end]))
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var text = Array(try encoder.encode(header))
    text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    let length = UInt64(text.count)

    try WholeFile.replace(target) { temporary in
      let descriptor = try temporary.create()
      defer { close(descriptor) }
      try withUnsafeBytes(of: length.littleEndian) { try WholeFile.write($0, to: descriptor, path) }
      try text.withUnsafeBytes { try WholeFile.write($0, to: descriptor, path) }
      for entry in ordered {
        try entry.withBytes { try WholeFile.write($0, to: descriptor, path) }
      }
    }
  }
}
