import Foundation

extension Heatmap {
  /// The map as a NumPy file (`.npy`, version 1.0): [height, width] of little-endian 32-bit floats.
  public func numPyFile() -> Data {
    let description = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(height), \(width)), }"
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
