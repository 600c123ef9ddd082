import TensorGraph

extension Layer {
  /// The shape of the result for inputs of these shapes, all without the batch axis.
  ///
  /// - Throws: `NetworkError` where they do not fit; the shape rules are those of the operations.
  func outputShape(of inputs: [Shape]) throws(NetworkError) -> Shape {
    switch self {
    case .add:
      guard inputs.count >= 2 else {
        throw NetworkError("add: \(inputs.count) inputs, expected at least 2")
      }
      for other in inputs where other != inputs[0] {
        throw NetworkError("add: inputs \(inputs[0]) and \(other) differ")
      }
      return inputs[0]
    case .concatenate:
      guard let first = inputs.first else { throw NetworkError("concatenate: no inputs") }
      for other in inputs
      where other.rank != first.rank || other.dimensions.dropLast() != first.dimensions.dropLast() {
        throw NetworkError("concatenate: inputs \(first) and \(other) differ before the channels")
      }
      return first.replacing(axis: -1, with: inputs.reduce(0) { $0 + $1[-1] })
    default: break
    }
    guard inputs.count == 1 else {
      throw NetworkError("\(kind.rawValue): \(inputs.count) inputs, expected 1")
    }
    let x = inputs[0]
    switch self {
    case .convolution(let layer):
      return try image(
        Convolution(window: layer.window, groups: layer.groups), x, layer.weightShape)
    case .maxPool(let window): return try image(MaxPoolIndex(window: window), x)
    case .averagePool(let window, let countsPadding):
      return try image(AveragePool(window: window, countsPadding: countsPadding), x)
    case .batchNorm(let layer):
      guard x[-1] == layer.channels else {
        throw NetworkError(
          "batch norm: input \(x) has \(x[-1]) channels, \(layer.channels) expected")
      }
      return x
    case .dense(let layer):
      guard x.rank == 1, x[0] == layer.inputs else {
        let hint = x.rank == 3 ? " (is a flatten missing?)" : ""
        throw NetworkError("dense: input \(x), expected [\(layer.inputs)]\(hint)")
      }
      return [layer.outputs]
    case .relu, .dropout: return x
    case .softmax:
      guard x.rank == 1 else { throw NetworkError("softmax: input \(x), expected a vector") }
      return x
    case .flatten: return [x.count]
    case .adaptiveAveragePool(let height, let width):
      try expectImage(x)
      return [height, width, x[2]]
    case .globalAveragePool:
      try expectImage(x)
      return [1, 1, x[2]]
    case .subsampleAndPadChannels(let stride, let before, let after):
      try expectImage(x)
      return [
        (x[0] + stride - 1) / stride, (x[1] + stride - 1) / stride, before + x[2] + after,
      ]
    case .zeroPadding(let top, let left, let bottom, let right):
      try expectImage(x)
      return [top + x[0] + bottom, left + x[1] + right, x[2]]
    case .add, .concatenate: preconditionFailure("handled above")
    }
  }

  private func expectImage(_ x: Shape) throws(NetworkError) {
    guard x.rank == 3 else {
      throw NetworkError("\(kind.rawValue): input \(x), expected [height, width, channels]")
    }
  }

  /// The operation's own rule, for a batch of one.
  private func image(
    _ operation: some Operation, _ x: Shape, _ filter: Shape? = nil
  ) throws(NetworkError) -> Shape {
    try expectImage(x)
    let batch = Shape([1] + x.dimensions)
    do {
      let result = try operation.resultShape(of: [batch] + (filter.map { [$0] } ?? []))
      return Shape(Array(result.dimensions.dropFirst()))
    } catch {
      throw NetworkError(error.description)
    }
  }
}
