import Networks

/// `network.architecture`, entry by entry.
struct ArchitectureEntries: Sendable {
  package var family = ""
  package var classes = 1
  package var height: Int?
  package var width: Int?
  package var channels = 3
  package var plan: [VGGStep]?
  package var batchNorm: Bool?
  package var classifier: [Int]?
  package var widths: [Int]?
  package var blocks: [Int]?
  package var graph: Architecture?

  package init() {}

  package init(_ specification: ArchitectureSpecification) {
    (family, classes) = (specification.family, specification.classes)
    (height, width) = (specification.height, specification.width)
    (channels, plan) = (specification.channels, specification.plan)
    (batchNorm, classifier) = (specification.batchNorm, specification.classifier)
    (widths, blocks, graph) = (specification.widths, specification.blocks, specification.graph)
  }

  /// - Parameter preprocessing: gives the size of the input where it is omitted.
  package func specification(_ preprocessing: PreprocessingEntries?) -> ArchitectureSpecification {
    let size = preprocessing?.outputSize
    return ArchitectureSpecification(
      family: family, classes: classes,
      height: height ?? size?.height ?? ArchitectureSpecification.defaultSide,
      width: width ?? size?.width ?? ArchitectureSpecification.defaultSide, channels: channels,
      plan: plan, batchNorm: batchNorm, classifier: classifier, widths: widths, blocks: blocks,
      graph: graph)
  }

  private static let extent = 1...(1 << 20)

  static let schema = RecipeSchema(
    ArchitectureEntries(),
    [
      .required(
        "family", \.family, .text(),
        "which network, e.g. `resnet18`; needed only if the file does not say"),
      .required("classes", \.classes, .integer(extent), "number of outputs"),
      .automatic(
        "height", \.height, .integer(extent), else: "that of the preprocessing, else 224",
        "rows of the input"),
      .automatic(
        "width", \.width, .integer(extent), else: "that of the preprocessing, else 224",
        "columns of the input"),
      .defaulted("channels", \.channels, .integer(extent), "of the input"),
      .automatic(
        "plan", \.plan, .plan, else: "`vgg-style`: required",
        "`vgg-style`: channels of each convolution, `M` for a max pool"),
      .automatic(
        "batchNorm", \.batchNorm, .truth, else: "true",
        "`vgg-style`: a batch norm after each convolution"),
      .automatic(
        "classifier", \.classifier,
        .list(of: .integer(extent), named: "integers", count: 0...1000),
        else: "`vgg-style`: none, VGGs: [4096, 4096]",
        "`vgg-style`, `vgg11` to `vgg19-bn`: widths of the hidden dense layers"),
      .automatic(
        "widths", \.widths, .list(of: .integer(extent), named: "integers", count: 1...1000),
        else: "`resnet-style`: required", "`resnet-style`: channels of each stage"),
      .automatic(
        "blocks", \.blocks, .list(of: .integer(extent), named: "integers", count: 1...1000),
        else: "`resnet-style`: required", "`resnet-style`: blocks in each stage"),
      .automatic(
        "graph", \.graph, .graph, else: "`graph`: required",
        "`graph`: the layers themselves, as in a checkpoint's attribute"),
    ])
}
