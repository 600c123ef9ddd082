/// What a child process sends: numbers of eight bytes, and texts after their lengths. A message may
/// end anywhere, if the child did not bear what it read.
struct HDF5Message {
  let bytes: UnsafeBufferPointer<UInt8>
  var position = 0

  init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }

  mutating func number() -> UInt64? {
    guard bytes.count - position >= 8 else { return nil }
    let number = UnsafeRawBufferPointer(bytes).loadUnaligned(
      fromByteOffset: position, as: UInt64.self)
    position += 8
    return number
  }

  mutating func integer() -> Int? { number().map { Int(clamping: $0) } }

  mutating func numbers(_ count: UInt64) -> [UInt64]? {
    var numbers: [UInt64] = []
    for _ in 0..<count {
      guard let number = number() else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// Nil at the end of the message, and empty optional where the bytes are not UTF-8.
  mutating func name() -> String?? {
    guard let length = number(), length <= UInt64(bytes.count - position) else { return nil }
    let end = position + Int(length)
    defer { position = end }
    return .some(String(validating: bytes[position..<end], as: UTF8.self))
  }

  mutating func text() -> String? { name() ?? nil }
}
