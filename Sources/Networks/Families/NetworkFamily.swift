/// A name in recipes and the networks behind it.
///
/// A new network is one new file with its `NetworkFamily` values and one line in `all`.
public struct NetworkFamily: Sendable {
  public let name: String
  /// What it takes besides classes and image size.
  public let options: Set<ArchitectureSpecification.Option>
  let build: @Sendable (ArchitectureSpecification) throws(NetworkError) -> Architecture

  init(
    _ name: String, options: Set<ArchitectureSpecification.Option> = [],
    build: @escaping @Sendable (ArchitectureSpecification) throws(NetworkError) -> Architecture
  ) {
    (self.name, self.options, self.build) = (name, options, build)
  }

  public static let all: [NetworkFamily] =
    ResNet.families
    + CIFARResNet.families
    + DenseNet.families
    + VGG.families
    + VGGStyle.families
    + ResNetStyle.families
    + GraphNetwork.families

  /// - Throws: `NetworkError` listing the valid names, the closest first.
  public static func named(_ name: String) throws(NetworkError) -> NetworkFamily {
    guard let family = all.first(where: { $0.name == name }) else {
      throw NetworkError(
        "unknown network \"\(name)\": "
          + NameSuggestions.sentence(for: name, among: all.map(\.name)))
    }
    return family
  }
}
