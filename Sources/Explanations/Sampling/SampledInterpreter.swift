import Networks
import TensorGraph

/// A method that averages over many passes of the network: heatmap = combine(mean over samples of
/// sample(variation)).
///
/// `heatmap` writes all samples into one graph. Where memory must not grow with their number, a
/// program that computes `sample` for a batch (or several side by side) is run again and again with
/// other variations, its results are added up, and a second program computes `combine`. A loss of the
/// heatmap is then differentiated in two passes: as a function of the mean, and each sample against
/// the derivative that this gives.
public protocol SampledInterpreter: Interpreter {
  var sampleCount: Int { get }

  /// What distinguishes one sample of one image from the others, without a batch axis: noise
  /// [H, W, C], or the position on a path [1, 1, 1]. A pure function of its arguments and the
  /// method's own seed; neither the batch nor the order of calls matters.
  /// - Parameters:
  ///   - architecture: of the network that is explained.
  ///   - sample: 0 ..< `sampleCount`.
  ///   - image: any number that identifies the image, e.g. its position in the data set.
  func variation(sample: Int, image: Int, of architecture: Architecture) -> Tensor

  /// The contribution of one sample for each image.
  /// - Parameters:
  ///   - network: lowered on the images of the sample.
  ///   - classes: one-hot rows, [N, classes].
  ///   - graph: what the contribution is appended to.
  ///   - variation: [N] + the shape of `variation(sample:image:of:)`.
  func sample(
    of network: NetworkGraph, classes: Value, variation: Value, in graph: inout GraphBuilder
  ) throws -> Value

  /// The heatmaps [N, h, w], of the mean of all samples (shaped as one sample).
  func combine(
    mean: Value, of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value
}

extension SampledInterpreter {
  /// All samples in one graph. Noise is fixed when the graph is built and the same at every run:
  /// that of image number n for row n of the batch.
  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let images = Array(0..<network.input.shape[0])
    var total: Value?
    for sample in 0..<sampleCount {
      let variation = try graph.constant(
        variations(sample: sample, images: images, of: network.architecture))
      let contribution = try self.sample(
        of: network, classes: classes, variation: variation, in: &graph)
      total = try total.map { try graph.add($0, contribution) } ?? contribution
    }
    guard let total else { preconditionFailure("\(name): at least one sample") }
    return try combine(
      mean: graph.multiply(total, 1 / Double(sampleCount)), of: network, classes: classes,
      in: &graph)
  }

  public func combine(
    mean: Value, of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value { mean }

  /// The variations of one sample for a batch of images, [N] + the shape of one.
  public func variations(
    sample: Int, images: [Int], of architecture: Architecture
  ) -> Tensor {
    precondition(!images.isEmpty, "no images")
    var values: [Float] = []
    var shape = Shape.scalar
    for image in images {
      let one = variation(sample: sample, image: image, of: architecture)
      if values.isEmpty { values.reserveCapacity(images.count * one.values.count) }
      values += one.values
      shape = one.shape
    }
    return Tensor(shape: Shape([images.count] + shape.dimensions), values: values)
  }
}

/// Numbers of samples and steps that a recipe may ask for.
enum SampleLimits {
  static let samples = 1...10_000
}

extension GraphBuilder {
  /// The network on another input, which simplification takes as given so that gradients can be
  /// taken with respect to it.
  mutating func lowered(_ network: NetworkGraph, on input: Value) throws -> NetworkGraph {
    watch(input)
    return try network.lowered(on: input, in: &self)
  }
}
