import Foundation
import TensorGraph

/// Writes a `.safetensors` file whole or not at all; see `SafetensorsFile` for the format.
enum SafetensorsWriter {
  /// What a file is made of: the values are requested one after the other.
  struct Entry {
    enum Content {
      case floats(Shape, () -> Tensor)
      case integer(Int64)
    }
    let name: String
    let content: Content

    var shape: Shape {
      switch content {
      case .floats(let shape, _): shape
      case .integer: .scalar
      }
    }

    var byteCount: Int {
      switch content {
      case .floats(let shape, _): 4 * shape.count
      case .integer: 8
      }
    }

    var isInteger: Bool {
      switch content {
      case .floats: false
      case .integer: true
      }
    }
  }

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
  static func write(
    to target: FileTarget, _ entries: [Entry], metadata: [String: String]
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
        switch entry.content {
        case .integer(let integer):
          try withUnsafeBytes(of: integer.littleEndian) {
            try WholeFile.write($0, to: descriptor, path)
          }
        case .floats(let shape, let tensor):
          let tensor = tensor()
          precondition(tensor.shape == shape, "\(entry.name): \(tensor.shape) for \(shape)")
          try tensor.values.withUnsafeBytes { try WholeFile.write($0, to: descriptor, path) }
        }
      }
    }
  }
}
