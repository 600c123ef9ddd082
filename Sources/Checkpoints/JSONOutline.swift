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

/// Decodes JSON that somebody else may have written.
public enum CheckedJSON {
  /// What is wrong with a text, in one clause that names the field: `seed is missing`.
  public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
  }

  /// Larger texts are not searched for the number that does not fit.
  private static let largestSearched = 16 << 20

  /// - Parameters:
  ///   - type: of what the text holds.
  ///   - text: in UTF-8.
  ///   - decoder: says how numbers that are not finite are written.
  /// - Throws: `Problem` if it is no JSON, has a key twice, lacks a field, or a field is of another
  ///   type or out of its range; other errors of the type itself as they are.
  public static func decode<Content: Decodable>(
    _ type: Content.Type, from text: Data, by decoder: JSONDecoder = JSONDecoder()
  ) throws -> Content {
    try checkKeys(text)
    do { return try decoder.decode(type, from: text) } catch let error as DecodingError {
      throw Problem(
        description: clause(error, text) {
          _ = try decoder.decode(type, from: $0)
        })
    }
  }

  /// - Throws: `Problem` if an object has a key twice: readers differ in which of the values counts.
  public static func checkKeys(_ text: Data) throws(Problem) {
    guard let path = JSONOutline(text).repeatedKey, let key = path.last else { return }
    let place =
      path.dropLast().isEmpty ? "" : " in \(printable(path.dropLast().joined(separator: ".")))"
    throw Problem(
      description: "\"\(printable(key))\" stands twice\(place), so nobody knows which counts")
  }

  private static func clause(
    _ error: DecodingError, _ text: Data, _ decode: (Data) throws -> Void
  ) -> String {
    func place(_ path: [any CodingKey]) -> String {
      let text = path.reduce("") { text, key in
        text + (key.intValue.map { "[\($0)]" } ?? (text.isEmpty ? "" : ".") + key.stringValue)
      }
      return text.isEmpty ? "it" : printable(text)
    }
    switch error {
    case .keyNotFound(let key, let context):
      return "\(place(context.codingPath + [key])) is missing"
    case .valueNotFound(let type, let context):
      return "\(place(context.codingPath)) is null, expected \(name(type))"
    case .typeMismatch(let type, let context):
      let found = context.debugDescription.firstMatch(of: /found (.*) instead/)?.1
      return
        "\(place(context.codingPath)) is \(found.map(String.init) ?? "of another type"), expected "
        + name(type)
    case .dataCorrupted(let context):
      if text.allSatisfy({ $0 == 0x20 || $0 == 0x0A }) { return "it is empty" }
      let outline = JSONOutline(text, listsNumbers: text.count <= largestSearched)
      if let fault = outline.firstFault {
        let rest = text.dropFirst(fault).prefix(20)
        return rest.isEmpty
          ? "it is JSON that ends too early, after \(text.count) bytes"
          : "it is not JSON from byte \(fault + 1) on, "
            + "\"\(printable(String(decoding: rest, as: UTF8.self)))…\""
      }
      if let number = misfit(outline.numbers, text, decode) {
        let value = String(decoding: text[number.range], as: UTF8.self)
        return
          "\(printable(number.place)) is \(printable(value, atMost: 60)), which is out of range "
          + "there"
      }
      return context.codingPath.isEmpty
        ? context.debugDescription : "\(place(context.codingPath)): \(context.debugDescription)"
    @unknown default: return "\(error)"
    }
  }

  /// The last number without which the text could be decoded: with the first n numbers replaced it can
  /// be from that one on.
  private static func misfit(
    _ numbers: [JSONOutline.Number], _ text: Data, _ decode: (Data) throws -> Void
  ) -> JSONOutline.Number? {
    func isRight(replacing count: Int) -> Bool {
      var (replaced, end) = (Data(), 0)
      for number in numbers.prefix(count) {
        replaced += text[end..<number.range.lowerBound] + [UInt8(ascii: "1")]
        end = number.range.upperBound
      }
      return (try? decode(replaced + text[end...])) != nil
    }
    guard isRight(replacing: numbers.count) else { return nil }
    var (wrong, right) = (0, numbers.count)
    while right - wrong > 1 {
      let middle = (wrong + right) / 2
      if isRight(replacing: middle) { right = middle } else { wrong = middle }
    }
    return right > 0 ? numbers[right - 1] : nil
  }

  private static func name(_ type: any Any.Type) -> String {
    switch type {
    case is any FixedWidthInteger.Type: "a whole number"
    case is any BinaryFloatingPoint.Type: "a number"
    case is String.Type: "text"
    case is Bool.Type: "true or false"
    case is [Any].Type: "a list"
    case is [String: Any].Type: "an object"
    default: "another type"
    }
  }
}
