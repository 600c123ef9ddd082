import TensorGraph
import TensorReference

/// A small residual classifier with a penalty on its own input gradient: the shape of program that
/// the engine exists for.
///
/// Each block is relu(x + conv(relu(conv(x) + b)) + b); the loss is the cross-entropy plus the mean
/// square of the distance between abs(∂logit/∂x), summed over channels and divided by its total,
/// and a mask.
public struct ResidualNetwork: Sendable {
  public var blocks = 2
  public var channels = 4
  public var extent = 6
  public var batch = 2
  public var classes = 3

  public init(
    blocks: Int = 2, channels: Int = 4, extent: Int = 6, batch: Int = 2, classes: Int = 3
  ) {
    (self.blocks, self.channels, self.extent) = (blocks, channels, extent)
    (self.batch, self.classes) = (batch, classes)
  }

  /// Outputs: the loss, the heatmap [N, H, W, 1], the logits, then the gradient of every parameter
  /// in the order of their names.
  public func graph() throws -> Graph {
    var graph = GraphBuilder()
    let x = try graph.placeholder("images", shape: [batch, extent, extent, 3])
    let labels = try graph.placeholder("labels", shape: [batch], type: .int32)
    let mask = try graph.placeholder("mask", shape: [1, extent, extent, 1])
    var parameters: [String: Value] = [:]
    func parameter(_ name: String, _ shape: Shape) throws -> Value {
      let value = try graph.parameter(name, shape: shape)
      parameters[name] = value
      return value
    }
    func convolution(_ x: Value, _ name: String) throws -> Value {
      let w = try parameter("\(name)/weight", [channels, 3, 3, x.shape[3]])
      let b = try parameter("\(name)/bias", [channels])
      return try graph.add(graph.convolution(x, w, window: Window2D(3, padding: 1)), b)
    }
    var y = try graph.relu(convolution(x, "stem"))
    for block in 0..<blocks {
      let inner = try graph.relu(convolution(y, "block\(block)/first"))
      y = try graph.relu(graph.add(convolution(inner, "block\(block)/second"), y))
    }
    let pooled = try graph.reshape(graph.mean(y, axes: [1, 2]), to: [batch, channels])
    let dense = try parameter("dense", [channels, classes])
    let logits = try graph.matrixProduct(pooled, dense)
    let truth = try graph.oneHot(labels, depth: classes)
    let score = try graph.sum(graph.multiply(logits, truth))
    let saliency = try graph.sum(
      graph.absolute(graph.gradient(of: score, with: [x])[0]), axes: [3])
    let heatmap = try graph.divide(saliency, graph.sum(saliency, axes: [1, 2]))
    let penalty = try graph.mean(graph.square(graph.subtract(heatmap, mask)))
    let loss = try graph.add(graph.crossEntropy(logits, labels: truth), penalty)
    let names = parameters.keys.sorted()
    let gradients = try graph.gradient(of: loss, with: names.map { parameters[$0]! })
    return graph.graph(outputs: [loss, heatmap, logits] + gradients)
  }

  public func images(using generator: inout SeededGenerator) -> [String: ReferenceArray] {
    [
      "images": .random([batch, extent, extent, 3], using: &generator).roundedToFloat,
      "labels": ReferenceArray(
        shape: [batch], values: (0..<batch).map { Double($0 % classes) }),
      "mask": .random([1, extent, extent, 1], in: 0...1, using: &generator).roundedToFloat,
    ]
  }

  public func parameters(
    of graph: Graph, using generator: inout SeededGenerator
  ) -> [String: ReferenceArray] {
    var arrays: [String: ReferenceArray] = [:]
    for (name, id) in graph.parameters.sorted(by: { $0.key < $1.key }) {
      let shape = graph.nodes[id].shape
      let width = 1.5 / Double(shape.count / shape[0]).squareRoot()
      arrays[name] = .random(shape, in: -width...width, using: &generator).roundedToFloat
    }
    return arrays
  }
}
