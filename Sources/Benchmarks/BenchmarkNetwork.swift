import Networks

/// A network that is timed: its architecture, batch and the layer at which it is explained.
public struct BenchmarkNetwork: Hashable, Sendable {
  /// The family: the name that selects it.
  public let name: String
  /// Height and width of its images.
  public var side: Int
  public var batchSize: Int
  public let classes: Int
  /// As in Heo, Joo, Moon 2019: what enters the last convolution or the last bottleneck, or the end
  /// of the last dense block.
  public let targetLayer: String

  public static let all = [
    BenchmarkNetwork(
      name: "vgg19", side: 224, batchSize: 8, classes: 1000, targetLayer: "features.33"),
    BenchmarkNetwork(
      name: "resnet50", side: 224, batchSize: 8, classes: 1000, targetLayer: "layer4.1"),
    BenchmarkNetwork(
      name: "densenet121", side: 224, batchSize: 8, classes: 1000,
      targetLayer: "features.denseblock4"),
    BenchmarkNetwork(
      name: "resnet18", side: 160, batchSize: 8, classes: 10, targetLayer: "layer3"),
    BenchmarkNetwork(
      name: "cifar-resnet56", side: 32, batchSize: 128, classes: 10, targetLayer: "layer3"),
    BenchmarkNetwork(
      name: "mobilenet-v2", side: 224, batchSize: 8, classes: 1000, targetLayer: "features.16"),
    BenchmarkNetwork(
      name: "efficientnet-lite0", side: 224, batchSize: 8, classes: 1000,
      targetLayer: "_blocks.14"),
  ]

  /// - Throws: `NetworkError` that lists the names there are.
  public init(named name: String) throws {
    guard let known = Self.all.first(where: { $0.name == name }) else {
      throw NetworkError(
        "no benchmark of \(name): "
          + NameSuggestions.sentence(for: name, among: Self.all.map(\.name)))
    }
    self = known
  }

  private init(name: String, side: Int, batchSize: Int, classes: Int, targetLayer: String) {
    (self.name, self.side, self.batchSize) = (name, side, batchSize)
    (self.classes, self.targetLayer) = (classes, targetLayer)
  }

  var specification: ArchitectureSpecification {
    ArchitectureSpecification(family: name, classes: classes, height: side, width: side)
  }
}
