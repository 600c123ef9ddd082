import Foundation
import RunSupport

/// A recipe file and what its first comment says of it.
public struct RecipeCatalogEntry: Codable, Hashable, Sendable {
  /// As it is given to the command.
  public let path: String
  /// `trompe fool`, `train`, `attack`, `study` or `influence`, whichever the recipe is for.
  public let command: String
  /// The first sentence of the comment at the head of the file; empty if there is none.
  public let summary: String
}

/// The recipes of a folder.
public enum RecipeCatalog {
  /// What the name of a file that only others extend ends with: no recipe by itself.
  static let baseSuffix = ".base.yaml"

  /// All .yaml and .yml files below `folder`, in byte order, but hidden ones and those that end with
  /// `.base.yaml`.
  /// - Throws: `RunError` if there is no such folder or nothing in it.
  public static func entries(in folder: String) throws -> [RecipeCatalogEntry] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder),
      isFolder.boolValue, let found = FileManager.default.enumerator(atPath: folder)
    else { throw RunError("\(folder): no such folder; name the folder of your recipes") }
    let names = found.compactMap { $0 as? String }
      .filter { name in
        ["yaml", "yml"].contains((name as NSString).pathExtension.lowercased())
          && !name.hasSuffix(baseSuffix)
          && !name.split(separator: "/").contains { $0.hasPrefix(".") }
      }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    guard !names.isEmpty else { throw RunError("\(folder): holds no recipe (.yaml)") }
    let root = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    return try names.map { name in
      let path = root == "." ? name : "\(root)/\(name)"
      let text = try RecipeDocument.text(of: path)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      return RecipeCatalogEntry(
        path: path, command: kind(of: text, at: path, lines).command,
        summary: firstSentence(ofHead: lines))
    }
  }

  /// A recipe with a mistake, or that extends what is not there, is listed by its own lines.
  private static func kind(of text: String, at path: String, _ lines: [Substring]) -> RecipeKind {
    if let document = try? RecipeDocument(
      yaml: text, name: path, folder: RecipePath.folder(of: path), settings: [])
    {
      return RecipeKind(document.root)
    }
    let sections: [(String, RecipeKind)] = [
      ("study:", .study), ("influence:", .influence), ("attack:", .attack), ("fooling:", .fooling),
    ]
    return sections.first { section in lines.contains { $0.hasPrefix(section.0) } }?.1 ?? .training
  }

  /// Words whose full stop ends no sentence, without it.
  private static let abbreviations: Set<Substring> = ["al", "e.g", "i.e", "vs", "cf", "Fig", "Sec"]

  /// Of the lines that begin with `#`, up to an empty one, or one that is indented as commands are.
  private static func firstSentence(ofHead lines: [Substring]) -> String {
    let head = lines.prefix { $0.hasPrefix("#") }.map { $0.dropFirst() }
      .prefix { !$0.hasPrefix("   ") && $0.contains { $0 != " " } }
    let text = head.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
    var start = text.startIndex
    while let end = text.range(of: ". ", range: start..<text.endIndex) {
      let before = text[..<end.lowerBound]
      let word = before.split(separator: " ").last.map { $0.drop { $0 == "(" } } ?? ""
      if !abbreviations.contains(word) { return before + "." }
      start = end.upperBound
    }
    return text
  }
}
