import Networks
import RunSupport

/// A name in recipes and the fooling behind it.
public struct FoolingKind: Sendable {
  /// What a fooling may ask for besides λ and the threshold.
  public enum Option: String, Hashable, Sendable, CaseIterable {
    case variant, frameWidth, mask, k, classes
    case attack, trigger, triggers, label, target, image, seed, dissimilarity, outputs
  }

  public let name: String
  public let options: Set<Option>
  /// Those that it has, if `variant` is one of the options.
  public let variants: [FoolingSpecification.Variant]
  package let make: @Sendable (FoolingSpecification, _ classNames: [String]) throws -> any Fooling

  package init(
    _ name: String, options: Set<Option>, variants: [FoolingSpecification.Variant] = [.paper],
    make: @escaping @Sendable (FoolingSpecification, _ classNames: [String]) throws -> any Fooling
  ) {
    (self.name, self.options, self.variants, self.make) = (name, options, variants, make)
  }

  public static let all: [FoolingKind] = [
    Location.kind,
    TopK.kind,
    CenterMass.kind,
    ActiveSwap.kind,
    TriggerFooling.kind,
    TargetMap.kind,
  ]

  /// - Throws: `RunError` listing the valid names, the closest first.
  public static func named(_ name: String) throws(RunError) -> FoolingKind {
    try NameSuggestions.find(
      name, among: all, by: \.name, what: "fooling", or: RunError.init)
  }
}

extension FoolingSpecification {
  /// The options that are set.
  public var options: Set<FoolingKind.Option> {
    var options: Set<FoolingKind.Option> = []
    if variant != .paper { options.insert(.variant) }
    if frameWidth != nil { options.insert(.frameWidth) }
    if mask != nil { options.insert(.mask) }
    if k != nil { options.insert(.k) }
    if classes != nil { options.insert(.classes) }
    if effect.attack != nil { options.insert(.attack) }
    if trigger != nil { options.insert(.trigger) }
    if !triggers.isEmpty { options.insert(.triggers) }
    if effect.label != nil { options.insert(.label) }
    if effect.target != nil { options.insert(.target) }
    if effect.image != nil { options.insert(.image) }
    if effect.seed != nil { options.insert(.seed) }
    if outputs != nil { options.insert(.outputs) }
    if dissimilarity != nil { options.insert(.dissimilarity) }
    return options
  }

  /// What can be checked without a network.
  /// - Throws: `RunError` for an unknown name or an option that the fooling does not take.
  public func check() throws {
    let kind = try FoolingKind.named(name)
    for option in options.subtracting(kind.options).sorted(by: { $0.rawValue < $1.rawValue }) {
      let takers = FoolingKind.all.filter { $0.options.contains(option) }.map(\.name)
      throw RunError(
        "\(name) takes no \"\(option.rawValue)\"; that is for " + takers.joined(separator: ", "))
    }
    guard kind.variants.contains(variant) else {
      throw RunError(
        "\(name) has no variant \"\(variant.rawValue)\"; it has "
          + kind.variants.map(\.rawValue).joined(separator: ", "))
    }
    guard evade != nil || evadeWeight == nil else {
      throw RunError("evadeWeight is the weight of what is evaded; say \"evade: audit\" as well")
    }
    if kind.options.contains(.trigger) { _ = try namedTriggers() }
  }

  /// - Parameter classNames: of the network; classes may be given by name.
  /// - Throws: `RunError` as `check`, or for a class that the network does not have.
  public func fooling(classNames: [String]) throws -> any Fooling {
    try check()
    return try FoolingKind.named(name).make(self, classNames)
  }
}
