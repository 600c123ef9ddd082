import Checkpoints
import Foundation

/// `extends: FILE`: a recipe that holds where another one has nothing to say.
enum RecipeExtension {
  package static let key = RecipeKeyDescription(
    path: "extends", type: "path", range: "", fallback: "nothing",
    meaning:
      "a recipe whose entries hold where this file has none: mappings are merged key by key, "
      + "values and lists replaced, `null` takes an entry away; paths count from the file that gives "
      + "them")

  /// How many files can extend each other in a row.
  private static let longestChain = 8

  /// `root` merged over the recipe that it extends, if any.
  /// - Parameters:
  ///   - file: which `root` is read from.
  ///   - notes: those of the files that are read are added.
  /// - Throws: `RecipeError` for a file that cannot be read, or that extends itself in the end.
  package static func extended(
    _ root: RecipeNode, of file: RecipeSource, notes: inout [String]
  ) throws(RecipeError) -> RecipeNode {
    let name = (file.name as NSString).lastPathComponent
    return try extended(root, of: file, chain: [file.folder + "/" + name], notes: &notes)
  }

  private static func extended(
    _ root: RecipeNode, of file: RecipeSource, chain: [String], notes: inout [String]
  ) throws(RecipeError) -> RecipeNode {
    guard let entry = root.entries?.first(where: { $0.key == key.path }) else { return root }
    let problems = RecipeProblems(file: file.name)
    func failure(_ text: String) -> RecipeError {
      problems.add(text, at: entry.origin)
      return problems.error
    }
    var own = root
    own.set([key.path], to: nil, at: .whole)
    if entry.value.isNull { return own }
    guard let name = entry.value.text, !name.isEmpty, !name.utf8.contains(0) else {
      throw failure("extends is \(entry.value.shown), expected the path of a recipe")
    }
    let path = RecipePath.absolute(name, in: file.folder)
    let folder = RecipePath.folder(of: path)
    let identity = folder + "/" + (path as NSString).lastPathComponent
    let shown = name.hasPrefix("/") ? name : beside(file.name, name)
    guard !chain.contains(identity) else {
      throw failure("extends \(printable(name)), which extends this file in turn")
    }
    guard chain.count <= longestChain else {
      throw failure(
        "extends \(printable(name)), the \(longestChain + 1)th file in a row: merge some of them")
    }
    // A pipe would be waited for.
    var information = stat()
    if stat(path, &information) == 0, information.st_mode & S_IFMT != S_IFREG {
      throw failure("extends \(printable(name)), which is not a file")
    }
    let text: String
    do { text = try RecipeDocument.text(of: path, named: shown) } catch {
      throw failure("extends what cannot be read: " + error.problems[0])
    }
    let base = RecipeSource(name: shown, folder: folder)
    switch RecipeDocument.parse(text, at: .lines(of: base)) {
    case .failure(let problem):
      problems.add(problem.text, at: problem.origin)
      throw problems.error
    case .success(var node?) where node.entries != nil:
      notes += RecipeRenaming.apply(to: &node)
      return own.merged(
        over: try extended(node, of: base, chain: chain + [identity], notes: &notes))
    case .success:
      throw failure(
        "extends \(printable(name)), which is not a recipe: expected keys such as network and data")
    }
  }

  /// A path that counts from the folder of `file`, as errors show it.
  private static func beside(_ file: String, _ name: String) -> String {
    let folder = file.parentPath
    return folder.isEmpty ? name : "\(folder)/\(name)"
  }
}

extension RecipeNode {
  /// Of two mappings, key by key; otherwise `self`.
  fileprivate func merged(over base: RecipeNode) -> RecipeNode {
    var base = base
    for (chosen, replaced) in RecipeDocument.alternatives where has(chosen) {
      for other in replaced where !has(other) {
        base.removeIfFromFile(other.split(separator: ".").map(String.init))
      }
    }
    return mergedMappings(over: base)
  }

  private func mergedMappings(over base: RecipeNode) -> RecipeNode {
    guard let entries, var merged = base.entries else { return self }
    for entry in entries {
      if let position = merged.firstIndex(where: { $0.key == entry.key }) {
        merged[position] = Entry(
          key: entry.key, origin: entry.origin,
          value: entry.value.mergedMappings(over: merged[position].value))
      } else {
        merged.append(entry)
      }
    }
    return RecipeNode(.mapping(merged), at: origin)
  }

  private func has(_ path: String) -> Bool {
    var node: RecipeNode? = self
    for key in path.split(separator: ".") { node = node?[String(key)] }
    return node != nil
  }
}
