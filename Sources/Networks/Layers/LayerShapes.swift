import TensorGraph

extension Layer {
  /// The shape of the result for inputs of these shapes, all without the batch axis.
  ///
  /// - Throws: `NetworkError` where they do not fit; the shape rules are those of the operations.
  package func outputShape(of inputs: [Shape]) throws(NetworkError) -> Shape {
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
    case .average, .maximum, .subtract:
      try expect(inputs, exactly: self == .subtract ? 2 : nil)
      for other in inputs where other != inputs[0] {
        throw NetworkError("\(kind.rawValue): inputs \(inputs[0]) and \(other) differ")
      }
      return inputs[0]
    case .multiply, .divide:
      try expect(inputs, exactly: self == .divide ? 2 : nil)
      var shape = inputs[0]
      for other in inputs.dropFirst() {
        guard other.rank == shape.rank else {
          throw NetworkError("\(kind.rawValue): inputs \(shape) and \(other) have other axes")
        }
        do { shape = try Shape.broadcast(shape, other, in: kind.rawValue) } catch {
          throw NetworkError(error.description)
        }
      }
      return shape
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
      if x.rank == 3, x[2] == layer.inputs { return [x[0], x[1], layer.outputs] }
      guard x.rank == 1, x[0] == layer.inputs else {
        let hint = x.rank == 3 ? " (is a flatten missing?)" : ""
        throw NetworkError("dense: input \(x), expected [\(layer.inputs)]\(hint)")
      }
      return [layer.outputs]
    case .relu, .dropout, .activation, .reverseChannels: return x
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
    case .prelu(let layer):
      guard let whole = try? Shape.broadcast(Shape(layer.slopes), x, in: "prelu"), whole == x else {
        throw NetworkError("prelu: input \(x), slopes \(Shape(layer.slopes)) do not fit")
      }
      return x
    case .layerNorm(let layer):
      guard x.rank >= layer.extents.count,
        Array(x.dimensions.suffix(layer.extents.count)) == layer.extents
      else {
        throw NetworkError("layer norm: input \(x), expected it to end in \(Shape(layer.extents))")
      }
      return x
    case .layerScale(let channels), .normalization(let channels):
      guard x[-1] == channels else {
        throw NetworkError(
          "\(kind.rawValue): input \(x) has \(x[-1]) channels, \(channels) expected")
      }
      return x
    case .rescale(let layer):
      for count in [layer.scale.count, layer.offset.count] where count != 1 && count != x[-1] {
        throw NetworkError("rescale: \(count) numbers for the \(x[-1]) channels of \(x)")
      }
      return x
    case .reshape(let extents):
      let shape = Shape(extents)
      guard shape.count == x.count else {
        throw NetworkError(
          "reshape: input \(x) has \(x.count) elements, \(shape) has \(shape.count)")
      }
      return shape
    case .permute(let order):
      guard order.sorted() == Array(0..<x.rank) else {
        throw NetworkError("permute: \(order) does not permute the axes of \(x)")
      }
      return Shape(order.map { x[$0] })
    case .resize(let layer):
      try expectImage(x)
      return [layer.height, layer.width, x[2]]
    case .crop(let top, let left, let bottom, let right):
      try expectImage(x)
      guard top + bottom < x[0], left + right < x[1] else {
        throw NetworkError(
          "crop: \(top) and \(bottom) rows, \(left) and \(right) columns leave nothing of \(x)")
      }
      return [x[0] - top - bottom, x[1] - left - right, x[2]]
    case .spatialDropout:
      try expectImage(x)
      return x
    case .add, .concatenate, .average, .maximum, .subtract, .multiply, .divide:
      preconditionFailure("handled above")
    }
  }

  private func expect(_ inputs: [Shape], exactly count: Int?) throws(NetworkError) {
    guard count.map({ inputs.count == $0 }) ?? (inputs.count >= 2) else {
      throw NetworkError(
        "\(kind.rawValue): \(inputs.count) inputs, expected \(count.map { "\($0)" } ?? "at least 2")"
      )
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
