import Foundation

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

  /// Of the JSON in a file's attribute, or in an entry of an archive.
  ///
  /// - Throws: `CheckpointError` if an object in it has a key twice.
  package static func checkKeys(of text: String, as name: String, path: String) throws {
    do { try checkKeys(Data(text.utf8)) } catch {
      throw CheckpointError(
        path: path, dataset: "@" + name, "cannot be read: \(error); write the file anew with one")
    }
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
