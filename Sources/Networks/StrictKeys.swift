/// Any key at all: to see what a document holds beyond what is known.
private struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init?(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

extension Decoder {
  /// Checks that every key of the object being decoded is one of `Key`: a misspelt option must not
  /// be ignored.
  ///
  /// - Throws: `NetworkError` naming the first unknown key and the valid ones, the closest first.
  public func rejectUnknownKeys<Key: CodingKey & CaseIterable>(
    besides known: Key.Type, of owner: String
  ) throws {
    let unknown = try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
      .filter { Key(stringValue: $0) == nil }.sorted()
    guard let first = unknown.first else { return }
    throw NetworkError(
      "\(owner): unknown key \"\(first)\": "
        + NameSuggestions.sentence(for: first, among: Key.allCases.map(\.stringValue)))
  }
}
