/// What to say about a name that does not exist: the closest valid ones first.
public enum NameSuggestions {
  /// How many valid names an error message lists.
  static let listed = 24

  /// `candidates`, those with the smallest edit distance to `name` first; equals stay in order.
  public static func closest(to name: String, among candidates: [String]) -> [String] {
    candidates.enumerated()
      .map { (distance: distance(name, $0.element), position: $0.offset, name: $0.element) }
      .sorted { ($0.distance, $0.position) < ($1.distance, $1.position) }
      .map(\.name)
  }

  /// The candidate that `name` is most likely a misspelling of; `nil` if it is like none of them.
  public static func likely(for name: String, among candidates: [String]) -> String? {
    guard let best = closest(to: name, among: candidates).first else { return nil }
    return distance(name, best) <= max(1, min(name.count, best.count) / 3) ? best : nil
  }

  /// `did you mean "layer4.1"? Valid names, closest first: layer4.1, …`
  public static func sentence(for name: String, among candidates: [String]) -> String {
    let ordered = closest(to: name, among: candidates)
    guard let best = ordered.first else { return "there are no valid names" }
    let rest = ordered.count > listed ? " and \(ordered.count - listed) more" : ""
    return "did you mean \"\(best)\"? Valid names, closest first: "
      + ordered.prefix(listed).joined(separator: ", ") + rest
  }

  /// The one of `all` that is called `name`.
  ///
  /// - Parameters:
  ///   - name: the name to find.
  ///   - all: the elements to search.
  ///   - key: the name of an element.
  ///   - what: what they are, for the sentence if none is called so.
  ///   - failure: makes an error of that sentence.
  /// - Throws: what `failure` makes of a sentence with the valid names, the closest first.
  public static func find<Element, Failure: Error>(
    _ name: String, among all: [Element], by key: (Element) -> String, what: String,
    or failure: (String) -> Failure
  ) throws(Failure) -> Element {
    if let found = all.first(where: { key($0) == name }) { return found }
    throw failure("unknown \(what) \"\(name)\": " + sentence(for: name, among: all.map(key)))
  }

  /// Levenshtein distance without regard to case.
  static func distance(_ a: String, _ b: String) -> Int {
    // A name from a file may be of any length; what follows the first 64 bytes decides nothing.
    let (a, b) = (Array(a.lowercased().utf8.prefix(64)), Array(b.lowercased().utf8.prefix(64)))
    var previous = Array(0...b.count)
    for (row, x) in a.enumerated() {
      var current = [row + 1]
      for (column, y) in b.enumerated() {
        current.append(
          min(
            previous[column] + (x == y ? 0 : 1), previous[column + 1] + 1, current[column] + 1))
      }
      previous = current
    }
    return previous[b.count]
  }
}
