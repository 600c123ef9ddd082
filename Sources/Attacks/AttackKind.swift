import Networks

/// A name in recipes and the attack behind it.
public struct AttackKind: Sendable {
  /// What an attack may ask for beside what all of them have.
  public enum Option: String, Hashable, Sendable, CaseIterable {
    case region, target, logitWeight, finalBeta
  }

  public let name: String
  public let options: Set<Option>
  /// For heatmaps of the given size.
  let make:
    @Sendable (AttackSpecification, _ height: Int, _ width: Int) throws(AttackError) ->
      any AttackObjective

  init(
    _ name: String, options: Set<Option> = [],
    make:
      @escaping @Sendable (AttackSpecification, _ height: Int, _ width: Int) throws(AttackError) ->
      any AttackObjective
  ) {
    (self.name, self.options, self.make) = (name, options, make)
  }

  public static let all: [AttackKind] = [
    RandomSign.kind,
    TopKRelevance.kind,
    MassCenter.kind,
    TargetedRegion.kind,
    TargetMap.kind,
  ]

  /// - Throws: `AttackError` listing the valid names, the closest first.
  public static func named(_ name: String) throws(AttackError) -> AttackKind {
    try NameSuggestions.find(
      name, among: all, by: \.name, what: "attack", or: AttackError.init)
  }
}

extension AttackSpecification {
  /// What can be checked without heatmaps.
  /// - Throws: `AttackError` for unknown or repeated names, or an option that is missing or that no
  ///   method takes.
  public func check() throws(AttackError) {
    var wanted: Set<AttackKind.Option> = []
    for (index, name) in methods.enumerated() {
      wanted.formUnion(try AttackKind.named(name).options)
      if methods[..<index].contains(name) { throw AttackError("\"\(name)\" is given twice") }
    }
    for (option, isGiven) in [
      (AttackKind.Option.target, target != nil), (.logitWeight, logitWeight != nil),
      (.finalBeta, finalBeta != nil),
    ] where isGiven && !wanted.contains(option) {
      throw AttackError(
        "attack.\(option.rawValue) is for target-map, which is not among attack.methods")
    }
    if wanted.contains(.target), target == nil, images < 2 {
      throw AttackError(
        "target-map gives each image the map of the next one: attack at least 2 images, or give "
          + "attack.target")
    }
    switch (region, wanted.contains(.region)) {
    case (nil, true):
      throw AttackError(
        "targeted needs attack.region: [left, top, right, bottom] as shares of width and height, "
          + "e.g. [0, 0, 0.5, 0.5]")
    case (.some, false):
      throw AttackError("attack.region is for targeted, which is not among attack.methods")
    case (let region?, true):
      guard region.count == 4, region.allSatisfy({ (0...1).contains($0) }),
        region[0] < region[2], region[1] < region[3]
      else {
        throw AttackError(
          "attack.region is \(region), expected [left, top, right, bottom] with left < right and "
            + "top < bottom, all from 0 to 1")
      }
    default: break
    }
  }

  /// The attacks on heatmaps of a size.
  /// - Throws: `AttackError` as `check`, or for an option that does not fit the heatmaps.
  public func objectives(height: Int, width: Int) throws(AttackError) -> [any AttackObjective] {
    try check()
    var objectives: [any AttackObjective] = []
    for name in methods { objectives.append(try AttackKind.named(name).make(self, height, width)) }
    return objectives
  }
}

/// An attack that cannot be made: one sentence that says why and what to do.
public struct AttackError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
