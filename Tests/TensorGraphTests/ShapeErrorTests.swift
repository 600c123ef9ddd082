import TensorGraph
import Testing

/// The exact texts of the errors that a user can cause.
struct ShapeErrorTests {
  private func expect(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ build: (inout GraphBuilder) throws -> Value
  ) {
    for simplifies in [true, false] {
      var builder = GraphBuilder(simplifies: simplifies)
      do {
        let value = try build(&builder)
        Issue.record("no error, shape \(value.shape)", sourceLocation: sourceLocation)
      } catch {
        #expect("\(error)" == text, sourceLocation: sourceLocation)
      }
    }
  }

  private func expect(
    _ text: String, _ operation: any Operation, _ operands: Shape...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expect(text, sourceLocation: sourceLocation) { graph in
      var values: [Value] = []
      for (position, shape) in operands.enumerated() {
        values.append(try graph.placeholder("x\(position)", shape: shape))
      }
      return try graph.append(operation, values)
    }
  }

  @Test func convolutions() {
    expect(
      "convolution: input [1, 8, 8, 3] has 3 channels, filter [2, 3, 3, 5] expects 5",
      Convolution(window: Window2D(3)), [1, 8, 8, 3], [2, 3, 3, 5])
    expect(
      "convolution: input [1, 8, 8, 6] has 6 channels, filter [2, 3, 3, 6] expects 6 in each of 2 groups",
      Convolution(window: Window2D(3), groups: 2), [1, 8, 8, 6], [2, 3, 3, 6])
    expect(
      "convolution: filter [2, 5, 5, 3] for a 3×3 window",
      Convolution(window: Window2D(3)), [1, 8, 8, 3], [2, 5, 5, 3])
    expect(
      "convolution: filter [2, 3] is not [K, R, S, C]",
      Convolution(window: Window2D(3)), [1, 8, 8, 3], [2, 3])
    expect(
      "convolution: input [8, 8, 3] is not [N, H, W, C]",
      Convolution(window: Window2D(3)), [8, 8, 3], [2, 3, 3, 3])
    expect(
      "convolution: a 5×5 window does not fit input [1, 2, 8, 3] padded by (1, 1, 1, 1)",
      Convolution(window: Window2D(5, padding: 1)), [1, 2, 8, 3], [2, 5, 5, 3])
    expect(
      "convolution: 1 operands given, 2 expected", Convolution(window: Window2D(3)), [1, 8, 8, 3])
    expect(
      "convolution input gradient: cotangent [1, 5, 5, 2], expected [1, 6, 6, 2] for input [1, 8, 8, 3]",
      ConvolutionInputGradient(window: Window2D(3), inputShape: [1, 8, 8, 3]),
      [1, 5, 5, 2], [2, 3, 3, 3])
    expect(
      "convolution filter gradient: cotangent [2, 6, 6, 2], expected [1, 6, 6, K] for input [1, 8, 8, 3]",
      ConvolutionFilterGradient(window: Window2D(3)), [1, 8, 8, 3], [2, 6, 6, 2])
    expect(
      "convolution filter gradient: 2 groups do not divide the channels of [1, 8, 8, 3] and [1, 6, 6, 2]",
      ConvolutionFilterGradient(window: Window2D(3), groups: 2), [1, 8, 8, 3], [1, 6, 6, 2])
    expect(
      "convolution filter gradient: 0 groups do not divide the channels of [1, 8, 8, 3] and [1, 6, 6, 2]",
      ConvolutionFilterGradient(window: Window2D(3), groups: 0), [1, 8, 8, 3], [1, 6, 6, 2])
  }

  @Test func pooling() {
    expect(
      "max-pool index: a 17×16 window has over 256 taps",
      MaxPoolIndex(window: Window2D(height: 17, width: 16)), [1, 20, 20, 1])
    expect(
      "max-pool select: index [1, 3, 3, 1], expected [1, 4, 4, 1]",
      MaxPoolSelect(window: Window2D(2, stride: 2)), [1, 8, 8, 1], [1, 3, 3, 1])
    expect(
      "max-pool scatter: cotangent [1, 4, 4, 1] and index [1, 3, 3, 1], expected [1, 4, 4, 1]",
      MaxPoolScatter(window: Window2D(2, stride: 2), inputShape: [1, 8, 8, 1]),
      [1, 4, 4, 1], [1, 3, 3, 1])
    expect(
      "average pool gradient: cotangent [1, 3, 3, 1], expected [1, 4, 4, 1]",
      AveragePoolGradient(window: Window2D(2, stride: 2), inputShape: [1, 8, 8, 1]), [1, 3, 3, 1])
    expect(
      "average pool: row 0 of windows lies on the padding (2, 2) of [1, 4, 4, 1] alone",
      AveragePool(window: Window2D(2, padding: 2)), [1, 4, 4, 1])
    // The taps of the first window lie at rows -5 and -2.
    expect(
      "max-pool index: row 0 of windows lies on the padding (5, 0) of [1, 4, 4, 1] alone",
      MaxPoolIndex(window: Window2D(height: 2, width: 1, dilationY: 3, top: 5)), [1, 4, 4, 1])
    // Taps at columns -1 and 1 of an image one pixel wide.
    expect(
      "average pool: column 0 of windows lies on the padding (1, 1) of [1, 1, 1, 1] alone",
      AveragePool(window: Window2D(height: 1, width: 2, dilationX: 2, left: 1, right: 1)),
      [1, 1, 1, 1])
  }

  @Test func pointwise() {
    expect("add: [2, 3] and [3, 2] differ", Binary(.add), [2, 3], [3, 2])
    expect("multiply: [2, 3] and [3, 2] do not broadcast: 2 against 3") {
      try $0.multiply($0.placeholder("x", shape: [2, 3]), $0.placeholder("y", shape: [3, 2]))
    }
    expect("select: [2], [2] and [3] differ", Select(), [2], [2], [3])
    expect("relu: 2 operands given, 1 expected", Unary(.relu), [2], [2])
  }

  @Test func layout() {
    expect("broadcast: [2, 3] does not spread to [1, 3]", Broadcast(to: [1, 3]), [2, 3])
    expect(
      "broadcast: [2, 3] and [2, 4] do not broadcast: 3 against 4", Broadcast(to: [2, 4]), [2, 3])
    expect("reshape: [2, 3] has 6 elements, [4] has 4", Reshape(to: [4]), [2, 3])
    expect("transpose: [0, 0] does not permute the axes of [2, 3]", Transpose([0, 0]), [2, 3])
    expect(
      "slice: [0]..<[4] by [1] leaves [3]", Slice(start: [0], limit: [4], step: [1]), [3])
    expect(
      "slice: [0]..<[4] by [1] for [3, 3]", Slice(start: [0], limit: [4], step: [1]), [3, 3])
    expect("pad: [-1], [0], [0] for [3]", Pad(low: [-1], high: [0], interior: [0]), [3])
    expect("concatenation: no axis 1 in [[3], [3]]", Concatenation(axis: 1), [3], [3])
    expect(
      "concatenation: [2, 3] and [3, 3] differ beside axis 1", Concatenation(axis: 1),
      [2, 3], [3, 3])
  }

  @Test func reductions() {
    expect("reduce sum: [2, 3] has no axis 2", Reduction(.sum, axes: [2]), [2, 3])
    expect("reduce maximum: [1, 3] has no axis -2", Reduction(.maximum, axes: [-2]), [1, 3])
    expect("argmax: a scalar has no axis", ArgMax(), [])
    expect("top-k mask: 4 of the last axis of [2, 3]", TopKMask(count: 4), [2, 3])
    expect("top-k mask: 0 of the last axis of [2, 3]", TopKMask(count: 0), [2, 3])
  }

  @Test func matrixProduct() {
    expect(
      "matrix product: [2, 3] has 3 columns, [2, 3] has 2 rows", MatrixProduct(), [2, 3], [2, 3])
    expect(
      "matrix product: [2, 3]ᵀ has 2 columns, [3, 4]ᵀ has 4 rows",
      MatrixProduct(transposesLeft: true, transposesRight: true), [2, 3], [3, 4])
    expect("matrix product: [2] and [2, 3] are not both matrices", MatrixProduct(), [2], [2, 3])
  }

  @Test func softmax() {
    expect("log-softmax: logits [3] are not [N, K]") {
      try $0.logSoftmax($0.placeholder("x", shape: [3]))
    }
    expect("cross-entropy: logits [2, 3] and labels [2] are not both [N, K]") {
      try $0.crossEntropy(
        $0.placeholder("x", shape: [2, 3]), labels: $0.placeholder("y", shape: [2]))
    }
  }

  @Test func gradient() {
    expect("gradient: the target has shape [2], a scalar or a seed of that shape is needed") {
      let x = try $0.placeholder("x", shape: [2])
      return try $0.gradient(of: x, with: [x])[0]
    }
    expect("gradient: seed [3] for a target of shape [2]") {
      let x = try $0.placeholder("x", shape: [2])
      return try $0.gradient(of: x, with: [x], seed: $0.constant(1, shape: [3]))[0]
    }
  }
}
