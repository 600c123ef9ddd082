import Checkpoints
import Networks

/// A mapping of a recipe while it is read. Whatever is wrong goes to `problems`, and reading goes on.
struct RecipeSection {
  /// For messages: `training`, `evaluation.interpreters[0]`; "" for the whole recipe.
  package let path: String
  /// The path in `RecipeKeys`: `evaluation.interpreters[]`.
  private let schema: String
  /// The mapping itself, without entries that are null: those count as omitted.
  package let node: RecipeNode
  /// Where its key stands, or what it would be in if it is omitted.
  package let place: RecipeOrigin
  /// What the recipe is for.
  package let kind: RecipePurpose
  package let problems: RecipeProblems
  /// Against which relative paths of the file count.
  package let folder: String

  /// The whole recipe.
  package init(
    _ root: RecipeNode, kind: RecipePurpose, folder: String, problems: RecipeProblems
  ) {
    self.init(
      root, path: "", schema: "", place: root.origin, kind: kind, folder: folder,
      problems: problems)
  }

  /// Checks that there are no keys but those of `RecipeKeys`.
  private init(
    _ node: RecipeNode?, path: String, schema: String, place: RecipeOrigin,
    kind: RecipePurpose, folder: String, problems: RecipeProblems
  ) {
    (self.path, self.schema, self.place, self.kind) = (path, schema, place, kind)
    (self.problems, self.folder) = (problems, folder)
    var node = node ?? RecipeNode(.mapping([]))
    if node.isNull { node.content = .mapping([]) }
    guard let entries = node.entries else {
      problems.add(
        "\(path) is \(node.shown), expected a mapping of keys to values", at: node.origin)
      self.node = RecipeNode(.mapping([]), at: node.origin)
      return
    }
    let known = RecipeKeys.names(in: schema)
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
    // Of several the least nested, which is the one that most recipes have.
    let places = RecipeKeys.all.map(\.path).filter { $0.hasSuffix(".\(key)") }
    if let elsewhere = places.min(by: {
      $0.count(where: { $0 == "." }) < $1.count(where: { $0 == "." })
    }) {
      return text + "; did you mean \"\(elsewhere)\"?"
    }
    return text + "; the keys \(path.isEmpty ? "of a recipe" : "of \(path)") are "
      + known.joined(separator: ", ")
  }

  /// What is given, or `nil`: omitted, or wrong.
  package func value<Value>(_ name: String, _ form: RecipeForm<Value>) -> Value? {
    guard let node = node[name] else { return nil }
    if let value = form.read(node) { return value }
    problems.add(
      form.wrongEntry?(node).map { "\(full(name)): \($0)" }
        ?? "\(full(name)) is \(node.shown), expected \(form.expected)", at: node.origin)
    return nil
  }

  /// The absolute path that the entry `name` means.
  package func absolute(_ path: String, _ name: String) -> String {
    switch node[name]?.origin {
    // What is typed at a prompt counts from where it is typed.
    case .setting: RecipePath.absolute(path, in: RecipePath.currentFolder)
    case .inherited(_, let file): RecipePath.absolute(path, in: file.folder)
    case .line, .whole, nil: RecipePath.absolute(path, in: folder)
    }
  }

  package func has(_ name: String) -> Bool { node[name] != nil }

  /// Where a key stands, or the section if it is omitted.
  package func origin(of name: String) -> RecipeOrigin {
    node.entries?.first { $0.key == name }?.origin ?? node.origin
  }

  package func full(_ name: String) -> String { join(path, name) }

  private func join(_ path: String, _ name: String) -> String {
    path.isEmpty ? name : "\(path).\(name)"
  }

  package func section(_ name: String) -> RecipeSection {
    var node = self.node[name]
    // A block mapping starts at its first key, which is not where one looks for a missing one.
    node?.origin = origin(of: name)
    return RecipeSection(
      node, path: full(name), schema: join(schema, name), place: origin(of: name), kind: kind,
      folder: folder, problems: problems)
  }

  /// One of a list of mappings.
  /// - Parameter isOneOrMore: whether a mapping may stand in the list's place; both have the same keys.
  package func element(
    _ index: Int, of nodes: [RecipeNode], in name: String, isOneOrMore: Bool = false
  ) -> RecipeSection {
    RecipeSection(
      nodes[index], path: "\(full(name))[\(index)]",
      schema: join(schema, name) + (isOneOrMore ? "" : "[]"),
      place: nodes[index].origin, kind: kind, folder: folder, problems: problems)
  }

  /// Reports what is wrong with the entry `name`.
  package func report(_ text: String, at name: String) { problems.add(text, at: origin(of: name)) }

  /// Passes an error of another type on.
  package func check(_ name: String, _ body: () throws -> Void) {
    do { try body() } catch { problems.add("\(full(name)): \(error)", at: origin(of: name)) }
  }
}
