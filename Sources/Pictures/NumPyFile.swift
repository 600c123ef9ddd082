import Foundation

/// Numbers as a NumPy file (`.npy`, version 1.0): little-endian 32-bit floats, row by row.
public enum NumPyFile {
  /// - Precondition: `values` has as many elements as `shape`, one length for each axis.
  public static func data(shape: [Int], values: [Float]) -> Data {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values of shape \(shape)")
    // A tuple of one has a comma.
    let lengths = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    let description = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(lengths)), }"
    // Magic, version and length take 10 bytes; the header ends with a newline at a multiple of 64.
    let length = (10 + description.utf8.count + 1 + 63) / 64 * 64 - 10
    let padding = String(repeating: " ", count: length - description.utf8.count - 1)
    var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)])
    data += Data((description + padding + "\n").utf8)
    for value in values {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
    return data
  }
}

extension Heatmap {
  /// The map as a NumPy file, [height, width].
  public func numPyFile() -> Data { NumPyFile.data(shape: [height, width], values: values) }
}
