/// One entry of a section: how it is described, read and written, in one place.
struct RecipeField<Section: Sendable>: Sendable {
  /// For the reference, in its order.
  /// - Parameters: the path of the section, and a section in which nothing is given.
  package let keys: @Sendable (_ path: String, _ blank: Section) -> [RecipeKeyDescription]
  /// Changes nothing if the entry is omitted; whatever is wrong goes to the section's problems.
  package let read: @Sendable (RecipeSection, inout Section) -> Void
  package let write: @Sendable (Section) -> [(String, RecipeNode)]
}

/// Single values.
extension RecipeField {
  /// An entry that must be given.
  /// - Parameter exempt: what kinds of recipe may omit it.
  static func required<Value>(
    _ name: String, _ property: WritableKeyPath<Section, Value> & Sendable,
    _ form: RecipeForm<Value>, exempt: Set<RecipePurpose> = [], _ meaning: String
  ) -> Self {
    Self(
      keys: { path, _ in [form.description(path, name, fallback: "required", meaning)] },
      read: { section, value in
        guard section.has(name) else {
          if !exempt.contains(section.kind) {
            section.problems.add(
              "\(section.full(name)) is missing, expected \(form.expected)",
              at: section.node.origin)
          }
          return
        }
        if let read = section.value(name, form) { value[keyPath: property] = read }
      },
      write: { [(name, form.write($0[keyPath: property]))] })
  }

  /// An entry whose default is the value of a section in which nothing is given.
  static func defaulted<Value>(
    _ name: String, _ property: WritableKeyPath<Section, Value> & Sendable,
    _ form: RecipeForm<Value>, _ meaning: String
  ) -> Self {
    Self(
      keys: { path, blank in
        let standard = RecipeYAML.flow(form.write(blank[keyPath: property]))
        return [form.description(path, name, fallback: standard, meaning)]
      },
      read: { section, value in
        if let read = section.value(name, form) { value[keyPath: property] = read }
      },
      write: { [(name, form.write($0[keyPath: property]))] })
  }

  /// An entry without a value of its own when it is omitted.
  /// - Parameter text: what holds then.
  static func automatic<Value>(
    _ name: String, _ property: WritableKeyPath<Section, Value?> & Sendable,
    _ form: RecipeForm<Value>, else text: String, _ meaning: String
  ) -> Self {
    Self(
      keys: { path, _ in [form.description(path, name, fallback: text, meaning)] },
      read: { section, value in
        if let read = section.value(name, form) { value[keyPath: property] = read }
      },
      write: { section in
        section[keyPath: property].map { [(name, form.write($0))] } ?? []
      })
  }

  /// A path that must be given; absolute once it is read.
  static func requiredPath(
    _ name: String, _ property: WritableKeyPath<Section, String> & Sendable, _ meaning: String
  ) -> Self {
    let field = required(name, property, .text("path"), meaning)
    return Self(
      keys: field.keys,
      read: { section, value in
        field.read(section, &value)
        if section.has(name) {
          value[keyPath: property] = section.absolute(value[keyPath: property], name)
        }
      }, write: field.write)
  }

  /// A path that may be omitted; absolute once it is read.
  package static func path(
    _ name: String, _ property: WritableKeyPath<Section, String?> & Sendable, else text: String,
    _ meaning: String
  ) -> Self {
    let field = automatic(name, property, .text("path"), else: text, meaning)
    return Self(
      keys: field.keys,
      read: { section, value in
        field.read(section, &value)
        value[keyPath: property] = value[keyPath: property].map { section.absolute($0, name) }
      }, write: field.write)
  }
}

/// Entries that hold further entries.
extension RecipeField {
  /// A mapping that is read whether or not it is given: its own entries have defaults.
  package static func section<Part>(
    _ name: String, _ property: WritableKeyPath<Section, Part> & Sendable,
    _ schema: RecipeSchema<Part>
  ) -> Self {
    Self(
      keys: { path, blank in schema.keys(in: join(path, name), blank[keyPath: property]) },
      read: { section, value in
        schema.read(section.section(name), into: &value[keyPath: property])
      },
      write: {
        let entries = schema.entries($0[keyPath: property])
        return entries.isEmpty ? [] : [(name, .mapping(entries))]
      })
  }

  /// A mapping whose absence means something.
  static func optional<Part>(
    _ name: String, _ property: WritableKeyPath<Section, Part?> & Sendable,
    _ schema: RecipeSchema<Part>
  ) -> Self {
    Self(
      keys: { path, _ in schema.keys(in: join(path, name)) },
      read: { section, value in
        if section.has(name) { value[keyPath: property] = schema.read(section.section(name)) }
      },
      write: { section in
        section[keyPath: property].map { [(name, schema.node($0))] } ?? []
      })
  }

  /// A mapping, or a list of several with the same keys.
  /// - Parameter example: for errors, after "e.g.".
  package static func oneOrMore<Part>(
    _ name: String, _ property: WritableKeyPath<Section, [Part]> & Sendable,
    _ schema: RecipeSchema<Part>, most: Int, example: String
  ) -> Self {
    Self(
      keys: { path, _ in schema.keys(in: join(path, name)) },
      read: { section, value in
        guard let node = section.node[name], let nodes = node.list else {
          value[keyPath: property] = [schema.read(section.section(name))]
          return
        }
        guard (1...most).contains(nodes.count) else {
          section.problems.add(
            "\(section.full(name)) has \(nodes.count) entries, expected 1 to \(most), e.g. \(example)",
            at: node.origin)
          return
        }
        value[keyPath: property] = nodes.indices.map {
          schema.read(section.element($0, of: nodes, in: name, isOneOrMore: true))
        }
      },
      write: { section in
        let parts = section[keyPath: property].map(schema.node)
        return [(name, parts.count == 1 ? parts[0] : .list(parts))]
      })
  }

  /// A list of mappings.
  /// - Parameter example: for errors, after "e.g."; in square brackets.
  package static func list<Part>(
    _ name: String, _ property: WritableKeyPath<Section, [Part]> & Sendable,
    _ schema: RecipeSchema<Part>, count: ClosedRange<Int>, example: String
  ) -> Self {
    Self(
      keys: { path, _ in schema.keys(in: join(path, name) + "[]") },
      read: { section, value in
        let size =
          count.lowerBound == 0
          ? "at most \(count.upperBound)" : "\(count.lowerBound) to \(count.upperBound)"
        guard let node = section.node[name] else {
          if count.lowerBound > 0 {
            section.problems.add(
              "\(section.full(name)) is missing, expected a list, e.g. \(example)",
              at: section.node.origin)
          }
          return
        }
        guard let nodes = node.list, count.contains(nodes.count) else {
          section.problems.add(
            "\(section.full(name)) is \(node.shown), expected a list of \(size), e.g. \(example)",
            at: node.origin)
          return
        }
        value[keyPath: property] = nodes.indices.map {
          schema.read(section.element($0, of: nodes, in: name))
        }
      },
      write: { section in
        let parts = section[keyPath: property]
        return parts.isEmpty ? [] : [(name, .list(parts.map(schema.node)))]
      })
  }

  /// Entries of this section that the program keeps in a value of its own.
  package static func inline<Part>(
    _ property: WritableKeyPath<Section, Part> & Sendable, _ schema: RecipeSchema<Part>
  ) -> Self {
    Self(
      keys: { path, blank in schema.keys(in: path, blank[keyPath: property]) },
      read: { section, value in
        var part = value[keyPath: property]
        schema.read(section, into: &part)
        value[keyPath: property] = part
      },
      write: { schema.entries($0[keyPath: property]) })
  }

  private static func join(_ path: String, _ name: String) -> String {
    path.isEmpty ? name : "\(path).\(name)"
  }
}

/// Conditions.
extension RecipeField {
  /// What is checked whether or not the entries are right; neither described nor written.
  package static func rule(_ body: @escaping @Sendable (RecipeSection) -> Void) -> Self {
    Self(keys: { _, _ in [] }, read: { section, _ in body(section) }, write: { _ in [] })
  }

  /// Given in a recipe of these kinds it is an error; `reason` follows the key.
  package func refused(
    _ name: String, in kinds: Set<RecipePurpose>,
    because reason: @escaping @Sendable (RecipePurpose) -> String
  ) -> Self {
    Self(
      keys: keys,
      read: { section, value in
        if kinds.contains(section.kind), section.has(name) {
          section.problems.add(
            "\(section.full(name)) \(reason(section.kind))", at: section.origin(of: name))
        }
        read(section, &value)
      }, write: write)
  }

  /// Entries that are written only where `condition` holds.
  package static func group(
    _ fields: [Self], writtenIf condition: @escaping @Sendable (Section) -> Bool
  ) -> [Self] { fields.map { $0.written(if: condition) } }

  /// Written only where `condition` holds.
  package func written(if condition: @escaping @Sendable (Section) -> Bool) -> Self {
    Self(keys: keys, read: read, write: { condition($0) ? write($0) : [] })
  }
}

extension RecipeForm {
  fileprivate func description(
    _ path: String, _ name: String, fallback: String, _ meaning: String
  ) -> RecipeKeyDescription {
    RecipeKeyDescription(
      path: path.isEmpty ? name : "\(path).\(name)", type: type, range: range, fallback: fallback,
      meaning: meaning)
  }
}
