/// What the networks of `keras.applications` have in common.
enum KerasHead {
  /// keras/src/applications/resnet.py, densenet.py
  static let epsilon = 1.001e-5
  /// keras.layers.BatchNormalization: 0.99 of the old statistics are kept.
  static let momentum = 1 - 0.99

  static func batchNorm(_ channels: Int) -> Layer {
    .batchNorm(BatchNormLayer(channels: channels, epsilon: epsilon, momentum: momentum))
  }

  /// `avg_pool`, [C]; before it is a row, `avg_pool.mean`, [1, 1, C].
  static func appendAverage(to builder: inout ArchitectureBuilder) {
    builder.append("avg_pool.mean", .globalAveragePool)
    builder.append("avg_pool", .flatten(order: .channelsLast))
  }

  /// `predictions`, a softmax whose logits are `predictions.linear`.
  static func appendPredictions(
    _ inputs: Int, _ classes: Int, to builder: inout ArchitectureBuilder
  ) {
    builder.append(
      "predictions", .dense(DenseLayer(inputs: inputs, outputs: classes)), activation: .softmax)
  }
}
