import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

struct GradientTests {
  private let x = ReferenceArray(shape: [3], values: [-1, 2, 0.5])

  @Test func unrelatedVariablesHaveZeroGradient() throws {
    let gradients = try evaluate(["x": x]) { graph in
      let x = try graph.placeholder("x", shape: [3])
      let before = try graph.constant(4, shape: [2])
      let loss = try graph.sum(graph.square(x))
      let after = try graph.exponential(x)
      return try graph.gradient(of: loss, with: [before, x, after])
    }
    #expect(gradients[0] == ReferenceArray(repeating: 0, shape: [2]))
    #expect(gradients[1].values == [-2, 4, 1])
    #expect(gradients[2] == ReferenceArray(repeating: 0, shape: [3]))
  }

  @Test func theGradientOfATargetWithRespectToItselfIsOneOrTheSeed() throws {
    let gradients = try evaluate(["x": x]) { graph in
      let x = try graph.placeholder("x", shape: [3])
      let y = try graph.sum(x)
      let seed = try graph.array([3], [3, 4, 5])
      return try graph.gradient(of: y, with: [y]) + graph.gradient(of: x, with: [x], seed: seed)
    }
    #expect(gradients.map(\.values) == [[1], [3, 4, 5]])
  }

  @Test func seedWeighsTheTarget() throws {
    let gradients = try evaluate(["x": x]) { graph in
      let x = try graph.placeholder("x", shape: [3])
      let seed = try graph.array([3], [1, 10, 100])
      return try graph.gradient(of: graph.square(x), with: [x], seed: seed)
    }
    #expect(gradients[0].values == [-2, 40, 100])
  }

  @Test func aValueReadTwiceGathersBothCotangents() throws {
    let gradients = try evaluate(["x": x]) { graph in
      let x = try graph.placeholder("x", shape: [3])
      let y = try graph.add(graph.multiply(x, graph.exponential(graph.negate(x))), x)
      return try graph.gradient(of: graph.multiply(y, y), with: [x], seed: graph.multiply(x, 0))
        + graph.gradient(of: graph.sum(graph.add(x, graph.multiply(x, x))), with: [x])
    }
    #expect(gradients[0].values == [0, 0, 0])
    #expect(gradients[1].values == [-1, 5, 2])
  }

  /// x⁴: 4x³, 12x², 24x.
  @Test func thirdOrderOfAPolynomial() throws {
    let orders = try evaluate(["x": x]) { graph in
      let x = try graph.placeholder("x", shape: [3])
      var orders: [Value] = []
      var f = try graph.multiply(graph.multiply(x, x), graph.multiply(x, x))
      for _ in 1...3 {
        f = try graph.gradient(of: graph.sum(f), with: [x])[0]
        orders.append(f)
      }
      return orders
    }
    #expect(orders[0].values == [-4, 32, 0.5])
    #expect(orders[1].values == [12, 48, 3])
    #expect(orders[2].values == [-24, 48, 12])
  }

  @Test func noGradientFlowsThroughStopGradient() throws {
    let gradients = try evaluate(["x": x]) { graph in
      let x = try graph.placeholder("x", shape: [3])
      let product = try graph.multiply(x, graph.stopGradient(graph.square(x)))
      return try graph.gradient(of: graph.sum(product), with: [x])
    }
    #expect(gradients[0].values == [1, 4, 0.25])
  }

  @Test func gradientWithRespectToAnIntermediateValue() throws {
    let gradients = try evaluate(["x": x]) { graph in
      let x = try graph.placeholder("x", shape: [3])
      let hidden = try graph.relu(x)
      graph.watch(hidden)
      let loss = try graph.sum(graph.multiply(hidden, graph.add(hidden, x)))
      return try graph.gradient(of: loss, with: [hidden, x])
    }
    // ∂/∂h = 2h + x; ∂/∂x = (2h + x)·mask + h
    #expect(gradients[0].values == [-1, 6, 1.5])
    #expect(gradients[1].values == [0, 8, 2])
  }

  /// Each of these intermediate values would be bypassed by a rule of `Simplify`.
  @Test func watchedValuesAreNotBypassed() throws {
    let gradients = try evaluate(["x": x]) { graph in
      let x = try graph.placeholder("x", shape: [3])
      var gradients: [Value] = []
      func differentiate(
        _ hidden: Value, _ use: (inout GraphBuilder, Value) throws -> Value
      ) throws {
        graph.watch(hidden)
        let target = try use(&graph, hidden)
        gradients += try graph.gradient(of: graph.sum(target), with: [hidden])
      }
      try differentiate(graph.negate(x)) { try $0.absolute($1) }
      try differentiate(graph.multiply(x, 0.5)) { try $0.multiply($1, 4) }
      try differentiate(graph.reshape(x, to: [3, 1])) { try $0.reshape($1, to: [1, 3]) }
      try differentiate(graph.reshape(x, to: [1, 3])) { try $0.transpose($1, [1, 0]) }
      try differentiate(graph.broadcast(x, to: [2, 3])) { try $0.sum($0.square($1), axes: [0]) }
      try differentiate(graph.concatenate([x, x], axis: 0)) { try $0.slice($1, axis: 0, 0..<3) }
      try differentiate(graph.sum(graph.reshape(x, to: [1, 3]), axes: [1])) { try $0.sum($1) }
      return gradients
    }
    #expect(
      gradients.map(\.values) == [
        [1, -1, -1], [4, 4, 4], [1, 1, 1], [1, 1, 1], [-2, 4, 1, -2, 4, 1], [1, 1, 1, 0, 0, 0],
        [1],
      ])
  }

  @Test func tiesShareTheCotangentOfAReductionEvenly() throws {
    let tied = ReferenceArray(shape: [2, 3], values: [5, 1, 5, 2, 2, 2])
    let gradients = try evaluate(["x": tied]) { graph in
      let x = try graph.placeholder("x", shape: [2, 3])
      let seed = try graph.array([2, 1], [1, 6])
      return try graph.gradient(of: graph.maximum(of: x, axes: [1]), with: [x], seed: seed)
        + graph.gradient(of: graph.minimum(of: x, axes: [1]), with: [x], seed: seed)
        + graph.gradient(of: graph.maximum(of: x, axes: [0, 1]), with: [x])
    }
    #expect(gradients[0].values == [0.5, 0, 0.5, 2, 2, 2])
    #expect(gradients[1].values == [0, 1, 0, 2, 2, 2])
    #expect(gradients[2].values == [0.5, 0, 0.5, 0, 0, 0])
  }

  @Test func tiesOfTwoOperandsGoToTheFirst() throws {
    let gradients = try evaluate(["x": x]) { graph in
      let x = try graph.placeholder("x", shape: [3])
      let y = try graph.array([3], [-1, 3, 0])
      return try graph.gradient(of: graph.sum(graph.maximum(x, y)), with: [x, y])
        + graph.gradient(of: graph.sum(graph.minimum(x, y)), with: [x, y])
    }
    #expect(gradients.map(\.values) == [[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]])
  }

  /// At the kink: ReLU's derivative is that of the flat side, |x|'s is 0.
  @Test func kinksHaveTheDocumentedDerivative() throws {
    let zero = ReferenceArray(shape: [1], values: [0])
    let gradients = try evaluate(["x": zero]) { graph in
      let x = try graph.placeholder("x", shape: [1])
      return try graph.gradient(of: graph.relu(x), with: [x])
        + graph.gradient(of: graph.absolute(x), with: [x])
    }
    #expect(gradients.map(\.values) == [[0], [0]])
  }

  @Test func hessianVectorProductOfASoftmaxNetworkMatchesDifferences() throws {
    var generator = SeededGenerator(seed: 5)
    let images = ReferenceArray.random([2, 5, 5, 2], using: &generator)
    let parameters: [String: ReferenceArray] = [
      "filter": .random([3, 3, 3, 2], using: &generator),
      "dense": .random([3, 4], using: &generator),
    ]
    let direction = ReferenceArray.random([3, 3, 3, 2], using: &generator)
    for simplifies in [true, false] {
      var graph = GraphBuilder(simplifies: simplifies)
      let x = try graph.placeholder("x", shape: [2, 5, 5, 2])
      let filter = try graph.parameter("filter", shape: [3, 3, 3, 2])
      let dense = try graph.parameter("dense", shape: [3, 4])
      let features = try graph.softplus(
        graph.convolution(x, filter, window: Window2D(3, stride: 2, padding: 1)))
      let pooled = try graph.reshape(graph.mean(features, axes: [1, 2]), to: [2, 3])
      let labels = try graph.array([2, 4], [0, 1, 0, 0, 0, 0, 0, 1])
      let loss = try graph.crossEntropy(graph.matrixProduct(pooled, dense), labels: labels)

      let expected = try FiniteDifferences.hessianVectorProduct(
        of: loss, with: filter, named: .parameter("filter"), times: direction, in: graph,
        placeholders: ["x": images], parameters: parameters)
      let gradient = try graph.gradient(of: loss, with: [filter])[0]
      let v = try graph.placeholder("v", shape: direction.shape)
      let product = try graph.gradient(
        of: graph.sum(graph.multiply(gradient, v)), with: [filter])
      let actual = try ReferenceEvaluator.evaluate(
        graph.graph(outputs: product), placeholders: ["x": images, "v": direction],
        parameters: parameters)
      expectEqual(actual[0], expected, within: 1e-8, "Hessian-vector product")
      #expect(expected.largest > 1e-3)
    }
  }
}
