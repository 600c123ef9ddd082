import Checkpoints
import Networks

/// A mapping of a recipe while it is read. Whatever is wrong goes to `problems`, and reading goes on.
struct RecipeSection {
  /// For messages: `training`, `evaluation.interpreters[0]`; "" for the whole recipe.
  let path: String
  /// The mapping itself, without entries that are null: those count as left out.
  let node: RecipeNode
  let problems: RecipeProblems
  /// Against which relative paths of the file count.
  let folder: String

  /// Checks that there are no keys but those of `RecipeKeys`.
  /// - Parameter schema: the path in `RecipeKeys`, if it is not `path`.
  init(
    _ node: RecipeNode?, path: String, schema: String? = nil, folder: String,
    problems: RecipeProblems
  ) {
    (self.path, self.problems, self.folder) = (path, problems, folder)
    var node = node ?? RecipeNode(.mapping([]))
    if node.isNull { node.content = .mapping([]) }
    guard let entries = node.entries else {
      problems.add(
        "\(path) is \(node.shown), expected a mapping of keys to values", at: node.origin)
      self.node = RecipeNode(.mapping([]), at: node.origin)
      return
    }
    let known = RecipeKeys.names(in: schema ?? path)
    for entry in entries where !known.contains(entry.key) {
      problems.add(Self.unknown(entry.key, in: path, known: known), at: entry.origin)
    }
    node.content = .mapping(entries.filter { !$0.value.isNull })
    self.node = node
  }

  private static func unknown(_ key: String, in path: String, known: [String]) -> String {
    let text = "unknown key \"\(printable(String(key.prefix(60))))\""
    if let close = NameSuggestions.likely(for: key, among: known) {
      return text + "; did you mean \"\(close)\"?"
    }
    if let elsewhere = RecipeKeys.all.map(\.path).first(where: { $0.hasSuffix(".\(key)") }) {
      return text + "; did you mean \"\(elsewhere)\"?"
    }
    return text + "; the keys \(path.isEmpty ? "of a recipe" : "of \(path)") are "
      + known.joined(separator: ", ")
  }

  /// The value, its default if it is left out, or `nil`: left out without a default, or wrong.
  func value<Value>(_ key: RecipeKey<Value>) -> Value? {
    guard let node = node[key.name] else {
      if key.isRequired {
        problems.add(
          "\(full(key.name)) is missing, expected \(key.form.expected)", at: self.node.origin)
      }
      return key.fallback
    }
    if let value = key.form.read(node) { return value }
    problems.add(
      key.form.wrongEntry?(node).map { "\(full(key.name)): \($0)" }
        ?? "\(full(key.name)) is \(node.shown), expected \(key.form.expected)", at: node.origin)
    return nil
  }

  /// An absolute path.
  func path(_ key: RecipeKey<String>) -> String? {
    guard let path = value(key) else { return nil }
    // What is typed at a prompt counts from where it is typed.
    if case .setting? = node[key.name]?.origin {
      return RecipePath.absolute(path, in: RecipePath.currentFolder)
    }
    return RecipePath.absolute(path, in: folder)
  }

  func has(_ name: String) -> Bool { node[name] != nil }

  /// Where a key stands, or the section if it is left out.
  func origin(of name: String) -> RecipeOrigin {
    node.entries?.first { $0.key == name }?.origin ?? node.origin
  }

  func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  func section(_ name: String) -> RecipeSection {
    var node = self.node[name]
    // A block mapping starts at its first key, which is not where one looks for a missing one.
    node?.origin = origin(of: name)
    return RecipeSection(node, path: full(name), folder: folder, problems: problems)
  }

  /// Passes an error of another type on.
  func check(_ name: String, _ body: () throws -> Void) {
    do { try body() } catch { problems.add("\(full(name)): \(error)", at: origin(of: name)) }
  }
}
