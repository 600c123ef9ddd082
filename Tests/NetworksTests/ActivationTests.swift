import Foundation
import Networks
import TensorGraph
import TensorReference
import Testing

/// Functions of single elements, as layers.
@Suite struct ActivationTests {
  /// Values of PyTorch 2.15 (torch.nn.functional, float64) at -4, -1, -0.25, 0, 0.5, 2 and 7.
  static let cases: [(function: ActivationFunction, values: [Double])] = [
    (
      .rectifier(maximum: 6),
      [
        0.0,
        0.0,
        0.0,
        0.0,
        0.5,
        2.0,
        6.0,
      ]
    ),
    (
      .rectifier(slope: 0.3),
      [
        -1.2,
        -0.3,
        -0.075,
        0.0,
        0.5,
        2.0,
        7.0,
      ]
    ),
    (
      .rectifier(slope: 0.1, maximum: 1.5),
      [
        -0.4,
        -0.1,
        -0.025,
        0.0,
        0.5,
        1.5,
        1.5,
      ]
    ),
    (
      .elu(alpha: 1.5),
      [
        -1.4725265416668987,
        -0.9481808382428365,
        -0.3317988253928927,
        0.0,
        0.5,
        2.0,
        7.0,
      ]
    ),
    (
      .selu,
      [
        -1.7258986281898945,
        -1.1113307378125625,
        -0.388890197478119,
        0.0,
        0.5253504936777402,
        2.101401974710961,
        7.354906911488364,
      ]
    ),
    (
      .silu,
      [
        -0.07194483984836623,
        -0.2689414213699951,
        -0.10945587477855048,
        0.0,
        0.3112296656009273,
        1.7615941559557646,
        6.993622641639196,
      ]
    ),
    (
      .gelu,
      [
        -0.00012668496733247991,
        -0.15865525393145702,
        -0.10032341857926907,
        0.0,
        0.34573123063700656,
        1.9544997361036416,
        6.999999999991041,
      ]
    ),
    (
      .geluTanh,
      [
        -7.024594819227126e-05,
        -0.15880800939172324,
        -0.100324649298315,
        0.0,
        0.34571400982514394,
        1.954597694087775,
        6.999999999999997,
      ]
    ),
    (
      .hardSigmoid(slope: ActivationFunction.hardSlope),
      [
        0.0,
        0.3333333333333333,
        0.4583333333333333,
        0.5,
        0.5833333333333334,
        0.8333333333333334,
        1.0,
      ]
    ),
    (
      .hardSwish,
      [
        -0.0,
        -0.3333333333333333,
        -0.11458333333333333,
        0.0,
        0.2916666666666667,
        1.6666666666666667,
        7.0,
      ]
    ),
    (
      .sigmoid,
      [
        0.01798620996209156,
        0.2689414213699951,
        0.43782349911420193,
        0.5,
        0.6224593312018546,
        0.8807970779778823,
        0.9990889488055994,
      ]
    ),
    (
      .tanh,
      [
        -0.999329299739067,
        -0.7615941559557649,
        -0.24491866240370913,
        0.0,
        0.46211715726000974,
        0.9640275800758169,
        0.9999983369439447,
      ]
    ),
    (
      .softplus,
      [
        0.018149927917809738,
        0.31326168751822286,
        0.5759394198788436,
        0.6931471805599453,
        0.9740769841801067,
        2.1269280110429727,
        7.000911466453774,
      ]
    ),
    (
      .softsign,
      [
        -0.8,
        -0.5,
        -0.2,
        0.0,
        0.3333333333333333,
        0.6666666666666666,
        0.875,
      ]
    ),
    (
      .exponential,
      [
        0.01831563888873418,
        0.36787944117144233,
        0.7788007830714049,
        1.0,
        1.6487212707001282,
        7.38905609893065,
        1096.6331584284585,
      ]
    ),
    (
      .mish,
      [
        -0.07259174079202535,
        -0.30340146137410895,
        -0.129926963679141,
        0.0,
        0.3752452113048951,
        1.9439589595339946,
        6.999988379809741,
      ]
    ),
  ]
  private static let inputs: [Double] = [-4, -1, -0.25, 0, 0.5, 2, 7]

  private func network(_ layer: Layer, _ count: Int) throws -> Architecture {
    try Architecture(
      name: "one", inputShape: [1, 1, count], classes: count,
      nodes: [
        LayerNode(name: "a", layer: layer, inputs: ["input"]),
        LayerNode(name: "f", layer: .flatten, inputs: ["a"]),
      ])
  }

  private func values(_ layer: Layer, _ inputs: [Double]) throws -> [Double] {
    var graph = GraphBuilder()
    let shape: Shape = [1, 1, 1, inputs.count]
    let x = try graph.placeholder("x", shape: shape)
    let network = try NetworkGraph(try network(layer, inputs.count), input: x, in: &graph)
    return try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [network.logits]),
      placeholders: ["x": ReferenceArray(shape: shape, values: inputs)])[0].values
  }

  @Test(arguments: cases)
  func functionsArePyTorchs(function: ActivationFunction, expected: [Double]) throws {
    let actual = try values(.activation(function), Self.inputs)
    for (a, b) in zip(actual, expected) { #expect(abs(a - b) < 1e-12, "\(function)") }
  }

  /// In a file and back, numbers and all.
  @Test(arguments: cases.map(\.function) + [.hardSigmoid(slope: 0.2), .elu(alpha: 0.5)])
  func functionsSurviveAFile(function: ActivationFunction) throws {
    let layer = Layer.activation(function)
    #expect(try JSONDecoder().decode(Layer.self, from: JSONEncoder().encode(layer)) == layer)
  }

  /// What is no number is seen at the end of the network, whatever the function.
  @Test(arguments: cases.map(\.function))
  func whatIsNoNumberStaysSo(function: ActivationFunction) throws {
    #expect(try values(.activation(function), [.nan, 1])[0].isNaN, "\(function)")
  }

  /// First and second derivatives, also where a softplus stands for the kinks, away from the kinks.
  @Test(arguments: cases.map(\.function), [false, true])
  func derivativesAreThoseOfDifferences(function: ActivationFunction, isSoft: Bool) throws {
    let inputs: [Double] = [-4.1, -1.3, -0.25, 0.4, 2.2, 5.5, 7]
    let shape: Shape = [1, 1, 1, inputs.count]
    var graph = GraphBuilder()
    let x = try graph.placeholder("x", shape: shape)
    let rectifier = isSoft ? Rectifier.softplus(beta: try graph.scalar(1.7)) : .relu
    let network = try NetworkGraph(
      try network(.activation(function), inputs.count), input: x, rectifier: rectifier, in: &graph)
    let slope = try graph.gradient(of: graph.sum(network.logits), with: [x])[0]
    let curvature = try graph.gradient(of: graph.sum(slope), with: [x])[0]
    let program = graph.graph(outputs: [network.logits, slope, curvature])
    func run(_ shift: Double) throws -> [ReferenceArray] {
      try ReferenceEvaluator.evaluate(
        program,
        placeholders: ["x": ReferenceArray(shape: shape, values: inputs.map { $0 + shift })])
    }
    // Central differences of step 1e-5: errors of 1e-10 of the third derivative, and of rounding.
    let step = 1e-5
    let (up, down, here) = (try run(step), try run(-step), try run(0))
    for index in inputs.indices {
      for order in 0..<2 {
        let difference = (up[order].values[index] - down[order].values[index]) / (2 * step)
        let actual = here[order + 1].values[index]
        #expect(
          abs(difference - actual) < 1e-7 * max(1, abs(actual)),
          "\(function) at \(inputs[index]), derivative \(order + 1)")
      }
    }
  }

  /// One slope for all, one for each channel, and one for each element.
  @Test func slopesAreRepeatedAsNumPyDoes() throws {
    for slopes in [[1], [3], [1, 1, 3], [2, 1, 3]] {
      let architecture = try Architecture(
        name: "slopes", inputShape: [2, 2, 3], classes: 12,
        nodes: [
          LayerNode(name: "p", layer: .prelu(PReLULayer(slopes: slopes)), inputs: ["input"]),
          LayerNode(name: "f", layer: .flatten(order: .channelsLast), inputs: ["p"]),
        ])
      #expect(architecture.parameters.map(\.name) == ["p.weight"])
      var graph = GraphBuilder()
      let x = try graph.placeholder("x", shape: [1, 2, 2, 3])
      let network = try NetworkGraph(architecture, input: x, in: &graph)
      let count = slopes.reduce(1, *)
      let own = (0..<count).map { 0.1 * Double($0 + 1) }
      let images = (0..<12).map { Double($0) - 6.5 }
      let y = try ReferenceEvaluator.evaluate(
        graph.graph(outputs: [network.logits]),
        placeholders: ["x": ReferenceArray(shape: [1, 2, 2, 3], values: images)],
        parameters: ["p.weight": ReferenceArray(shape: Shape(slopes), values: own)])[0].values
      for (position, value) in images.enumerated() {
        let row = count == 6 ? position / 6 * 3 : 0
        let slope = count == 1 ? own[0] : own[row + position % 3]
        #expect(abs(y[position] - (value > 0 ? value : slope * value)) < 1e-12)
      }
    }
    #expect {
      try Architecture(
        name: "slopes", inputShape: [2, 2, 3], classes: 12,
        nodes: [LayerNode(name: "p", layer: .prelu(PReLULayer(slopes: [2])), inputs: ["input"])])
    } throws: {
      "\($0)" == "slopes: p: prelu: input [2, 2, 3], slopes [2] do not fit"
    }
  }
}
