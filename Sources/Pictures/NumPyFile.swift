import Foundation

/// Numbers as a NumPy file (`.npy`, version 1.0): little-endian 32-bit floats, row by row.
public enum NumPyFile {
  /// Spaces by which the header is longer than it would have to be, and than NumPy makes it: readers
  /// pass over any number of them, and a file of ours can be told from others.
  private static let mark = 64
  private static let magic = [0x93] + Array("NUMPY".utf8) + [1, 0]

  /// How long the header is for a description, without magic, version and length.
  private static func length(for description: some StringProtocol) -> Int {
    // Those take 10 bytes; the header ends with a newline at a multiple of 64.
    (10 + description.utf8.count + 1 + 63) / 64 * 64 - 10 + mark
  }

  /// - Precondition: `values` has as many elements as `shape`, one length for each axis.
  public static func data(shape: [Int], values: [Float]) -> Data {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values of shape \(shape)")
    // A tuple of one has a comma.
    let lengths = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    let description = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(lengths)), }"
    let length = length(for: description)
    let padding = String(repeating: " ", count: length - description.utf8.count - 1)
    var data = Data(magic + [UInt8(length & 255), UInt8(length >> 8)])
    data += Data((description + padding + "\n").utf8)
    for value in values {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
    return data
  }

  /// Whether a file is one that `data` has made.
  /// - Parameter start: its first bytes; 1024 are enough for any shape of a few axes.
  public static func isOurs(_ start: Data) -> Bool {
    let bytes = Array(start)
    guard bytes.starts(with: magic), bytes.count >= 10 else { return false }
    let length = Int(bytes[8]) | Int(bytes[9]) << 8
    let header = bytes[10...].prefix(length)
    guard header.count == length, header.last == UInt8(ascii: "\n"),
      let text = String(validating: header, as: UTF8.self), let end = text.lastIndex(of: "}")
    else { return false }
    return text.hasPrefix("{'descr': '<f4', 'fortran_order': False, ")
      && length == Self.length(for: text[...end])
  }
}

extension Heatmap {
  /// The map as a NumPy file, [height, width].
  public func numPyFile() -> Data { NumPyFile.data(shape: [height, width], values: values) }
}
