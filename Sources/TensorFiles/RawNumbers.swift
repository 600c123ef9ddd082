import Foundation

/// Numbers that lie in a file one after the other, little-endian, as in the memory of our machines.
struct RawNumbers {
  /// Elements that are read at once: they fit the second-level cache with their copy.
  static let blockElements = 1 << 18

  let descriptor: Int32
  /// Of the first byte, from the file's start.
  let offset: Int
  let count: Int
  let elementType: StoredElementType

  /// Of floats; see `TensorContainer.readBlocks`.
  func readBlocks(
    multipleOf alignment: Int, into buffer: UnsafeMutableBufferPointer<Float>?, path: String,
    name: String, _ body: (Int, UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    guard count > 0 else { return }
    let blocks = Swift.max(1, Self.blockElements / alignment)
    let step = Swift.min(count, blocks * alignment)
    let size = elementType.byteCount
    let staging =
      buffer != nil && elementType == .float32
      ? nil : UnsafeMutableRawPointer.allocate(byteCount: step * size, alignment: 64)
    defer { staging?.deallocate() }
    let converted =
      buffer != nil || elementType == .float32
      ? nil : UnsafeMutableBufferPointer<Float>.allocate(capacity: step)
    defer { converted?.deallocate() }
    for start in stride(from: 0, to: count, by: step) {
      let length = Swift.min(step, count - start)
      let target = buffer.map { UnsafeMutableBufferPointer(rebasing: $0[start..<start + length]) }
      let bytes = staging ?? UnsafeMutableRawPointer(target!.baseAddress!)
      try read(
        into: UnsafeMutableRawBufferPointer(start: bytes, count: length * size),
        at: offset + start * size, path: path, name: name)
      let floats: UnsafeMutableBufferPointer<Float>
      if elementType == .float32 {
        floats = UnsafeMutableBufferPointer(
          start: bytes.assumingMemoryBound(to: Float.self), count: length)
      } else {
        floats =
          target ?? UnsafeMutableBufferPointer(rebasing: converted![..<length])
        convert(bytes, to: floats)
      }
      try body(start, UnsafeBufferPointer(floats))
    }
  }

  func readIntegers(path: String, name: String) throws -> [Int64] {
    guard case .integer(let bits, let isSigned) = elementType else {
      preconditionFailure("\(elementType) is no integer")
    }
    let size = bits / 8
    var bytes = [UInt8](repeating: 0, count: count * size)
    try bytes.withUnsafeMutableBytes { try read(into: $0, at: offset, path: path, name: name) }
    return stride(from: 0, to: bytes.count, by: size).map { start in
      var word: UInt64 = 0
      for index in (0..<size).reversed() { word = word << 8 | UInt64(bytes[start + index]) }
      // The sign bit moves to the top and back.
      return isSigned
        ? Int64(bitPattern: word << UInt64(64 - bits)) >> Int64(64 - bits)
        : Int64(clamping: word)
    }
  }

  private func read(
    into buffer: UnsafeMutableRawBufferPointer, at position: Int, path: String, name: String
  ) throws {
    try FileRegion(descriptor: descriptor, offset: position, count: buffer.count)
      .read(into: buffer, path: path, name: name)
  }

  /// Every 16-bit float is a 32-bit one; 64-bit floats are rounded to the nearest.
  private func convert(
    _ bytes: UnsafeMutableRawPointer, to floats: UnsafeMutableBufferPointer<Float>
  ) {
    switch elementType {
    case .float16:
      let values = bytes.assumingMemoryBound(to: Float16.self)
      for index in floats.indices { floats[index] = Float(values[index]) }
    case .bfloat16:
      let values = bytes.assumingMemoryBound(to: UInt16.self)
      for index in floats.indices {
        floats[index] = Float(bitPattern: UInt32(values[index]) << 16)
      }
    case .float64:
      let values = bytes.assumingMemoryBound(to: Double.self)
      for index in floats.indices { floats[index] = Float(values[index]) }
    case .float32, .integer, .other: preconditionFailure("\(elementType) needs no conversion")
    }
  }
}

extension StoredElementType {
  /// Of floats and integers.
  var byteCount: Int {
    switch self {
    case .float16, .bfloat16: 2
    case .float32: 4
    case .float64: 8
    case .integer(let bits, _): bits / 8
    case .other(let name): preconditionFailure("\(name) has no size that is known")
    }
  }
}
