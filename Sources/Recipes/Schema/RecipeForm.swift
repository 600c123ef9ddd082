import ImageData
import RunSupport

/// How a value is written in a recipe.
struct RecipeForm<Value: Sendable>: Sendable {
  /// For the table of keys: `integer`.
  package let type: String
  /// For the table of keys: `1 to 4096`; empty if any value of the type will do.
  package let range: String
  /// For errors, after "expected": `a whole number from 1 to 4096`.
  package let expected: String
  /// `nil` if the node is not what is expected.
  package let read: @Sendable (RecipeNode) -> Value?
  package let write: @Sendable (Value) -> RecipeNode
  /// Of a list that has the right length: which entry is wrong, and what is expected of it.
  var wrongEntry: (@Sendable (RecipeNode) -> String?)?
}

/// Scalars.
extension RecipeForm {
  package static func integer(_ range: ClosedRange<Int>) -> RecipeForm<Int> {
    RecipeForm<Int>(
      type: "integer", range: "\(range.lowerBound) to \(range.upperBound)",
      expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
      read: { $0.word.flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil } },
      write: { .plain("\($0)") })
  }

  /// Images that are counted: at least one.
  static var imageCount: RecipeForm<Int> { integer(1...10_000_000) }

  static var stepCount: RecipeForm<Int> { integer(1...100_000_000) }

  package static var seed: RecipeForm<UInt64> {
    RecipeForm<UInt64>(
      type: "integer", range: "0 to \(UInt64.max)",
      expected: "a whole number from 0 to \(UInt64.max)",
      read: { $0.word.flatMap { UInt64($0) } }, write: { .plain("\($0)") })
  }

  package static func number(_ range: RecipeNumberRange) -> RecipeForm<Double> {
    RecipeForm<Double>(
      type: "number", range: range.text, expected: "a number \(range.text)",
      read: { Double(recipe: $0, in: range) }, write: { .number($0) })
  }

  /// A number that the program keeps in single precision.
  package static func single(_ range: RecipeNumberRange) -> RecipeForm<Float> {
    RecipeForm<Float>(
      type: "number", range: range.text, expected: "a number \(range.text)",
      read: { Float(recipe: $0, in: range) }, write: { .number($0) })
  }

  package static var truth: RecipeForm<Bool> {
    RecipeForm<Bool>(
      type: "true or false", range: "", expected: "true or false",
      read: { ["true": true, "false": false][$0.word ?? ""] }, write: { .plain("\($0)") })
  }

  package static func text(_ kind: String = "text") -> RecipeForm<String> {
    RecipeForm<String>(
      type: kind, range: "", expected: kind == "path" ? "a path" : "a name",
      read: { $0.text.flatMap { $0.isEmpty || $0.utf8.contains(0) ? nil : $0 } },
      write: { .text($0) })
  }

  /// One of a few words, which is better than text where the words are known here.
  package static func choice<Choice>(_ type: Choice.Type) -> RecipeForm<Choice>
  where Choice: RawRepresentable & CaseIterable & Sendable, Choice.RawValue == String {
    let words = Choice.allCases.map(\.rawValue)
    return RecipeForm<Choice>(
      type: words.joined(separator: " or "), range: "",
      expected: words.joined(separator: " or "),
      read: { $0.text.flatMap { Choice(rawValue: $0) } }, write: { .plain($0.rawValue) })
  }
}

/// Lists.
extension RecipeForm {
  package static func list<Element>(
    of form: RecipeForm<Element>, named name: String, count: ClosedRange<Int>
  ) -> RecipeForm<[Element]> {
    let size =
      count.lowerBound == count.upperBound
      ? "\(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)"
    return RecipeForm<[Element]>(
      type: "list of \(name)",
      range: "\(size)\(form.range.isEmpty ? "" : ", each \(form.range)")",
      expected: "a list of \(size) \(name)\(form.range.isEmpty ? "" : ", each \(form.range)")",
      read: { node in
        guard let nodes = node.list, count.contains(nodes.count) else { return nil }
        let values = nodes.compactMap(form.read)
        return values.count == nodes.count ? values : nil
      },
      write: { .list($0.map(form.write)) },
      wrongEntry: { node in
        guard let nodes = node.list, count.contains(nodes.count),
          let place = nodes.firstIndex(where: { form.read($0) == nil })
        else { return nil }
        return "entry \(place + 1) of \(nodes.count) is \(nodes[place].shown), expected "
          + form.expected
      })
  }

  /// A list of names, or the word for ImageNet's.
  package static var classNames: RecipeForm<[String]> {
    let names = list(of: text(), named: "names", count: 1...(1 << 20))
    return RecipeForm<[String]>(
      type: "\(names.type) or \(ImageNetClasses.name)", range: names.range,
      expected: "\(names.expected), or \(ImageNetClasses.name)",
      read: { node in
        node.text == ImageNetClasses.name ? ImageNetClasses.identifiers : names.read(node)
      },
      write: {
        $0 == ImageNetClasses.identifiers ? .plain(ImageNetClasses.name) : names.write($0)
      }, wrongEntry: names.wrongEntry)
  }

  /// `[from, to]`.
  static func interval(_ range: RecipeNumberRange) -> RecipeForm<ClosedRange<Double>> {
    RecipeForm<ClosedRange<Double>>(
      type: "[from, to]", range: range.text,
      expected: "[from, to], two numbers \(range.text) in ascending order",
      read: { node in
        guard let nodes = node.list, nodes.count == 2,
          let from = Double(recipe: nodes[0], in: range),
          let to = Double(recipe: nodes[1], in: range), from <= to
        else { return nil }
        return from...to
      },
      write: { .list([.number($0.lowerBound), .number($0.upperBound)]) })
  }
}

/// A range of finite numbers that may exclude its lower or upper bound.
struct RecipeNumberRange: Sendable {
  package let lower: Double
  package let upper: Double
  let excludesLower: Bool
  let excludesUpper: Bool

  package init(
    from lower: Double, to upper: Double, excludingLower: Bool = false, excludingUpper: Bool = false
  ) {
    (self.lower, self.upper) = (lower, upper)
    (excludesLower, excludesUpper) = (excludingLower, excludingUpper)
  }

  package static func above(_ lower: Double, to upper: Double) -> Self {
    Self(from: lower, to: upper, excludingLower: true)
  }

  /// For numbers above 0 without a natural bound.
  package static let positive = above(0, to: largest)
  static let notNegative = Self(from: 0, to: largest)
  package static let finite = Self(from: -.greatestFiniteMagnitude, to: .greatestFiniteMagnitude)
  /// What single precision holds.
  private static let largest = Double(Float.greatestFiniteMagnitude)

  package func contains(_ value: Double) -> Bool {
    value >= lower && value <= upper && !(excludesLower && value == lower)
      && !(excludesUpper && value == upper)
  }

  package var text: String {
    func short(_ value: Double) -> String {
      Int(exactly: value).map { abs($0) < 1_000_000 ? "\($0)" : "\(value)" } ?? "\(value)"
    }
    // Rounded down, so that every number up to it is read.
    let end = upper == Self.largest ? "3.4e38" : short(upper)
    if excludesLower { return "above \(short(lower)) and up to \(end)" }
    if upper == Self.largest { return "of at least \(short(lower)) and up to \(end)" }
    return "from \(short(lower)) "
      + (excludesUpper ? "to below \(short(upper))" : "to \(short(upper))")
  }
}

extension Double {
  /// Decimal notation only: Swift would also take hexadecimal, infinities and NaN.
  fileprivate init?(recipe node: RecipeNode, in range: RecipeNumberRange) {
    guard let word = node.word, word.utf8.allSatisfy({ Self.characters.contains($0) }),
      let value = Double(word), range.contains(value)
    else { return nil }
    self = value
  }
  private static let characters = Set("0123456789+-.eE".utf8)
}

extension Float {
  /// The bounds hold after rounding too: 1e-60 is above 0 as a double only.
  fileprivate init?(recipe node: RecipeNode, in range: RecipeNumberRange) {
    guard Double(recipe: node, in: range) != nil, let value = node.word.flatMap({ Float($0) }),
      range.contains(Double("\(value)") ?? .nan)
    else { return nil }
    self = value
  }
}

/// Sizes.
extension RecipeForm {
  private static var side: RecipeForm<Int> { .integer(1...Image.DecodingLimits.side) }

  private static func size(_ node: RecipeNode) -> ImageSize? {
    if let length = side.read(node) { return ImageSize(width: length, height: length) }
    guard let nodes = node.list, nodes.count == 2, let width = side.read(nodes[0]),
      let height = side.read(nodes[1])
    else { return nil }
    return ImageSize(width: width, height: height)
  }

  private static func node(_ size: ImageSize) -> RecipeNode {
    size.width == size.height
      ? side.write(size.width) : .list([side.write(size.width), side.write(size.height)])
  }

  package static var size: RecipeForm<ImageSize> {
    RecipeForm<ImageSize>(
      type: "integer or [width, height]", range: side.range,
      expected: "a side or [width, height], each \(side.range)",
      read: { size($0) }, write: { node($0) })
  }

  package static var resize: RecipeForm<Preprocessing.Resize> {
    RecipeForm<Preprocessing.Resize>(
      type: "integer, [width, height], {shorterSide: integer} or none", range: side.range,
      expected: "a side, [width, height] or {shorterSide: length}, each \(side.range), or none",
      read: { node in
        if node.text == "none" { return Preprocessing.Resize.none }
        if let size = size(node) { return .exact(width: size.width, height: size.height) }
        guard let entries = node.entries, entries.count == 1, entries[0].key == "shorterSide"
        else { return nil }
        return side.read(entries[0].value).map { .shorterSide(length: $0) }
      },
      write: { resize in
        switch resize {
        case .none: .plain("none")
        case .exact(let width, let height): node(ImageSize(width: width, height: height))
        case .shorterSide(let length): .mapping([("shorterSide", side.write(length))])
        }
      })
  }
}
