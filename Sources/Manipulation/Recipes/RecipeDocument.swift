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

  /// Alternatives: a setting of one takes the others out of the file.
  private static let alternatives: [(chosen: String, replaced: [String])] = [
    ("training.steps", ["training.epochs"]),
    ("training.epochs", ["training.steps"]),
    ("data.shapes", ["data.train", "data.validation"]),
    ("data.train", ["data.shapes"]),
    ("data.validation", ["data.shapes"]),
  ]

  /// What errors call the file.
  let name: String
  let root: RecipeNode
  /// Against which the file's relative paths count.
  let folder: String

  /// - Parameters:
  ///   - name: what stands before line numbers in errors.
  ///   - folder: absolute.
  init(
    yaml: String, name: String, folder: String, settings: [RecipeSetting]
  ) throws(RecipeError) {
    (self.name, self.folder) = (name, folder)
    let problems = RecipeProblems(file: name)
    // YAML 1.2, 5.2: a byte order mark may stand at the beginning and is no part of the text.
    let yaml =
      yaml.unicodeScalars.first == "\u{FEFF}" ? String(yaml.unicodeScalars.dropFirst()) : yaml
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
    for setting in settings { Self.apply(setting, to: &root, problems) }
    guard problems.isEmpty else { throw problems.error }
    self.root = root
  }

  /// - Throws: `RecipeError` when the file cannot be read or is no YAML.
  init(contentsOf path: String, settings: [RecipeSetting]) throws(RecipeError) {
    try self.init(
      yaml: try Self.text(of: path), name: path,
      folder: RecipePath.folder(of: path), settings: settings)
  }

  /// - Throws: `RecipeError` when the file cannot be read or is no text.
  static func text(of path: String) throws(RecipeError) -> String {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw RecipeError(["\(path): no such file"])
    }
    guard !isFolder.boolValue else {
      throw RecipeError(["\(path): is a folder, expected a recipe file"])
    }
    guard let file = FileHandle(forReadingAtPath: path) else {
      throw RecipeError(["\(path): cannot be opened; check its permissions"])
    }
    defer { try? file.close() }
    var data = Data()
    do {
      while data.count <= largestFile, let more = try file.read(upToCount: largestFile + 1),
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

  private static func apply(
    _ setting: RecipeSetting, to root: inout RecipeNode, _ problems: RecipeProblems
  ) {
    let origin = RecipeOrigin.setting(setting.label)
    let path = setting.path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard path.count <= deepestNesting, path.allSatisfy({ !$0.isEmpty }) else {
      problems.add("expected a key such as training.steps before the =", at: origin)
      return
    }
    switch parse(setting.value, at: origin) {
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

  private struct Problem: Error {
    let text: String
    let origin: RecipeOrigin
  }

  /// - Parameter origin: of all nodes; their lines if `nil`.
  private static func parse(
    _ yaml: String, at origin: RecipeOrigin? = nil
  ) -> Result<RecipeNode?, Problem> {
    do {
      if let line = lineOfExcessiveAlias(yaml) {
        throw Problem(
          text: "more than \(mostAliases) aliases (*name): write the values out",
          origin: origin ?? .line(line))
      }
      // No resolver: whether a word is a number is decided by the key that it belongs to.
      guard let node = try Parser(yaml: yaml, resolver: .basic, encoding: .utf8).singleRoot() else {
        return .success(nil)
      }
      var count = 0
      return .success(try convert(node, at: origin, depth: 0, count: &count))
    } catch let error as YamlError {
      return .failure(problem(error, in: yaml, at: origin))
    } catch let problem as Problem {
      return .failure(problem)
    } catch {
      return .failure(Problem(text: "is not YAML: \(error)", origin: origin ?? .whole))
    }
  }

  private static func convert(
    _ node: Node, at origin: RecipeOrigin?, depth: Int, count: inout Int
  ) throws -> RecipeNode {
    let here = origin ?? node.mark.map { .line($0.line) } ?? .whole
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
        nodes.append(try convert(node, at: origin, depth: depth + 1, count: &count))
      }
      return RecipeNode(.list(nodes), at: here)
    case .mapping(let mapping):
      var entries: [RecipeNode.Entry] = []
      for (key, value) in mapping {
        let place = origin ?? key.mark.map { .line($0.line) } ?? .whole
        guard case .scalar(let name) = key else {
          throw Problem(text: "a list or mapping stands where a key is expected", origin: place)
        }
        entries.append(
          RecipeNode.Entry(
            key: name.string, origin: place,
            value: try convert(value, at: origin, depth: depth + 1, count: &count)))
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
    _ error: YamlError, in yaml: String, at origin: RecipeOrigin?
  ) -> Problem {
    func syntax(_ context: YamlError.Context?, _ text: String, _ mark: Mark) -> Problem {
      Problem(
        text: "is not YAML: " + (context.map { "\($0.text), " } ?? "") + text,
        origin: origin ?? .line(mark.line))
    }
    switch error {
    case .scanner(let context, let text, let mark, _), .parser(let context, let text, let mark, _),
      .composer(let context, let text, let mark, _):
      return syntax(context, text, mark)
    case .duplicatedKeysInMapping(let keys, let context):
      let names = keys.map { "\"\(printable($0))\"" }.joined(separator: ", ")
      return Problem(
        text: "\(names) \(keys.count == 1 ? "is" : "are") given twice in the same place",
        origin: origin ?? .line(context.mark.line))
    case .reader(let text, let offset, _, _):
      let line = offset.map { yaml.prefix($0).count(where: \.isNewline) + 1 }
      return Problem(
        text: "is not YAML: \(text)", origin: origin ?? line.map { .line($0) } ?? .whole)
    default:
      return Problem(text: "is not YAML: \(error)", origin: origin ?? .whole)
    }
  }
}

extension RecipeNode {
  /// Two settings that exclude each other stay, to be reported.
  fileprivate mutating func removeIfFromFile(_ path: [String]) {
    var node: RecipeNode? = self
    for key in path { node = node?[key] }
    if case .line? = node?.origin { set(path[...], to: nil, at: .whole) }
  }
}
