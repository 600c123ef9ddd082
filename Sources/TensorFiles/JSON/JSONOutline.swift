import Foundation

/// What stands where in a JSON text: Foundation's decoder takes one of several values of one key, which
/// of them is its secret, and says of a number that does not fit only that the text is not JSON.
struct JSONOutline {
  struct Number {
    /// `mean[2]`
    let place: String
    /// In the text's bytes.
    let range: Range<Int>
  }

  /// The first key that an object has twice: `layer.shape`. `nil` if there is none.
  private(set) var repeatedKey: [String]?
  /// The first byte at which the text is no JSON; `nil` if all of it is.
  private(set) var firstFault: Int?
  /// All numbers in their order, if requested.
  private(set) var numbers: [Number] = []

  /// As deep as Foundation reads.
  private static let deepest = 512

  private struct Frame {
    var isObject: Bool
    var keys: Set<String> = []
    var key = ""
    var index = 0
  }

  private enum Expected { case value, key, end }

  /// - Parameters:
  ///   - text: in UTF-8, from anywhere. It is read once, from its beginning; up to 512 objects and
  ///     lists within each other are held.
  ///   - listsNumbers: whether `numbers` is filled.
  init(_ text: Data, listsNumbers: Bool = false) {
    text.withUnsafeBytes { read($0, listsNumbers) }
  }

  private mutating func read(_ bytes: UnsafeRawBufferPointer, _ listsNumbers: Bool) {
    var frames: [Frame] = []
    var (place, expected) = (0, Expected.value)
    func byte() -> UInt8? { place < bytes.count ? bytes[place] : nil }
    func skipSpace() {
      while let next = byte(), next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 {
        place += 1
      }
    }
    func take(_ wanted: Character) -> Bool {
      guard byte() == wanted.asciiValue else { return false }
      place += 1
      return true
    }
    /// Behind the closing quote, or `nil`.
    func string() -> Range<Int>? {
      guard take("\"") else { return nil }
      let start = place
      while let next = byte(), next >= 0x20 {
        if next == UInt8(ascii: "\"") {
          place += 1
          return start..<place - 1
        }
        place += next == UInt8(ascii: "\\") ? 2 : 1
      }
      return nil
    }
    func digits() -> Bool {
      let start = place
      while let next = byte(), (0x30...0x39).contains(next) { place += 1 }
      return place > start
    }
    func number() -> Bool {
      _ = take("-")
      guard take("0") || digits() else { return false }
      if take("."), !digits() { return false }
      if take("e") || take("E") {
        _ = take("+") || take("-")
        return digits()
      }
      return true
    }
    func word(_ word: String) -> Bool {
      guard place + word.utf8.count <= bytes.count,
        bytes[place..<place + word.utf8.count].elementsEqual(word.utf8)
      else { return false }
      place += word.utf8.count
      return true
    }
    func close() {
      frames.removeLast()
      expected = .end
    }

    while true {
      skipSpace()
      let start = place
      switch expected {
      case .value:
        var isRight = true
        expected = .end
        switch byte() {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
          let isObject = byte() == UInt8(ascii: "{")
          place += 1
          frames.append(Frame(isObject: isObject))
          expected = isObject ? .key : .value
          skipSpace()
          if take(isObject ? "}" : "]") { close() }
          isRight = frames.count <= Self.deepest
        case UInt8(ascii: "\""): isRight = string() != nil
        case UInt8(ascii: "t"): isRight = word("true")
        case UInt8(ascii: "f"): isRight = word("false")
        case UInt8(ascii: "n"): isRight = word("null")
        default:
          isRight = number()
          if isRight, listsNumbers {
            numbers.append(Number(place: Self.text(frames), range: start..<place))
          }
        }
        guard isRight else {
          firstFault = start
          return
        }
      case .key:
        guard let range = string() else {
          firstFault = start
          return
        }
        let key = Self.unescaped(bytes[range])
        let isNew = frames[frames.count - 1].keys.insert(key).inserted
        frames[frames.count - 1].key = key
        if !isNew, repeatedKey == nil {
          repeatedKey = frames.map { $0.isObject ? $0.key : "\($0.index)" }
        }
        skipSpace()
        guard take(":") else {
          firstFault = place
          return
        }
        expected = .value
      case .end:
        guard let frame = frames.last else {
          if place < bytes.count { firstFault = place }
          return
        }
        if take(",") {
          frames[frames.count - 1].index += 1
          expected = frame.isObject ? .key : .value
        } else if take(frame.isObject ? "}" : "]") {
          close()
        } else {
          firstFault = place
          return
        }
      }
    }
  }

  private static func text(_ frames: [Frame]) -> String {
    var text = ""
    for frame in frames {
      text += frame.isObject ? (text.isEmpty ? "" : ".") + frame.key : "[\(frame.index)]"
    }
    return text
  }

  /// What stands between quotes.
  private static func unescaped(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
    guard bytes.contains(UInt8(ascii: "\\")) else { return String(decoding: bytes, as: UTF8.self) }
    var (result, units, rest) = ("", [UInt16](), bytes)
    func flush() {
      result += String(decoding: units, as: UTF16.self)
      units = []
    }
    while let next = rest.popFirst() {
      guard next == UInt8(ascii: "\\"), let escape = rest.popFirst() else {
        flush()
        let plain = [next] + rest.prefix { $0 != UInt8(ascii: "\\") }
        rest = rest.dropFirst(plain.count - 1)
        result += String(decoding: plain, as: UTF8.self)
        continue
      }
      switch escape {
      case UInt8(ascii: "u"):
        units.append(UInt16(String(decoding: rest.prefix(4), as: UTF8.self), radix: 16) ?? 0xFFFD)
        rest = rest.dropFirst(4)
      case UInt8(ascii: "b"): units.append(8)
      case UInt8(ascii: "f"): units.append(12)
      case UInt8(ascii: "n"): units.append(10)
      case UInt8(ascii: "r"): units.append(13)
      case UInt8(ascii: "t"): units.append(9)
      default: units.append(UInt16(escape))
      }
    }
    flush()
    return result
  }
}
