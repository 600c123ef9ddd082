import Networks
import TensorGraph

/// A convolution, dense layer or frozen batch norm as a map that is linear in x and in w: what the
/// rules with weights have in common.
struct AffineMap {
  enum Product {
    case convolution(Window2D, groups: Int)
    case dense
    /// One factor for each channel.
    case scale
  }

  let product: Product
  let inputShape: Shape
  let weight: Value
  let bias: Value?

  init(_ step: NetworkGraph.Step, weight: Value, bias: Value?) {
    switch step.layer {
    case .convolution(let layer): product = .convolution(layer.window, groups: layer.groups)
    case .dense: product = .dense
    case .batchNorm: product = .scale
    default: preconditionFailure("\(step.name): \(step.layer.kind) has no weight")
    }
    (inputShape, self.weight, self.bias) = (step.inputs[0].shape, weight, bias)
  }

  /// x·w without the bias.
  func apply(_ x: Value, _ w: Value, in graph: inout GraphBuilder) throws -> Value {
    switch product {
    case .convolution(let window, let groups):
      try graph.convolution(x, w, window: window, groups: groups)
    case .dense: try graph.dense(x, w)
    case .scale: try graph.multiply(x, w)
    }
  }

  /// The adjoint in x: what each input receives of `y`, weighted by w.
  func adjoint(_ y: Value, _ w: Value, in graph: inout GraphBuilder) throws -> Value {
    switch product {
    case .convolution(let window, let groups):
      try graph.append(
        ConvolutionInputGradient(window: window, groups: groups, inputShape: inputShape), [y, w])
    case .dense where y.shape.rank == 2: try graph.matrixProduct(y, w)
    case .dense:
      // One product for all pixels.
      try graph.reshape(
        graph.matrixProduct(graph.reshape(y, to: [y.shape.count / w.shape[0], w.shape[0]]), w),
        to: y.shape.replacing(axis: -1, with: w.shape[1]))
    case .scale: try graph.multiply(y, w)
    }
  }
}

extension GraphBuilder {
  /// x − x⁺, at most 0.
  mutating func negativePart(_ x: Value) throws -> Value { try negate(relu(negate(x))) }

  /// d + ε·sign(d), sign(0) = +1.
  mutating func stabilized(_ d: Value, _ epsilon: Double) throws -> Value {
    let isPositive = try isGreaterOrEqual(d, scalar(0))
    return try add(d, add(multiply(isPositive, 2 * epsilon), -epsilon))
  }

  /// The sum of what there is.
  mutating func sum(_ terms: [Value?]) throws -> Value? {
    try terms.compactMap(\.self).reduce(nil as Value?) { total, term in
      try total.map { try add($0, term) } ?? term
    }
  }
}
