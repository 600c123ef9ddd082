import Networks

/// A name in recipes and the fooling behind it.
public struct FoolingKind: Sendable {
  public let name: String
  let make: @Sendable (FoolingSpecification) -> any Fooling

  init(_ name: String, make: @escaping @Sendable (FoolingSpecification) -> any Fooling) {
    (self.name, self.make) = (name, make)
  }

  public static let all: [FoolingKind] = [
    Location.kind
  ]

  /// - Throws: `RunError` listing the valid names, the closest first.
  public static func named(_ name: String) throws(RunError) -> FoolingKind {
    guard let kind = all.first(where: { $0.name == name }) else {
      throw RunError(
        "unknown fooling \"\(name)\": "
          + NameSuggestions.sentence(for: name, among: all.map(\.name))
      )
    }
    return kind
  }
}

extension FoolingSpecification {
  /// - Throws: `RunError` for an unknown name.
  public func fooling() throws(RunError) -> any Fooling { try FoolingKind.named(name).make(self) }
}
