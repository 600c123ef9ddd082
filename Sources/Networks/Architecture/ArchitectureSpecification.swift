import TensorGraph

/// Which network to build, as a recipe or a checkpoint says it:
/// `{"family": "resnet18", "classes": 10, "height": 160, "width": 160}`.
public struct ArchitectureSpecification: Codable, Hashable, Sendable {
  /// What a family may ask for besides classes and image size.
  public enum Option: String, CodingKey, Hashable, Sendable, CaseIterable {
    case plan, batchNorm, classifier, widths, blocks, graph
  }

  /// ImageNet's convention, in pixels.
  public static let defaultSide = 224

  /// A name of `NetworkFamily.all`.
  public var family: String
  public var classes: Int
  public var height: Int
  public var width: Int
  public var channels: Int
  /// `vgg-style`: channels of each convolution, with poolings between, e.g. `[32, "M", 64, "M"]`.
  public var plan: [VGGStep]?
  /// `vgg-style`: whether each convolution is followed by a batch norm; yes if omitted.
  public var batchNorm: Bool?
  /// `vgg-style` and `vgg11` to `vgg19-bn`: widths of the hidden dense layers; if omitted, none of a
  /// `vgg-style`, and two of 4096 of the others.
  public var classifier: [Int]?
  /// `resnet-style`: channels of each stage.
  public var widths: [Int]?
  /// `resnet-style`: blocks in each stage.
  public var blocks: [Int]?
  /// `graph`: the layers themselves, e.g. as imported from another program.
  public var graph: Architecture?
  /// `graph`, of a Keras model: names of its layers that flatten images channels first, whichever
  /// order they have here. Nil if there are none.
  public var channelsFirstInKeras: [String]?

  public init(
    family: String, classes: Int, height: Int, width: Int, channels: Int = 3,
    plan: [VGGStep]? = nil, batchNorm: Bool? = nil, classifier: [Int]? = nil,
    widths: [Int]? = nil, blocks: [Int]? = nil, graph: Architecture? = nil,
    channelsFirstInKeras: [String]? = nil
  ) {
    (self.family, self.classes) = (family, classes)
    (self.height, self.width, self.channels) = (height, width, channels)
    (self.plan, self.batchNorm, self.classifier) = (plan, batchNorm, classifier)
    (self.widths, self.blocks, self.graph) = (widths, blocks, graph)
    self.channelsFirstInKeras = channelsFirstInKeras
  }

  /// [height, width, channels]; only for checked specifications.
  var inputShape: Shape { [height, width, channels] }

  /// The options that are set.
  var options: Set<Option> {
    var options: Set<Option> = []
    if plan != nil { options.insert(.plan) }
    if batchNorm != nil { options.insert(.batchNorm) }
    if classifier != nil { options.insert(.classifier) }
    if widths != nil { options.insert(.widths) }
    if blocks != nil { options.insert(.blocks) }
    if graph != nil { options.insert(.graph) }
    return options
  }

  /// The network itself.
  ///
  /// - Throws: `NetworkError` for an unknown family (listing the known ones), an option that the
  ///   family does not take, or sizes that do not fit.
  public func architecture() throws(NetworkError) -> Architecture {
    let family = try NetworkFamily.named(family)
    for option in options.subtracting(family.options).sorted(by: { $0.rawValue < $1.rawValue }) {
      let takers = NetworkFamily.all.filter { $0.options.contains(option) }.map(\.name)
      throw NetworkError(
        "\(family.name) takes no \"\(option.rawValue)\"; that is for "
          + takers.joined(separator: ", "))
    }
    try Limits.check(
      positive: [
        ("classes", classes), ("height", height), ("width", width), ("channels", channels),
      ], in: family.name)
    return try family.build(self)
  }

  // MARK: Coding

  private enum Key: String, CodingKey, CaseIterable {
    case family, classes, height, width, channels
    case plan, batchNorm, classifier, widths, blocks, graph, channelsFirstInKeras
  }

  /// Unknown keys are errors: a misspelt option must not be ignored. Height and width may be
  /// omitted where the preprocessing decides on them.
  public init(from decoder: any Decoder) throws {
    try decoder.rejectUnknownKeys(besides: Key.self, of: "network")
    let values = try decoder.container(keyedBy: Key.self)
    self.init(
      family: try values.decode(String.self, forKey: .family),
      classes: try values.decode(Int.self, forKey: .classes),
      height: try values.decodeIfPresent(Int.self, forKey: .height) ?? Self.defaultSide,
      width: try values.decodeIfPresent(Int.self, forKey: .width) ?? Self.defaultSide,
      channels: try values.decodeIfPresent(Int.self, forKey: .channels) ?? 3,
      plan: try values.decodeIfPresent([VGGStep].self, forKey: .plan),
      batchNorm: try values.decodeIfPresent(Bool.self, forKey: .batchNorm),
      classifier: try values.decodeIfPresent([Int].self, forKey: .classifier),
      widths: try values.decodeIfPresent([Int].self, forKey: .widths),
      blocks: try values.decodeIfPresent([Int].self, forKey: .blocks),
      graph: try values.decodeIfPresent(Architecture.self, forKey: .graph),
      channelsFirstInKeras: try values.decodeIfPresent(
        [String].self, forKey: .channelsFirstInKeras))
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(family, forKey: .family)
    try values.encode(classes, forKey: .classes)
    try values.encode(height, forKey: .height)
    try values.encode(width, forKey: .width)
    try values.encode(channels, forKey: .channels)
    try values.encodeIfPresent(plan, forKey: .plan)
    try values.encodeIfPresent(batchNorm, forKey: .batchNorm)
    try values.encodeIfPresent(classifier, forKey: .classifier)
    try values.encodeIfPresent(widths, forKey: .widths)
    try values.encodeIfPresent(blocks, forKey: .blocks)
    try values.encodeIfPresent(graph, forKey: .graph)
    try values.encodeIfPresent(channelsFirstInKeras, forKey: .channelsFirstInKeras)
  }
}
