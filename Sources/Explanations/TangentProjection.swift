import Networks
import TensorGraph

/// Where the tangent spaces of the data come from that a projection needs.
public protocol TangentSource: AnyObject, Sendable {
  /// Orthonormal bases of the tangent spaces at images, [images, dimensions, samples of an image].
  /// - Parameters:
  ///   - images: as the network sees them, one after the other.
  ///   - classes: of each image, whose training images are its neighbours.
  ///   - neighbours: training images from which a tangent space is estimated.
  ///   - dimensions: of each space; directions that the neighbours do not span are 0.
  func bases(
    of images: [Float], classes: [Int32], neighbours: Int, dimensions: Int
  ) throws -> [Float]
}

/// g ← V Vᵀ g: the part of a gradient at the input that lies in the tangent space of the data.
///
/// V has the leading right singular vectors of the differences of an image's nearest training images
/// from their mean. Anders et al. 2020, Section 4. A network can be changed where no data are without
/// changing a prediction; what such a change adds to the gradient is orthogonal to the data.
/// - Note: the image itself is none of its neighbours, nor are its equals. The released code counts it
///   as one of them by default.
public struct TangentProjection: Codable, Hashable, Sendable {
  // The settings of the fairwashing experiments on images.
  public static let defaultNeighbours = 32
  public static let defaultDimensions = 16
  public static let neighbourRange = 2...4096

  public var neighbours: Int
  public var dimensions: Int
  /// A folder of training images with one folder for each class; those of the run if `nil`.
  public var images: String?
  /// Fills in what a program needs for its batches; neither compared nor saved.
  public var source: (any TangentSource)?

  public init(
    neighbours: Int = defaultNeighbours, dimensions: Int = defaultDimensions,
    images: String? = nil, source: (any TangentSource)? = nil
  ) {
    (self.neighbours, self.dimensions) = (neighbours, dimensions)
    (self.images, self.source) = (images, source)
  }

  /// - Throws: `NetworkError` for numbers that make no projection.
  func validate(_ name: String) throws(NetworkError) {
    guard Self.neighbourRange.contains(neighbours) else {
      throw NetworkError(
        "\(name): projected.neighbours is \(neighbours), expected "
          + "\(Self.neighbourRange.lowerBound) to \(Self.neighbourRange.upperBound)")
    }
    guard dimensions > 0, dimensions < neighbours else {
      throw NetworkError(
        "\(name): projected.dimensions is \(dimensions), expected 1 to \(neighbours - 1): the "
          + "differences of \(neighbours) neighbours from their mean span no more")
    }
  }

  /// Of the bases, [N, dimensions, H·W·C], in every program that needs them.
  public var placeholder: String {
    "tangents.\(neighbours).\(dimensions)" + (images.map { ".\($0)" } ?? "")
  }

  /// V Vᵀ g of every image, for g [N, H, W, C].
  func callAsFunction(_ gradient: Value, in graph: inout GraphBuilder) throws -> Value {
    let (images, samples) = (
      gradient.shape[0], gradient.shape.count / max(gradient.shape[0], 1)
    )
    let bases = try graph.placeholder(placeholder, shape: [images, dimensions, samples])
    let flat = try graph.reshape(gradient, to: [images, 1, samples])
    let coordinates = try graph.sum(graph.multiply(bases, flat), axes: [2])
    let projected = try graph.sum(graph.multiply(bases, coordinates), axes: [1])
    return try graph.reshape(projected, to: gradient.shape)
  }

  // MARK: Equality and coding, of what a recipe says

  public static func == (a: Self, b: Self) -> Bool {
    (a.neighbours, a.dimensions, a.images) == (b.neighbours, b.dimensions, b.images)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(neighbours)
    hasher.combine(dimensions)
    hasher.combine(images)
  }

  enum CodingKeys: String, CodingKey, CaseIterable { case neighbours, dimensions, images }

  /// Unknown keys are errors: a misspelt option must not be ignored.
  public init(from decoder: any Decoder) throws {
    try decoder.rejectUnknownKeys(besides: CodingKeys.self, of: "projected")
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      neighbours: try values.decodeIfPresent(Int.self, forKey: .neighbours)
        ?? Self.defaultNeighbours,
      dimensions: try values.decodeIfPresent(Int.self, forKey: .dimensions)
        ?? Self.defaultDimensions,
      images: try values.decodeIfPresent(String.self, forKey: .images))
  }
}

/// A method that is a function of the logit's gradient at the input, which may be projected.
public protocol GradientInterpreter: Interpreter {
  /// What becomes of the gradient before anything else; it stays as it is if `nil`.
  var projection: TangentProjection? { get set }
}

extension GradientInterpreter {
  public var projections: [TangentProjection] { [projection].compactMap(\.self) }

  /// ∂ Σ_n logit / ∂x at the network's input, projected where there is a projection.
  func inputGradient(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let score = try network.score(of: classes, in: &graph)
    let gradient = try graph.gradient(of: score, with: [network.input])[0]
    return try projection.map { try $0(gradient, in: &graph) } ?? gradient
  }
}
