import Checkpoints
import RunSupport

/// Where a part of a recipe comes from.
enum RecipeOrigin: Hashable, Sendable {
  /// The file's line, from 1.
  case line(Int)
  /// The line of a file that the recipe extends.
  case inherited(Int, from: RecipeSource)
  /// An option of the command line, as it was typed: `--set training.steps=100`.
  case setting(String)
  /// The document as a whole, or no document at all.
  case whole
}

/// A file that a recipe extends.
struct RecipeSource: Hashable, Sendable {
  /// What errors call it.
  package let name: String
  /// Against which its relative paths count; absolute.
  package let folder: String
}

/// A piece of a recipe before it means anything: text, a list, or a mapping.
struct RecipeNode: Sendable {
  package enum Content: Sendable {
    /// `isPlain`: written without quotes, so that it may stand for a number, a truth value or nothing.
    case scalar(String, isPlain: Bool)
    case list([RecipeNode])
    case mapping([Entry])
  }
  package struct Entry: Sendable {
    package let key: String
    /// Of the key: where the entry starts.
    package var origin: RecipeOrigin
    package var value: RecipeNode

    package init(key: String, origin: RecipeOrigin, value: RecipeNode) {
      self.key = key
      self.origin = origin
      self.value = value
    }
  }

  package var content: Content
  package var origin: RecipeOrigin

  package init(_ content: Content, at origin: RecipeOrigin = .whole) {
    (self.content, self.origin) = (content, origin)
  }

  /// Text that is quoted when it is written and needs it.
  package static func text(_ text: String) -> RecipeNode {
    RecipeNode(.scalar(text, isPlain: false))
  }
  /// A number, a truth value or a word.
  package static func plain(_ text: String) -> RecipeNode {
    RecipeNode(.scalar(text, isPlain: true))
  }
  /// A number as YAML 1.1 and 1.2 read it: `5.0e-05`, since `5e-05` is text to the former (PyYAML).
  package static func number(_ value: some BinaryFloatingPoint & CustomStringConvertible)
    -> RecipeNode
  {
    var text = value.description
    if let exponent = text.firstIndex(of: "e"), !text[..<exponent].contains(".") {
      text.insert(contentsOf: ".0", at: exponent)
    }
    return .plain(text)
  }
  package static func list(_ nodes: [RecipeNode]) -> RecipeNode { RecipeNode(.list(nodes)) }
  package static func mapping(_ entries: [(String, RecipeNode)]) -> RecipeNode {
    RecipeNode(.mapping(entries.map { Entry(key: $0.0, origin: .whole, value: $0.1) }))
  }

  /// YAML's words for nothing.
  static let nullWords: Set<String> = ["", "~", "null", "Null", "NULL"]

  var isNull: Bool {
    if case .scalar(let text, isPlain: true) = content {
      Self.nullWords.contains(text)
    } else {
      false
    }
  }

  /// The text of an unquoted scalar.
  package var word: String? {
    if case .scalar(let text, isPlain: true) = content { text } else { nil }
  }

  /// The text of a scalar of any kind.
  package var text: String? {
    if case .scalar(let text, _) = content, !isNull { text } else { nil }
  }

  package var list: [RecipeNode]? {
    if case .list(let nodes) = content { nodes } else { nil }
  }

  package var entries: [Entry]? {
    if case .mapping(let entries) = content { entries } else { nil }
  }

  package subscript(key: String) -> RecipeNode? { entries?.first { $0.key == key }?.value }

  /// Replaces or adds what is at `path`; what is in the way and no mapping gives way.
  /// - Parameter value: `nil` takes the entry away.
  package mutating func set(
    _ path: ArraySlice<String>, to value: RecipeNode?, at origin: RecipeOrigin
  ) {
    guard let key = path.first else { return }
    var entries = self.entries ?? []
    if self.entries == nil { self.origin = origin }
    let position = entries.firstIndex { $0.key == key }
    if path.count == 1 {
      if let position { entries.remove(at: position) }
      if let value {
        let entry = Entry(key: key, origin: origin, value: value)
        entries.insert(entry, at: position ?? entries.count)
      }
    } else if let position {
      entries[position].value.set(path.dropFirst(), to: value, at: origin)
    } else if value != nil {
      var child = RecipeNode(.mapping([]), at: origin)
      child.set(path.dropFirst(), to: value, at: origin)
      entries.append(Entry(key: key, origin: origin, value: child))
    }
    content = .mapping(entries)
  }

  /// For messages: `-1`, `the text "100"`, `a list of 3`.
  package var shown: String {
    switch content {
    case .scalar(let text, let isPlain):
      let short = printable(text.count > 60 ? text.prefix(60) + "…" : text)
      return isPlain ? (isNull ? "empty" : short) : "the text \"\(short)\""
    case .list(let nodes): return "a list of \(nodes.count)"
    case .mapping: return "a mapping"
    }
  }
}
