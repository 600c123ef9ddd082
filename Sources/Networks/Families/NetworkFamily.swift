/// What a network's weights were trained to take for an image: the `mode` of Keras's
/// `imagenet_utils.preprocess_input`.
public enum PixelConvention: String, Hashable, Sendable, CaseIterable {
  /// Red, green, blue in [0, 1], less ImageNet's mean, over its standard deviation.
  case torch
  /// Blue, green, red in [0, 255], less ImageNet's mean.
  case caffe
  /// Red, green, blue in [-1, 1].
  case tf
  /// Red, green, blue less 127, over 128: EfficientNet-Lite.
  case lite
}

/// A name in recipes and the networks behind it.
///
/// A new network is one new file with its `NetworkFamily` values and one line in `all`.
public struct NetworkFamily: Sendable {
  public let name: String
  /// What it takes besides classes and image size.
  public let options: Set<ArchitectureSpecification.Option>
  /// How its published weights expect the pixels.
  public let pixels: PixelConvention
  let build: @Sendable (ArchitectureSpecification) throws(NetworkError) -> Architecture

  init(
    _ name: String, options: Set<ArchitectureSpecification.Option> = [],
    pixels: PixelConvention = .torch,
    build: @escaping @Sendable (ArchitectureSpecification) throws(NetworkError) -> Architecture
  ) {
    (self.name, self.options, self.pixels, self.build) = (name, options, pixels, build)
  }

  public static let all: [NetworkFamily] =
    ResNet.families
    + CIFARResNet.families
    + CIFARWideResNet.families
    + DenseNet.families
    + VGG.families
    + AlexNet.families
    + MobileNet.families
    + EfficientNet.families
    + ConvNeXt.families
    + VGGStyle.families
    + ResNetStyle.families
    + KerasVGG.families
    + KerasResNet.families
    + KerasDenseNet.families
    + GraphNetwork.families

  /// - Throws: `NetworkError` listing the valid names, the closest first.
  public static func named(_ name: String) throws(NetworkError) -> NetworkFamily {
    try NameSuggestions.find(
      name, among: all, by: \.name, what: "network", or: NetworkError.init)
  }
}
