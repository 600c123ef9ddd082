/// A recipe as a file has it.
public protocol RecipeFile {
  /// - Throws: `RecipeError` with everything that is wrong, each with its line.
  init(_ document: RecipeDocument) throws
}

extension RecipeFile {
  /// Reads a recipe file strictly.
  ///
  /// - Parameters:
  ///   - path: of the file, against whose folder its relative paths count.
  ///   - settings: `training.steps=100`: replace or add keys; paths among them count from
  ///     the current folder.
  ///   - note: told of keys that are read under a former name.
  /// - Throws: `RecipeError` with everything that is wrong, each with its line.
  public init(
    contentsOf path: String, settings: [String] = [], note: (String) -> Void = { _ in }
  ) throws {
    let document = try RecipeDocument(
      contentsOf: path, settings: settings.map { try RecipeSetting($0) })
    try self.init(document)
    document.notes.forEach(note)
  }

  /// - Parameters:
  ///   - yaml: the recipe's text.
  ///   - settings: as above.
  ///   - name: what stands before line numbers in errors.
  ///   - folder: against which relative paths count.
  public init(
    yaml: String, name: String = "recipe", folder: String, settings: [String] = []
  ) throws {
    try self.init(
      RecipeDocument(
        yaml: yaml, name: name, folder: folder, settings: settings.map { try RecipeSetting($0) }))
  }
}
