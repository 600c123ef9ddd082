import TensorGraph

/// A step of a VGG's plan: a 3×3 convolution (with ReLU) given by its channels, or `"M"`, a 2×2
/// max pool.
public enum VGGStep: Codable, Hashable, Sendable {
  case convolution(channels: Int)
  case pool

  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let channels = try? value.decode(Int.self) {
      self = .convolution(channels: channels)
      return
    }
    guard let letter = try? value.decode(String.self), letter == "M" else {
      throw NetworkError(
        "vgg-style: a step of \"plan\" is neither a number of channels nor \"M\" for a max pool")
    }
    self = .pool
  }

  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .convolution(let channels): try value.encode(channels)
    case .pool: try value.encode("M")
    }
  }
}

/// A VGG by its plan: 3×3 convolutions with bias, optional batch norm, ReLU; then flatten in
/// channel, height, width order and a classifier `classifier.0`, ReLU, `classifier.2`, … with one
/// hidden layer for each number of `classifier`.
enum VGGStyle {
  static let families = [
    NetworkFamily("vgg-style", options: [.plan, .batchNorm, .classifier]) {
      (specification) throws(NetworkError) in
      guard let plan = specification.plan, !plan.isEmpty, plan.count <= maximumSteps else {
        throw NetworkError(
          "vgg-style needs \"plan\", 1 to \(maximumSteps) numbers of channels and \"M\" for max "
            + "pools, e.g. [32, \"M\", 64, \"M\"]")
      }
      let hidden = specification.classifier ?? []
      var (height, width) = (specification.height, specification.width)
      for step in plan {
        switch step {
        case .convolution(let channels):
          try Limits.check(positive: [("a convolution's channels", channels)], in: "vgg-style")
        case .pool:
          (height, width) = (height / 2, width / 2)
          guard height > 0, width > 0 else {
            throw NetworkError(
              "vgg-style: \(plan.count { $0 == .pool }) max pools leave nothing of a "
                + "\(specification.height)×\(specification.width) image")
          }
        }
      }
      for units in hidden {
        try Limits.check(positive: [("a hidden layer's width", units)], in: "vgg-style")
      }
      var builder = ArchitectureBuilder()
      var channels = specification.channels
      VGG.append(plan, batchNorm: specification.batchNorm ?? true, &channels, to: &builder)
      builder.append("flatten", .flatten)
      var inputs = height * width * channels
      for (index, units) in hidden.enumerated() {
        builder.append(
          "classifier.\(2 * index)", .dense(DenseLayer(inputs: inputs, outputs: units)))
        builder.append("classifier.\(2 * index + 1)", .relu)
        inputs = units
      }
      builder.append(
        "classifier.\(2 * hidden.count)",
        .dense(DenseLayer(inputs: inputs, outputs: specification.classes)))
      return try builder.architecture(specification, .uniform)
    }
  ]

  private static let maximumSteps = 1000
}
