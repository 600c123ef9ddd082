/// Where in a file the arrays of one network may stand: behind what all of its names begin with
/// (`module.`), or in a dictionary of a training script's (`state_dict/`).
///
/// A name that nobody gave may have any number of dots and slashes, so both are bounded.
package enum StateDictPlaces {
  private static let mostBeginnings = 8
  private static let mostGroups = 16

  /// - Parameter names: sorted.
  /// - Returns: prefixes to look behind, the likeliest first, and whether other arrays stand beside.
  package static func prefixes(of names: [String]) -> [(prefix: String, leavesOthersOut: Bool)] {
    [("", false)] + beginnings(of: names).map { ($0, false) }
      + groups(of: names).flatMap { group in
        beginnings(of: names.filter { $0.hasPrefix(group) }).map { ($0, true) }
      }
  }

  /// What all of some sorted names begin with, up to a dot or a slash, the shortest first.
  package static func beginnings(of names: [String]) -> [String] {
    // What the first and the last share, all share.
    guard let first = names.first, let last = names.last else { return [] }
    let common = first.commonPrefix(with: last)
    let ends = common.indices.filter { common[$0] == "." || common[$0] == "/" }
    return ends.prefix(mostBeginnings).map { String(common[...$0]) }
  }

  private static func groups(of names: [String]) -> [String] {
    var groups: [String] = []
    for name in names {
      guard let slash = name.firstIndex(of: "/"), groups.count < mostGroups else { continue }
      let group = String(name[...slash])
      if groups.last != group { groups.append(group) }
    }
    return groups
  }
}
