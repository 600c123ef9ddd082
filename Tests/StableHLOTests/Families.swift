import StableHLO
import TensorGraph
import TensorRuntime
import TensorTestSupport

/// One golden file each: what the operations of a family become.
enum Family: String, CaseIterable, CustomStringConvertible {
  case sources, pointwise, broadcast, layout, reduction, convolution, update
  case matrixProduct = "matrix-product"
  case maxPooling = "max-pooling"
  case averagePooling = "average-pooling"

  var description: String { rawValue }

  private struct Operand {
    let shape: Shape
    var type = ElementType.float32
    init(_ shape: Shape, _ type: ElementType = .float32) { (self.shape, self.type) = (shape, type) }
  }
  private typealias Case = (any TensorGraph.Operation, [Operand])

  private var cases: [Case] {
    let image = Operand([1, 5, 5, 4])
    let window = Window2D(3, stride: 2, padding: 1)
    let leaning = Window2D(
      height: 2, width: 3, strideX: 2, dilationY: 2, top: 1, left: 0, bottom: 0, right: 2)
    switch self {
    case .sources:
      return [
        (Placeholder("images", shape: [2, 3]), []),
        (Placeholder("labels", shape: [2], type: .int32), []),
        (Parameter("weight", shape: [2, 3]), []), (Scalar(0.1), []), (Scalar(1e-7), []),
        (Constant(Tensor(shape: [2, 2], values: [1, -0.5, .infinity, 1e-30])), []),
        (Constant(Tensor(repeating: 1, shape: [65])), []),
        (StopGradient(), [Operand([2])]),
      ]
    case .pointwise:
      let x = Operand([3])
      let unary: [Case] = Unary.Function.allCases.map { (Unary($0), [x]) }
      let binary: [Case] = Binary.Function.allCases.map { (Binary($0), [x, x]) }
      return unary + binary + [(Select(), [x, x, x])]
    case .broadcast:
      return [
        (Broadcast(to: [2, 3]), [Operand(.scalar)]), (Broadcast(to: [2, 3]), [Operand([3])]),
        (Broadcast(to: [4, 2, 3]), [Operand([2, 1])]),
      ]
    case .layout:
      return [
        (Reshape(to: [3, 2]), [Operand([6])]),
        (Transpose([2, 0, 1]), [Operand([2, 3, 4])]),
        (Slice(start: [1, 0], limit: [6, 5], step: [2, 1]), [Operand([7, 5])]),
        (Pad(low: [0, 1], high: [1, 0], interior: [2, 0]), [Operand([3, 2])]),
        (Concatenation(axis: 1), [Operand([2, 1]), Operand([2, 3])]),
      ]
    case .reduction:
      let sums: [Case] = Reduction.Function.allCases.map {
        (Reduction($0, axes: [0, 2]), [Operand([2, 3, 4])])
      }
      return sums + [
        (ArgMax(), [Operand([3, 4])]), (TopKMask(count: 2), [Operand([3, 5])]),
        (OneHot(depth: 4), [Operand([5], .int32)]),
      ]
    case .matrixProduct:
      return [
        (MatrixProduct(), [Operand([2, 3]), Operand([3, 4])]),
        (MatrixProduct(transposesLeft: true), [Operand([3, 2]), Operand([3, 4])]),
        (MatrixProduct(transposesRight: true), [Operand([2, 3]), Operand([4, 3])]),
      ]
    case .convolution:
      var cases: [Case] = []
      for (window, groups) in [(window, 1), (leaning, 2)] {
        let w = Operand([6, window.height, window.width, 4 / groups])
        let forward = Convolution(window: window, groups: groups)
        let y = Operand(try! forward.resultShape(of: [image.shape, w.shape]))
        cases.append((forward, [image, w]))
        cases.append(
          (
            ConvolutionInputGradient(window: window, groups: groups, inputShape: image.shape),
            [y, w]
          ))
        cases.append((ConvolutionFilterGradient(window: window, groups: groups), [image, y]))
      }
      return cases
    case .maxPooling:
      let small = Window2D(2, stride: 2, padding: 1)
      let y = try! MaxPoolIndex(window: small).resultShape(of: [image.shape])
      let index = Operand(y, .uint8)
      return [
        (MaxPoolIndex(window: small), [image]), (MaxPoolSelect(window: small), [image, index]),
        (MaxPoolScatter(window: small, inputShape: image.shape), [Operand(y), index]),
      ]
    case .averagePooling:
      var cases: [Case] = []
      for countsPadding in [true, false] {
        let forward = AveragePool(window: window, countsPadding: countsPadding)
        let y = Operand(try! forward.resultShape(of: [image.shape]))
        let gradient = AveragePoolGradient(
          window: window, countsPadding: countsPadding, inputShape: image.shape)
        cases += [(forward, [image]), (gradient, [y])]
      }
      return cases
    case .update: return []
    }
  }

  /// The modules of all cases, one after the other.
  func text() throws -> String {
    if self == .update { return try Self.updates() }
    return try cases.map { operation, operands in
      var graph = GraphBuilder(simplifies: false)
      let values = try operands.enumerated().map { place, operand in
        try graph.placeholder("x\(place)", shape: operand.shape, type: operand.type)
      }
      let result = try graph.append(operation, values)
      let shapes = operands.map { " \($0.shape)" }.joined()
      return "// \(operation.name)\(shapes)\n"
        + (try Module.run(graph.computation([("y", result)])).text)
    }.joined(separator: "\n")
  }

  /// Steps of y = Σ w·x by each rule.
  private static func updates() throws -> String {
    let rules: [UpdateRule] = [
      .sgd(momentum: 0, weightDecay: 0, nesterov: false),
      .sgd(momentum: 0.9, weightDecay: 5e-4, nesterov: true), .adam,
    ]
    return try rules.map { rule in
      let computation = try line(rule)
      return "// step by \(rule)\n"
        + (try Module.step(computation, parameters: { _ in [3] }).text)
        + "\n// update by \(rule)\n"
        + Module.update(computation, parameters: { _ in [3] }).text
    }.joined(separator: "\n")
  }

  static func line(_ rule: UpdateRule) throws -> Computation {
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: [3])
    let w = try graph.parameter("w", shape: [3])
    let sum = try graph.sum(graph.multiply(x, w))
    let gradient = try graph.gradient(of: sum, with: [w])[0]
    let new = try graph.add(graph.parameter("s", shape: [3]), x)
    return graph.computation(
      [("sum", sum), ("gradient", gradient), ("new", new)],
      update: StepUpdate(
        rule, gradients: ["w": "gradient"], assignments: ["s": "new"], guarded: ["sum"]))
  }
}
