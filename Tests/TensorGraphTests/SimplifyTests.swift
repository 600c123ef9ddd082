import TensorGraph
import TensorReference
import TensorTestSupport
import Testing

/// What simplification leaves: node by node for the rules that matter, by value on random graphs.
struct SimplifyTests {
  /// Names of the operations of the graph that `build` makes with simplification, inputs omitted,
  /// after its values were found equal to those without.
  private func operations(
    _ inputs: [String: Shape], sourceLocation: SourceLocation = #_sourceLocation,
    _ build: (inout GraphBuilder, [String: Value]) throws -> [Value]
  ) throws -> [String] {
    var generator = SeededGenerator(seed: 11)
    var arrays: [String: ReferenceArray] = [:]
    for (label, shape) in inputs.sorted(by: { $0.key < $1.key }) {
      arrays[label] = .random(shape, using: &generator)
    }
    var names: [[String]] = []
    try evaluate(arrays, sourceLocation: sourceLocation) { graph in
      var values: [String: Value] = [:]
      for (label, shape) in inputs.sorted(by: { $0.key < $1.key }) {
        values[label] = try graph.placeholder(label, shape: shape)
      }
      let outputs = try build(&graph, values)
      names.append(
        graph.graph(outputs: outputs).nodes.filter { !($0.operation is Placeholder) }
          .map(\.operation.name))
      return outputs
    }
    return names[0]
  }

  private func operations(
    of shape: Shape, sourceLocation: SourceLocation = #_sourceLocation,
    _ build: (inout GraphBuilder, Value) throws -> Value
  ) throws -> [String] {
    try operations(["x": shape], sourceLocation: sourceLocation) { [try build(&$0, $1["x"]!)] }
  }

  @Test func neutralElementsVanish() throws {
    #expect(try operations(of: [3]) { try $0.add($1, 0) } == [])
    #expect(try operations(of: [3]) { try $0.add($0.constant(0, shape: [3]), $1) } == [])
    #expect(try operations(of: [3]) { try $0.subtract($1, $0.scalar(0)) } == [])
    #expect(try operations(of: [3]) { try $0.multiply($1, 1) } == [])
    #expect(try operations(of: [3]) { try $0.divide($1, $0.scalar(1)) } == [])
    #expect(try operations(of: [3]) { try $0.multiply($1, 0) } == ["scalar 0.0", "broadcast"])
    #expect(try operations(of: [3]) { try $0.subtract(0, $1) } == ["negate"])
    #expect(try operations(of: [3]) { try $0.multiply($1, -1) } == ["negate"])
    #expect(try operations(of: [3]) { try $0.multiply($1, $1) } == ["square"])
  }

  @Test func chainsOfOneOperandCollapse() throws {
    #expect(try operations(of: [3]) { try $0.negate($0.negate($1)) } == [])
    #expect(try operations(of: [3]) { try $0.relu($0.relu($1)) } == ["relu"])
    #expect(try operations(of: [3]) { try $0.absolute($0.relu($1)) } == ["relu"])
    #expect(try operations(of: [3]) { try $0.absolute($0.negate($1)) } == ["absolute"])
    #expect(try operations(of: [3]) { try $0.square($0.absolute($1)) } == ["square"])
    #expect(try operations(of: [3]) { try $0.multiply($0.negate($1), -1) } == [])
    let scaled = try operations(of: [3]) { try $0.multiply($0.multiply($1, 2), 3) }
    #expect(scaled == ["scalar 6.0", "broadcast", "multiply"])
  }

  @Test func constantsFold() throws {
    let folded = try operations(of: [2]) { graph, x in
      let two = try graph.constant(2, shape: [2])
      let number = try graph.exponential(graph.subtract(graph.square(two), graph.scalar(4)))
      let reduced = try graph.sum(graph.reshape(number, to: [1, 2]), axes: [1])
      return try graph.add(x, graph.reshape(reduced, to: .scalar))
    }
    #expect(folded == ["scalar 2.0", "broadcast", "add"])
  }

  @Test func layoutChangesCompose() throws {
    #expect(
      try operations(of: [2, 6]) {
        try $0.reshape($0.reshape($0.reshape($1, to: [12]), to: [3, 4]), to: [2, 6])
      } == [])
    #expect(
      try operations(of: [2, 3, 4]) {
        try $0.transpose($0.transpose($1, [1, 2, 0]), [2, 0, 1])
      } == [])
    #expect(
      try operations(of: [2, 3, 4]) {
        try $0.transpose($0.transpose($1, [1, 2, 0]), [1, 2, 0])
      } == ["transpose"])
    #expect(
      try operations(of: [3]) {
        try $0.broadcast($0.broadcast($1, to: [1, 2, 3]), to: [4, 2, 3])
      } == ["broadcast"])
    #expect(try operations(of: [2, 3]) { try $0.slice($1, axis: 1, 0..<3) } == [])
    #expect(
      try operations(of: [2, 3]) {
        try $0.append(Pad(low: [0, 0], high: [0, 0], interior: [0, 0]), [$1])
      } == [])
  }

  @Test func theSliceOfAConcatenationIsItsPart() throws {
    let parts: [String: Shape] = ["a": [2, 1], "b": [2, 3], "c": [2, 2]]
    func slice(_ range: Range<Int>) throws -> [String] {
      try operations(parts) { graph, x in
        let whole = try graph.concatenate([x["a"]!, x["b"]!, x["c"]!], axis: 1)
        return [try graph.slice(whole, axis: 1, range)]
      }
    }
    #expect(try slice(0..<1) == [])
    #expect(try slice(1..<4) == [])
    #expect(try slice(4..<6) == [])
    #expect(try slice(1..<3) == ["concatenation", "slice"])
    #expect(try slice(0..<2) == ["concatenation", "slice"])
  }

  @Test func nothingIsConcatenatedWithEmptyParts() throws {
    let inputs: [String: Shape] = ["a": [2, 0], "b": [2, 3]]
    #expect(
      try operations(inputs) { [try $0.concatenate([$1["a"]!, $1["b"]!, $1["a"]!], axis: 1)] } == []
    )
  }

  @Test func whatIsRepeatedIsComputedOnceAndThenRepeated() throws {
    let inputs: [String: Shape] = ["scale": [3], "shift": [3]]
    var shapes: [Shape] = []
    let names = try operations(inputs) { graph, x in
      let wide: Shape = [2, 4, 4, 3]
      let y = try graph.multiply(
        graph.exponential(graph.broadcast(x["scale"]!, to: wide)),
        graph.broadcast(x["shift"]!, to: wide))
      shapes.append(contentsOf: graph.graph(outputs: [y]).nodes.map(\.shape))
      return [y]
    }
    #expect(names == ["exponential", "multiply", "broadcast"])
    #expect(shapes.prefix(5).filter { $0 == [2, 4, 4, 3] }.count == 1)
  }

  @Test func theSumOfRepeatedValuesIsAMultiple() throws {
    let all = try operations(of: [3]) {
      try $0.sum($0.broadcast($1, to: [4, 2, 3]), axes: [0, 1])
    }
    #expect(!all.contains("reduce sum"))
    let some = try operations(of: [1, 2, 3]) {
      try $0.sum($0.broadcast($1, to: [4, 2, 3]), axes: [0, 1])
    }
    #expect(some.filter { $0 == "reduce sum" }.count == 1)
    let largest = try operations(of: [3]) {
      try $0.maximum(of: $0.broadcast($1, to: [4, 3]), axes: [0])
    }
    #expect(largest == ["broadcast"] || largest == ["reshape"])
    #expect(
      try operations(of: [2, 3]) { try $0.sum($0.sum($1, axes: [0]), axes: [1]) }
        == ["reduce sum"])
  }

  @Test func aRepeatedFactorLeavesTheSum() throws {
    let inputs: [String: Shape] = ["x": [2, 4, 4, 3], "alpha": [2, 1, 1, 3]]
    var reads: [Shape] = []
    let names = try operations(inputs) { graph, x in
      let y = try graph.sum(graph.multiply(x["x"]!, x["alpha"]!), axes: [1, 2])
      let result = graph.graph(outputs: [y])
      if let sum = result.nodes.first(where: { $0.operation is Reduction }) {
        reads += sum.operands.map { result.nodes[$0].shape }
      }
      return [y]
    }
    #expect(names == ["reduce sum", "multiply"])
    #expect(reads.first == [2, 4, 4, 3])
  }

  /// α_k, the spatial mean of ∂logit/∂A_k, before a global average pool and a dense classifier, is
  /// a row of the classifier's weights over H·W: nothing of A's size is left to compute.
  @Test func gradCAMWeightsBeforeAGlobalAveragePoolCollapse() throws {
    let features: Shape = [2, 4, 4, 5]
    var sizes: [[Shape]] = []
    let names = try operations([
      "features": features, "dense": [5, 3], "bias": [3], "labels": [2, 3],
    ]) { graph, x in
      let pooled = try graph.reshape(graph.mean(x["features"]!, axes: [1, 2]), to: [2, 5])
      let logits = try graph.add(graph.matrixProduct(pooled, x["dense"]!), x["bias"]!)
      let score = try graph.sum(graph.multiply(logits, x["labels"]!))
      let cotangent = try graph.gradient(of: score, with: [x["features"]!])[0]
      let alpha = try graph.mean(cotangent, axes: [1, 2])
      sizes.append(graph.graph(outputs: [alpha]).nodes.map(\.shape))
      return [alpha]
    }
    #expect(!names.contains("reduce sum"))
    #expect(names.filter { $0 == "matrix product" }.count == 1)
    #expect(!sizes[0].contains { $0.count >= features.count })
    #expect(sizes[1].contains(features))
  }

  /// The mask of a ReLU is a function of its result, so that its operand need not be kept.
  @Test func theGradientOfAReLUDoesNotReadItsOperand() throws {
    var builder = GraphBuilder()
    let x = try builder.placeholder("x", shape: [3])
    let z = try builder.exponential(x)
    let y = try builder.relu(z)
    let gradient = try builder.gradient(of: builder.sum(builder.square(y)), with: [x])
    let graph = builder.graph(outputs: gradient)
    let masks = graph.nodes.filter { ($0.operation as? Unary)?.function == .isPositive }
    #expect(masks.count == 1)
    #expect(
      masks.allSatisfy { (graph.nodes[$0.operands[0]].operation as? Unary)?.function == .relu })
  }

  @Test func whatPoolingScattersIsMaskedBefore() throws {
    let names = try operations(["z": [2, 6, 7, 3], "dy": [2, 3, 4, 3]]) { graph, inputs in
      let window = Window2D(3, stride: 2, padding: 1)
      let z = try graph.relu(inputs["z"]!)
      let index = try graph.append(MaxPoolIndex(window: window), [z])
      let dz = try graph.append(
        MaxPoolScatter(window: window, inputShape: z.shape), [inputs["dy"]!, index])
      let masked = try graph.multiply(graph.isPositive(z), dz)
      return [masked, try graph.sum(masked, axes: [0, 1, 2])]
    }
    #expect(
      names == [
        "relu", "max-pool index", "max-pool select", "isPositive", "multiply", "max-pool scatter",
        "reduce sum",
      ])
  }

  @Test func productsOfFewRowsAreOneProduct() throws {
    func names(rows: Int, columns: Int) throws -> [String] {
      let shape: Shape = [rows, columns]
      return try operations(["a": shape, "b": shape, "c": shape, "d": shape, "e": [1, columns]]) {
        graph, inputs in
        var sum = try graph.scalar(0)
        for (left, right) in [("a", "b"), ("c", "d"), ("e", "e")] {
          let product = try graph.matrixProduct(
            inputs[left]!, inputs[right]!, transposesLeft: true)
          sum = try graph.add(sum, product)
        }
        return [sum]
      }
    }
    #expect(
      try names(rows: 2, columns: 40)
        == ["concatenation", "concatenation", "concatenation", "concatenation", "matrix product"])
    #expect(
      try names(rows: 20, columns: 8)
        == ["matrix product", "matrix product", "add", "matrix product", "add"])
  }

  @Test(arguments: 0..<400)
  func randomGraphsKeepTheirValuesAndGradients(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let inputs: [String: ReferenceArray] = [
      "a": .random([2, 3], using: &generator), "b": .random([2, 3], using: &generator),
      "c": .random([3], using: &generator), "d": .random([2, 1], using: &generator),
      "e": .random([], using: &generator),
    ]
    let recipe = generator
    let results = try evaluate(inputs, within: 1e-9) { graph in
      var recipe = RandomExpression(generator: recipe)
      let variables = try inputs.sorted { $0.key < $1.key }.map {
        try graph.placeholder($0.key, shape: $0.value.shape)
      }
      let value = try recipe.build(from: variables, steps: 14, in: &graph)
      let loss = try graph.sum(value)
      return [value, loss] + (try graph.gradient(of: loss, with: variables))
    }
    #expect(results.allSatisfy { $0.largest.isFinite })
  }
}
