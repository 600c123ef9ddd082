/// All entries of a section. Reading, writing, the reference and error messages follow from it.
struct RecipeSchema<Section: Sendable>: Sendable {
  /// What a section is in which nothing is given.
  package let blank: Section
  package let fields: [RecipeField<Section>]
  /// What single entries cannot show; done if all of them are right.
  package let check: @Sendable (Section, RecipeSection) -> Void

  package init(
    _ blank: Section, _ fields: [RecipeField<Section>],
    check: @escaping @Sendable (Section, RecipeSection) -> Void = { _, _ in }
  ) {
    (self.blank, self.fields, self.check) = (blank, fields, check)
  }

  /// The section with its defaults; incomplete if there was a problem.
  package func read(_ section: RecipeSection) -> Section {
    var value = blank
    read(section, into: &value)
    return value
  }

  package func read(_ section: RecipeSection, into value: inout Section) {
    let before = section.problems.count
    for field in fields { field.read(section, &value) }
    if section.problems.count == before { check(value, section) }
  }

  package func entries(_ value: Section) -> [(String, RecipeNode)] {
    fields.flatMap { $0.write(value) }
  }

  package func node(_ value: Section) -> RecipeNode { .mapping(entries(value)) }

  /// The rows of the reference.
  package func keys(in path: String) -> [RecipeKeyDescription] { keys(in: path, blank) }

  package func keys(in path: String, _ blank: Section) -> [RecipeKeyDescription] {
    fields.flatMap { $0.keys(path, blank) }
  }
}

/// Whole recipes.
extension RecipeSchema {
  /// - Throws: `RecipeError` with everything that is wrong.
  package func recipe(_ document: RecipeDocument, for purpose: RecipePurpose) throws(RecipeError)
    -> Section
  {
    let problems = RecipeProblems(file: document.name)
    let root = RecipeSection(
      document.root, kind: purpose, folder: document.folder, problems: problems)
    purpose.refuseForeignSections(of: root)
    let recipe = read(root)
    guard problems.isEmpty else { throw problems.error }
    return recipe
  }

  package func yaml(_ recipe: Section) -> String { RecipeYAML.block(node(recipe)) }
}

extension RecipeDocument {
  /// What is wrong with the recipe as a whole.
  package func error(_ text: String) -> RecipeError {
    let problems = RecipeProblems(file: name)
    problems.add(text, at: .whole)
    return problems.error
  }

  /// - Throws: `RecipeError` for the first section that belongs to another kind of recipe.
  func refuseFirstForeignSection(of purpose: RecipePurpose) throws(RecipeError) {
    guard let entry = root.entries?.first(where: { purpose.hidden.contains($0.key) }) else {
      return
    }
    let problems = RecipeProblems(file: name)
    problems.add(purpose.refusal(of: entry.key, in: root), at: entry.origin)
    throw problems.error
  }
}
