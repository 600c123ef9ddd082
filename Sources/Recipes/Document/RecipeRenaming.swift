import Checkpoints

/// Keys that have had another name. A file that uses it is read, with a note.
package enum RecipeRenaming {
  private struct Renaming {
    let section: String
    let former: String
    let name: String
    /// Of former values; others stay as they are, to be reported under the new name.
    let values: [String: String]

    func note(_ value: String) -> String {
      "\(section).\(former) is read as \(section).\(name): \(value)"
    }
  }

  private static let all = [
    Renaming(
      section: "compute", former: "winograd", name: "kernels",
      values: ["true": "own", "false": "onednn"])
  ]

  /// Gives every key its name. Where both names are given the former stays, an unknown key.
  /// - Returns: a note for each key that was renamed.
  static func apply(to root: inout RecipeNode) -> [String] {
    var notes: [String] = []
    for renaming in all {
      guard var section = root[renaming.section], section[renaming.name] == nil,
        let entries = section.entries,
        let entry = entries.first(where: { $0.key == renaming.former })
      else { continue }
      var value = entry.value
      if let word = value.text, let translated = renaming.values[word] {
        value.content = .scalar(translated, isPlain: true)
      }
      section.content = .mapping(
        entries.map {
          $0.key == renaming.former
            ? RecipeNode.Entry(key: renaming.name, origin: $0.origin, value: value) : $0
        })
      root.replace(renaming.section, by: section)
      notes.append(renaming.note(value.shown))
    }
    return notes
  }

  /// A setting of one key, with a note if it was renamed.
  static func renamed(_ setting: RecipeSetting) -> (setting: RecipeSetting, notes: [String]) {
    for renaming in all where setting.path == "\(renaming.section).\(renaming.former)" {
      let value = renaming.values[setting.value] ?? setting.value
      let renamed = RecipeSetting(
        path: "\(renaming.section).\(renaming.name)", value: value, label: setting.label)
      return (renamed, [renaming.note(printable(value))])
    }
    return (setting, [])
  }

  /// The text of a recipe as a run has written it, with the present names of keys: what a run of
  /// another version has saved is of the same recipe if these are equal.
  package static func present(_ written: String) -> String {
    var section: Substring?
    let lines = written.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      if !line.hasPrefix(" ") { section = line.hasSuffix(":") ? line.dropLast() : nil }
      for renaming in all where section == renaming.section[...] {
        let start = "  \(renaming.former): "
        guard line.hasPrefix(start),
          let value = renaming.values[String(line.dropFirst(start.count))]
        else { continue }
        return "  \(renaming.name): \(value)"
      }
      return String(line)
    }
    return lines.joined(separator: "\n")
  }
}

extension RecipeNode {
  /// Only the value: the key keeps its line.
  fileprivate mutating func replace(_ key: String, by value: RecipeNode) {
    content = .mapping(
      (entries ?? []).map {
        $0.key == key ? Entry(key: key, origin: $0.origin, value: value) : $0
      })
  }
}
