import TensorGraph
import TensorReference

/// A classifier with everything that stands between convolutions in the networks that Trompe knows:
/// pooling of both kinds, a concatenation, a residual, a strided convolution; and a penalty on a
/// saliency map at a target layer, so that its derivatives hold slices, paddings and scatters of
/// activations.
public struct DensePoolNetwork: Sendable {
  public var channels = 16
  public var batch = 2
  public var height = 12
  public var width = 8
  private let classes = 3

  public init(channels: Int = 16, batch: Int = 2, height: Int = 12, width: Int = 8) {
    (self.channels, self.batch, self.height, self.width) = (channels, batch, height, width)
  }

  /// Outputs: the loss, the map [N, h, w, 1], the logits, then the gradient of every parameter in
  /// the order of their names.
  public func graph() throws -> Graph {
    var graph = GraphBuilder()
    let x = try graph.placeholder("images", shape: [batch, height, width, 3])
    let labels = try graph.placeholder("labels", shape: [batch], type: .int32)
    var parameters: [String: Value] = [:]
    func convolution(
      _ x: Value, _ name: String, _ filters: Int, _ size: Int, stride: Int = 1
    ) throws -> Value {
      let w = try graph.parameter("\(name)/weight", shape: [filters, size, size, x.shape[3]])
      let b = try graph.parameter("\(name)/bias", shape: [filters])
      (parameters["\(name)/weight"], parameters["\(name)/bias"]) = (w, b)
      let window = Window2D(size, stride: stride, padding: size / 2)
      return try graph.add(graph.convolution(x, w, window: window), b)
    }
    let stem = try graph.relu(convolution(x, "stem", channels, 3))
    let pooled = try graph.maxPool(stem, window: Window2D(2, stride: 2))
    graph.watch(pooled)
    let grown = try graph.relu(convolution(pooled, "grown", channels, 3))
    let joined = try graph.append(Concatenation(axis: 3), [pooled, grown])
    let narrowed = try convolution(joined, "narrowed", channels, 1)
    let sum = try graph.relu(graph.add(narrowed, pooled))
    let averaged = try graph.averagePool(sum, window: Window2D(2, stride: 2), countsPadding: false)
    let last = try graph.relu(convolution(averaged, "last", 2 * channels, 3, stride: 2))
    let dense = try graph.parameter("dense", shape: [2 * channels, classes])
    parameters["dense"] = dense
    let features = try graph.reshape(
      graph.mean(last, axes: [1, 2]), to: [batch, 2 * channels])
    let logits = try graph.matrixProduct(features, dense)
    let truth = try graph.oneHot(labels, depth: classes)
    let score = try graph.sum(graph.multiply(logits, truth))
    let saliency = try graph.sum(
      graph.absolute(graph.gradient(of: score, with: [pooled])[0]), axes: [3])
    let penalty = try graph.mean(graph.square(saliency))
    let loss = try graph.add(graph.crossEntropy(logits, labels: truth), penalty)
    let names = parameters.keys.sorted()
    let gradients = try graph.gradient(of: loss, with: names.map { parameters[$0]! })
    return graph.graph(outputs: [loss, saliency, logits] + gradients)
  }

  public func placeholders(using generator: inout SeededGenerator) -> [String: ReferenceArray] {
    [
      "images": .random([batch, height, width, 3], using: &generator).roundedToFloat,
      "labels": ReferenceArray(
        shape: [batch], values: (0..<batch).map { Double($0 % classes) }),
    ]
  }
}
