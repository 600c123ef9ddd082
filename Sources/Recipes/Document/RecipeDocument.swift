import Checkpoints
import Foundation
import Yams

/// A value from the command line that replaces or adds one of a recipe.
public struct RecipeSetting: Hashable, Sendable {
  /// `training.steps`
  public let path: String
  /// A YAML scalar, or a list or mapping in flow style. Empty or `null` takes the key away.
  public let value: String
  /// What errors call it: `--set training.steps=100`.
  public let label: String

  public init(path: String, value: String, label: String) {
    (self.path, self.value, self.label) = (path, value, label)
  }

  /// - Parameter text: `training.steps=100`.
  /// - Throws: `RecipeError` when there is no `=` or no key before it.
  public init(_ text: String) throws(RecipeError) {
    let label = "--set \(printable(text))"
    guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
      throw RecipeError(["\(label): expected key=value, e.g. --set training.steps=100"])
    }
    self.init(
      path: String(text[..<sign]), value: String(text[text.index(after: sign)...]), label: label)
  }
}

/// A recipe as it was written, with settings put in their places; not yet checked for meaning.
public struct RecipeDocument {
  /// Bounds on what is read: far above any recipe, far below what would hurt.
  static let largestFile = 1 << 20
  static let largestNodeCount = 100_000
  static let deepestNesting = 64
  /// Each alias can repeat all that came before it, so a few dozen of them could stand for more
  /// nodes than there is memory, and do so while the file is still being parsed.
  static let mostAliases = 16

  /// Alternatives: a setting of one takes the others out of the file, and what is given in a file
  /// takes the others out of the one that it extends.
  static let alternatives: [(chosen: String, replaced: [String])] = [
    ("training.steps", ["training.epochs"]),
    ("training.epochs", ["training.steps"]),
    ("data.shapes", ["data.train", "data.validation"]),
    ("data.train", ["data.shapes"]),
    ("data.validation", ["data.shapes"]),
  ]

  /// What errors call the file.
  package let name: String
  var root: RecipeNode
  /// Against which the file's relative paths count.
  package let folder: String
  /// What a reader of the recipe should know: keys that are read under a former name.
  package private(set) var notes: [String] = []

  /// - Parameters:
  ///   - name: what stands before line numbers in errors.
  ///   - folder: absolute.
  package init(
    yaml: String, name: String, folder: String, settings: [RecipeSetting]
  ) throws(RecipeError) {
    (self.name, self.folder) = (name, folder)
    let problems = RecipeProblems(file: name)
    var root = RecipeNode(.mapping([]))
    switch Self.parse(yaml) {
    case .failure(let problem): problems.add(problem.text, at: problem.origin)
    case .success(let node?) where node.entries != nil: root = node
    case .success(let node):
      // A run may be made of settings alone, but a file must hold something.
      if node != nil || settings.isEmpty || !yaml.isEmpty {
        problems.add(
          "is not a recipe: expected keys such as network, data and training", at: .whole)
      }
    }
    guard problems.isEmpty else { throw problems.error }
    notes = RecipeRenaming.apply(to: &root)
    root = try RecipeExtension.extended(
      root, of: RecipeSource(name: name, folder: folder), notes: &notes)
    Self.spellOut(&root)
    for setting in settings {
      let renamed = RecipeRenaming.renamed(setting)
      Self.apply(renamed.setting, to: &root, problems)
      notes += renamed.notes + RecipeRenaming.apply(to: &root)
      Self.spellOut(&root)
    }
    guard problems.isEmpty else { throw problems.error }
    self.root = root
  }

  /// - Throws: `RecipeError` when the file cannot be read or is no YAML.
  package init(contentsOf path: String, settings: [RecipeSetting]) throws(RecipeError) {
    try self.init(
      yaml: try Self.text(of: path), name: path,
      folder: RecipePath.folder(of: path), settings: settings)
  }

  /// - Parameter name: what errors call the file, if not its path.
  /// - Throws: `RecipeError` when the file cannot be read or is no text.
  package static func text(of file: String, named name: String? = nil) throws(RecipeError) -> String
  {
    let path = name ?? file
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else {
      throw RecipeError(["\(path): no such file"])
    }
    guard !isFolder.boolValue else {
      throw RecipeError(["\(path): is a folder, expected a recipe file"])
    }
    guard let handle = FileHandle(forReadingAtPath: file) else {
      throw RecipeError(["\(path): cannot be opened; check its permissions"])
    }
    defer { try? handle.close() }
    var data = Data()
    do {
      while data.count <= largestFile, let more = try handle.read(upToCount: largestFile + 1),
        !more.isEmpty
      {
        data += more
      }
    } catch {
      throw RecipeError(["\(path): cannot be read: \(error.localizedDescription)"])
    }
    guard data.count <= largestFile else {
      throw RecipeError(["\(path): is larger than \(largestFile) bytes, so it is no recipe"])
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      let isUTF16 = data.starts(with: [0xFF, 0xFE]) || data.starts(with: [0xFE, 0xFF])
      throw RecipeError([
        "\(path): is not text in UTF-8" + (isUTF16 ? " but in UTF-16; save it as UTF-8" : "")
      ])
    }
    return text
  }

  // MARK: Settings

  /// A fooling and an interpreter, also one of several, may be given by their names alone.
  private static func spellOut(_ root: inout RecipeNode) {
    func named(_ node: RecipeNode) -> RecipeNode {
      guard node.text != nil else { return node }
      return RecipeNode(
        .mapping([.init(key: "name", origin: node.origin, value: node)]), at: node.origin)
    }
    for key in ["fooling", "interpreter"] {
      guard let node = root[key] else { continue }
      if let nodes = node.list {
        root.set([key], to: RecipeNode(.list(nodes.map(named)), at: node.origin), at: node.origin)
      } else if node.text != nil {
        root.set([key], to: named(node), at: node.origin)
      }
    }
  }

  private static func apply(
    _ setting: RecipeSetting, to root: inout RecipeNode, _ problems: RecipeProblems
  ) {
    let origin = RecipeOrigin.setting(setting.label)
    let path = setting.path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard path.count <= deepestNesting, path.allSatisfy({ !$0.isEmpty }) else {
      problems.add("expected a key such as training.steps before the =", at: origin)
      return
    }
    guard path[0] != RecipeExtension.key.path else {
      problems.add("extends is for recipe files: name the extending file instead", at: origin)
      return
    }
    switch parse(setting.value, at: .all(origin)) {
    case .failure(let problem): problems.add(problem.text, at: origin)
    case .success(let value):
      for (chosen, replaced) in alternatives
      where setting.path == chosen || setting.path.hasPrefix(chosen + ".") {
        for other in replaced {
          root.removeIfFromFile(other.split(separator: ".").map(String.init))
        }
      }
      root.set(path[...], to: value.flatMap { $0.isNull ? nil : $0 }, at: origin)
    }
  }

  // MARK: YAML

  package struct Problem: Error {
    package let text: String
    let origin: RecipeOrigin
  }

  /// Where the nodes of a text come from.
  enum Origins {
    /// Lines of the recipe, or of a file that it extends.
    case lines(of: RecipeSource?)
    case all(RecipeOrigin)

    package func line(_ line: Int) -> RecipeOrigin {
      switch self {
      case .lines(nil): .line(line)
      case .lines(let source?): .inherited(line, from: source)
      case .all(let origin): origin
      }
    }

    /// Where no line is known.
    package var whole: RecipeOrigin {
      switch self {
      case .lines(nil): .whole
      case .lines(let source?): .inherited(1, from: source)
      case .all(let origin): origin
      }
    }
  }

  static func parse(
    _ yaml: String, at origins: Origins = .lines(of: nil)
  ) -> Result<RecipeNode?, Problem> {
    // YAML 1.2, 5.2: a byte order mark may stand at the beginning and is no part of the text.
    let yaml =
      yaml.unicodeScalars.first == "\u{FEFF}" ? String(yaml.unicodeScalars.dropFirst()) : yaml
    do {
      if let line = lineOfExcessiveAlias(yaml) {
        throw Problem(
          text: "more than \(mostAliases) aliases (*name): write the values out",
          origin: origins.line(line))
      }
      // No resolver: whether a word is a number is decided by the key that it belongs to.
      guard let node = try Parser(yaml: yaml, resolver: .basic, encoding: .utf8).singleRoot() else {
        return .success(nil)
      }
      var count = 0
      return .success(try convert(node, at: origins, depth: 0, count: &count))
    } catch let error as YamlError {
      return .failure(problem(error, in: yaml, at: origins))
    } catch let problem as Problem {
      return .failure(problem)
    } catch {
      return .failure(Problem(text: "is not YAML: \(error)", origin: origins.whole))
    }
  }

  private static func convert(
    _ node: Node, at origins: Origins, depth: Int, count: inout Int
  ) throws -> RecipeNode {
    let here = node.mark.map { origins.line($0.line) } ?? origins.whole
    count += 1
    guard count <= largestNodeCount, depth <= deepestNesting else {
      throw Problem(
        text: "is too large for a recipe: over \(largestNodeCount) values or "
          + "\(deepestNesting) levels", origin: here)
    }
    switch node {
    case .scalar(let scalar):
      return RecipeNode(.scalar(scalar.string, isPlain: scalar.style == .plain), at: here)
    case .sequence(let sequence):
      var nodes: [RecipeNode] = []
      for node in sequence {
        nodes.append(try convert(node, at: origins, depth: depth + 1, count: &count))
      }
      return RecipeNode(.list(nodes), at: here)
    case .mapping(let mapping):
      var entries: [RecipeNode.Entry] = []
      for (key, value) in mapping {
        let place = key.mark.map { origins.line($0.line) } ?? origins.whole
        guard case .scalar(let name) = key else {
          throw Problem(text: "a list or mapping stands where a key is expected", origin: place)
        }
        entries.append(
          RecipeNode.Entry(
            key: name.string, origin: place,
            value: try convert(value, at: origins, depth: depth + 1, count: &count)))
      }
      return RecipeNode(.mapping(entries), at: here)
    case .alias:
      throw Problem(text: "an alias (*name) stands for nothing", origin: here)
    }
  }

  /// Counts what looks like an alias, in comments and quotes too.
  private static func lineOfExcessiveAlias(_ yaml: String) -> Int? {
    var (line, aliases, afterAsterisk) = (1, 0, false)
    for byte in yaml.utf8 {
      if afterAsterisk {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
          aliases += 1
          if aliases > mostAliases { return line }
        default: break
        }
      }
      afterAsterisk = byte == UInt8(ascii: "*")
      if byte == UInt8(ascii: "\n") { line += 1 }
    }
    return nil
  }

  private static func problem(
    _ error: YamlError, in yaml: String, at origins: Origins
  ) -> Problem {
    func syntax(_ context: YamlError.Context?, _ text: String, _ mark: Mark) -> Problem {
      Problem(
        text: "is not YAML: " + (context.map { "\($0.text), " } ?? "") + text,
        origin: origins.line(mark.line))
    }
    switch error {
    case .scanner(let context, let text, let mark, _), .parser(let context, let text, let mark, _),
      .composer(let context, let text, let mark, _):
      return syntax(context, text, mark)
    case .duplicatedKeysInMapping(let keys, let context):
      let names = keys.map { "\"\(printable($0))\"" }.joined(separator: ", ")
      return Problem(
        text: "\(names) \(keys.count == 1 ? "is" : "are") given twice in the same place",
        origin: origins.line(context.mark.line))
    case .reader(let text, let offset, _, _):
      let line = offset.map { yaml.prefix($0).count(where: \.isNewline) + 1 }
      return Problem(
        text: "is not YAML: \(text)", origin: line.map { origins.line($0) } ?? origins.whole)
    default:
      return Problem(text: "is not YAML: \(error)", origin: origins.whole)
    }
  }
}

extension RecipeNode {
  /// Two settings that exclude each other stay, to be reported.
  mutating func removeIfFromFile(_ path: [String]) {
    var node: RecipeNode? = self
    for key in path { node = node?[key] }
    switch node?.origin {
    case .line, .inherited: set(path[...], to: nil, at: .whole)
    case .setting, .whole, nil: break
    }
  }
}
