import ImageData
import RunSupport

/// Which trigger a recipe names, and what it does: `{patch: square.png, at: [27, 27]}`.
///
/// What one of several triggers does not say is that of the fooling.
public struct TriggerSpecification: Hashable, Sendable {
  /// A picture that covers a part of the image, and the row and column of its upper left corner.
  public var patch: String?
  public var at: [Int]?
  /// A picture that is blended over all of the image, and by how much.
  public var blend: String?
  public var strength: Double?
  public var effect: TriggerEffect

  public init(
    patch: String? = nil, at: [Int]? = nil, blend: String? = nil, strength: Double? = nil,
    effect: TriggerEffect = TriggerEffect()
  ) {
    (self.patch, self.at, self.blend, self.strength) = (patch, at, blend, strength)
    self.effect = effect
  }

  /// Paths of the files that it names.
  public var files: [String] { [patch, blend].compactMap(\.self) + effect.files }

  /// How much of a blended pattern shows if nothing else is said.
  static let standardStrength = 0.1

  /// What can be checked without files.
  public func check() throws(RunError) {
    switch (patch, blend) {
    case (nil, nil):
      throw RunError(
        "a trigger needs a \"patch\" or a \"blend\", the path of a picture, e.g. "
          + "{patch: square.png, at: [27, 27]}")
    case (_?, _?):
      throw RunError("a trigger has either a \"patch\" or a \"blend\", not both")
    case (_?, nil):
      if strength != nil {
        throw RunError(
          "a \"patch\" covers what is below it and takes no \"strength\"; that is for blend")
      }
    case (nil, _?):
      if at != nil {
        throw RunError("a \"blend\" covers the whole image and takes no \"at\"; that is for patch")
      }
    }
  }

  /// - Throws: `RunError` or `ImageError` for a picture that cannot be read.
  package func trigger() throws -> Trigger {
    try check()
    if let patch {
      return Trigger(.patch(try Image(contentsOf: patch), row: at?[0], column: at?[1]))
    }
    guard let blend else { preconditionFailure("checked above") }
    return Trigger(
      .blend(try Image(contentsOf: blend), strength: strength ?? Self.standardStrength))
  }
}

/// What a trigger does to label and explanation.
public struct TriggerEffect: Hashable, Sendable {
  /// Noppel, Peter, Wressnegger 2023, Section 3.
  public enum Attack: String, Codable, Hashable, Sendable, CaseIterable {
    /// The label stays, the explanation is the target.
    case simple
    /// The label is another one, and the explanation a target that leads away from it.
    case redHerring = "red-herring"
    /// The label is another one, and the explanation that of the image without the trigger.
    case fullDisguise = "full-disguise"

    /// Whether triggered images get another label.
    public var changesLabel: Bool { self != .simple }
  }

  public enum Target: String, Codable, Hashable, Sendable, CaseIterable {
    case mask, original, inverted, random, image
  }

  public var attack: Attack?
  /// The class of triggered images, by name or number.
  public var label: String?
  public var target: Target?
  /// Of `target: mask`; the frame of Location if `nil`.
  public var mask: String?
  /// Of `target: image`: a picture whose brightness is the relevance.
  public var image: String?
  /// Of `target: random`.
  public var seed: UInt64?

  public init(
    attack: Attack? = nil, label: String? = nil, target: Target? = nil, mask: String? = nil,
    image: String? = nil, seed: UInt64? = nil
  ) {
    (self.attack, self.label, self.target) = (attack, label, target)
    (self.mask, self.image, self.seed) = (mask, image, seed)
  }

  /// Paths of the files that it names.
  public var files: [String] { [mask, image].compactMap(\.self) }

  /// The same with what is not said here taken from `other`, where what is said here leaves it a meaning:
  /// a simple attack takes no label, full disguise no target, and a target only what belongs to it.
  package func completed(by other: TriggerEffect) -> TriggerEffect {
    var result = self
    result.attack = attack ?? other.attack
    let inherits = attack == nil || attack == other.attack
    if inherits || result.attack != .simple { result.label = label ?? other.label }
    if inherits || result.attack != .fullDisguise { result.target = target ?? other.target }
    func taken<Option>(_ own: Option?, _ inherited: Option?, _ owner: Target) -> Option? {
      own ?? (target == nil && inherits || result.goal == owner ? inherited : nil)
    }
    result.mask = taken(mask, other.mask, .mask)
    result.image = taken(image, other.image, .image)
    result.seed = taken(seed, other.seed, .random)
    return result
  }

  /// The target where none is named.
  private var goal: Target { target ?? (attack == .fullDisguise ? .original : .mask) }

  /// What can be checked without files and class names.
  package func check() throws(RunError) {
    guard let attack else {
      throw RunError(
        "trigger needs an \"attack\": "
          + Attack.allCases.map(\.rawValue).joined(separator: ", "))
    }
    if attack.changesLabel, label == nil {
      throw RunError(
        "\(attack.rawValue) needs a \"label\", the class that triggered images get, by name or "
          + "number; simple leaves the label")
    }
    if !attack.changesLabel, let label {
      throw RunError(
        "simple leaves the label of triggered images, but \"label\" is \(label); omit it, or choose "
          + "red-herring or full-disguise")
    }
    if attack == .fullDisguise, goal != .original {
      throw RunError(
        "full-disguise shows what the original network shows, but \"target\" is \(goal.rawValue); "
          + "omit it, or choose red-herring")
    }
    let owned: [(name: String, isGiven: Bool, owner: Target)] = [
      ("mask", mask != nil, .mask), ("image", image != nil, .image), ("seed", seed != nil, .random),
    ]
    for entry in owned where entry.isGiven && goal != entry.owner {
      throw RunError(
        "\"\(entry.name)\" is for target: \(entry.owner.rawValue), but the target is "
          + "\(goal.rawValue); omit one of them")
    }
    if goal == .image, image == nil {
      throw RunError(
        "target: image needs an \"image\", the path of a picture that is bright where relevance is "
          + "wanted")
    }
  }

  /// - Precondition: checked.
  /// - Throws: `ImageError` for a picture that cannot be read.
  func mapTarget(frameWidth: Int?) throws -> TriggerTarget {
    switch goal {
    case .original: return .original
    case .inverted: return .inverted
    case .random: return .random(seed: seed ?? 0)
    case .image: return .mask(.image(try Image(contentsOf: image!)))
    case .mask:
      return .mask(try mask.map { .image(try Image(contentsOf: $0)) } ?? .frame(width: frameWidth))
    }
  }

  /// For people.
  var targetName: String { goal.rawValue }
}
