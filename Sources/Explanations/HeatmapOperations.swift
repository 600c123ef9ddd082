import Networks
import TensorGraph

extension NetworkGraph {
  /// Σ_n logit of the class that `classes` marks in row n: as images do not interact in frozen
  /// mode, its gradient with respect to image n is that of image n's class.
  func score(of classes: Value, in graph: inout GraphBuilder) throws -> Value {
    try graph.sum(graph.multiply(logits, checked(classes)))
  }

  /// `classes`, if it has a row for each image and a column for each class.
  func checked(_ classes: Value) throws(NetworkError) -> Value {
    guard classes.shape == logits.shape else {
      throw NetworkError(
        "\(architecture.name): classes \(classes.shape), expected one-hot rows \(logits.shape)")
    }
    return classes
  }

  /// The activation at a target layer, which must have height and width.
  func target(_ layer: String, for interpreter: String) throws -> Value {
    let activation = try activation(named: layer)
    guard activation.shape.rank == 4 else {
      throw NetworkError(
        "\(interpreter): layer \(layer) gives \(activation.shape), a heatmap needs [N, height, "
          + "width, channels]; choose a layer before the pooling or flattening")
    }
    return activation
  }
}

extension GraphBuilder {
  /// Sums over the channels: [N, h, w, C] to [N, h, w].
  mutating func sumChannels(_ x: Value) throws(ShapeError) -> Value {
    try reshape(sum(x, axes: [-1]), to: Shape(Array(x.shape.dimensions.dropLast())))
  }

  /// x / (max x + stabilizer) of each image, [N, h, w].
  mutating func dividedByMaximum(
    _ x: Value, stabilizer: Double
  ) throws(ShapeError) -> Value {
    try divide(x, add(maximum(of: x, axes: [1, 2]), stabilizer))
  }

  /// (x − min x) / (max x − min x + stabilizer) of each image, [N, h, w].
  mutating func minMaxScaled(_ x: Value, stabilizer: Double) throws(ShapeError) -> Value {
    let low = try minimum(of: x, axes: [1, 2])
    let range = try subtract(maximum(of: x, axes: [1, 2]), low)
    return try divide(subtract(x, low), add(range, stabilizer))
  }
}
