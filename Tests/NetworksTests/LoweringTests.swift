import Networks
import TensorGraph
import TensorReference
import Testing

@Suite struct LoweringTests {
  private func lowered(
    _ architecture: Architecture, batch: Int = 2, mode: NetworkGraph.Mode = .frozen,
    keeping: Set<String> = [], foldsBatchNorm: Bool = true
  ) throws -> (GraphBuilder, NetworkGraph) {
    var graph = GraphBuilder()
    let images = try graph.placeholder(
      "images", shape: Shape([batch] + architecture.inputShape.dimensions))
    let network = try NetworkGraph(
      architecture, input: images, mode: mode, keeping: keeping, foldsBatchNorm: foldsBatchNorm,
      in: &graph)
    return (graph, network)
  }

  private func images(_ network: NetworkGraph) -> ReferenceArray {
    var numbers = TestNumbers(7)
    return numbers.array(network.input.shape)
  }

  // MARK: Folding

  /// Σ logits² and its gradients: the same numbers, whether batch norms are folded or not. Both are
  /// exact rearrangements, so only rounding in double precision may differ.
  @Test(arguments: SmallNetworks.names)
  func foldingChangesNeitherValuesNorGradients(name: String) throws {
    let architecture = try SmallNetworks.named(name)
    let trainable = architecture.parameters.filter(\.isTrainable).map(\.name)
    var results: [[ReferenceArray]] = []
    for folds in [true, false] {
      var (graph, network) = try lowered(architecture, foldsBatchNorm: folds)
      let loss = try graph.sum(graph.square(network.logits))
      let variables = trainable.map { network.parameters[$0]! }
      let gradients = try graph.gradient(of: loss, with: [network.input] + variables)
      let program = graph.graph(outputs: [network.logits] + gradients)
      try program.verify()
      results.append(
        try ReferenceEvaluator.evaluate(
          program, placeholders: ["images": images(network)],
          parameters: architecture.testParameters()))
    }
    for (index, pair) in zip(results[0], results[1]).enumerated() {
      #expect(largestDifference(pair.0, pair.1) < 1e-9, "output \(index)")
    }
    let largest = results[0].map { $0.values.map(abs).max()! }
    #expect(largest.allSatisfy { $0 > 1e-6 }, "a gradient that vanishes proves nothing")
  }

  @Test func foldedBatchNormsLeaveNoActivationSizedFactor() throws {
    let architecture = try SmallNetworks.residual()
    let (graph, network) = try lowered(architecture)
    let products = graph.graph(outputs: [network.logits]).nodes.filter {
      ($0.operation as? Binary)?.function == .multiply && $0.shape.rank == 4
        && $0.shape[0] == 2 && $0.shape[1] > 1
    }
    #expect(products.isEmpty)
    #expect(network.steps.contains { $0.layers == ["conv1", "bn1"] && $0.name == "bn1" })
  }

  @Test func preactivationBatchNormIsOneMultiplyAdd() throws {
    let (graph, network) = try lowered(try SmallNetworks.preactivation())
    // norm1 reads conv0, which concat reads as well: neither it nor norm2 may be folded.
    let pointwise = graph.graph(outputs: [network.logits]).nodes.filter {
      ($0.operation as? Binary)?.function == .multiply && $0.shape.rank == 4 && $0.shape[1] > 1
    }
    #expect(pointwise.map(\.shape) == [[2, 4, 4, 3], [2, 4, 4, 5]])
  }

  @Test func keptConvolutionIsNotFolded() throws {
    let architecture = try SmallNetworks.residual()
    let (plain, folded) = try lowered(architecture)
    #expect(plain.nodes.count > 0)
    #expect {
      try folded.activation(named: "conv1")
    } throws: {
      "\($0)"
        == "resnet-style: conv1 has no activation of its own because bn1 was folded into it; name "
        + "it under `keeping`, or take bn1"
    }
    let (graph, kept) = try lowered(architecture, keeping: ["conv1"])
    let raw = try kept.activation(named: "conv1")
    #expect(raw.shape == [2, 6, 6, 3])
    #expect(graph.nodes[raw.id].operation is Convolution)
    #expect(kept.steps.contains { $0.name == "conv1" })
    #expect(throws: NetworkError.self) { try lowered(architecture, keeping: ["convolution1"]) }
  }

  @Test func everyNamedActivationExistsUnfolded() throws {
    for name in SmallNetworks.names {
      let architecture = try SmallNetworks.named(name)
      let (_, network) = try lowered(architecture, foldsBatchNorm: false)
      for activation in architecture.activationNames {
        #expect(
          try network.activation(named: activation).shape.dimensions.dropFirst()
            == ArraySlice(architecture.shape(of: activation).dimensions))
      }
    }
  }

  @Test func readsExactlyTheDeclaredParameters() throws {
    for name in SmallNetworks.names {
      let architecture = try SmallNetworks.named(name)
      for mode in NetworkGraph.Mode.allCases {
        let (graph, network) = try lowered(architecture, mode: mode)
        #expect(Set(network.parameters.keys) == Set(architecture.parameters.map(\.name)))
        let program = graph.graph(
          outputs: [network.logits] + network.runningStatisticsUpdates.values)
        #expect(Set(program.parameters.keys) == Set(network.parameters.keys))
      }
    }
  }

  @Test func loweringAgainSharesParameters() throws {
    var (graph, network) = try lowered(try SmallNetworks.residual())
    let noise = try graph.placeholder("noise", shape: network.input.shape)
    let second = try network.lowered(on: graph.add(network.input, noise), in: &graph)
    #expect(second.parameters == network.parameters)
    #expect(second.logits != network.logits)
    #expect(try network.lowered(on: network.input, in: &graph).logits == network.logits)
  }

  @Test func inputOfAnotherShapeIsAnError() throws {
    var graph = GraphBuilder()
    let images = try graph.placeholder("images", shape: [2, 5, 6, 2])
    let architecture = try SmallNetworks.residual()
    #expect {
      try NetworkGraph(architecture, input: images, in: &graph)
    } throws: {
      "\($0)" == "resnet-style: input [2, 5, 6, 2], expected [N, 6, 6, 2]"
    }
  }

  /// Running mean 3, variance 3.5, epsilon 0.5, gamma 2, beta 1: x − 2, by itself and folded into a
  /// convolution that passes its input through and adds 5.
  @Test(arguments: [true, false])
  func frozenBatchNormMatchesHandComputation(followsConvolution: Bool) throws {
    let convolution = LayerNode(
      name: "conv",
      layer: .convolution(ConvolutionLayer(inputChannels: 1, outputChannels: 1, kernelSize: 1)),
      inputs: ["input"])
    let architecture = try Architecture(
      name: "norm", inputShape: [1, 2, 1], classes: 2,
      nodes: (followsConvolution ? [convolution] : []) + [
        LayerNode(
          name: "bn", layer: .batchNorm(BatchNormLayer(channels: 1, epsilon: 0.5)),
          inputs: [followsConvolution ? "conv" : "input"]),
        LayerNode(name: "flat", layer: .flatten, inputs: ["bn"]),
      ])
    let (graph, network) = try lowered(architecture)
    let result = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [network.logits]),
      placeholders: ["images": ReferenceArray(shape: [2, 1, 2, 1], values: [1, 2, 3, 6])],
      parameters: [
        "conv.weight": ReferenceArray(shape: [1, 1, 1, 1], values: [1]),
        "conv.bias": ReferenceArray(shape: [1], values: [5]),
        "bn.weight": ReferenceArray(shape: [1], values: [2]),
        "bn.bias": ReferenceArray(shape: [1], values: [1]),
        "bn.running_mean": ReferenceArray(shape: [1], values: [3]),
        "bn.running_var": ReferenceArray(shape: [1], values: [3.5]),
      ])[0]
    let expected = [-1.0, 0, 1, 4].map { followsConvolution ? $0 + 5 : $0 }
    #expect(
      largestDifference(result, ReferenceArray(shape: [2, 2], values: expected)) < 1e-12)
  }

  // MARK: Training mode

  /// x = 1, 2, 3, 6: mean 3, biased variance 3.5, unbiased 14/3; with epsilon 0.5 the deviation
  /// is 2, so gamma 2 and beta 1 give x − 2.
  @Test func batchStatisticsMatchHandComputation() throws {
    let architecture = try Architecture(
      name: "norm", inputShape: [1, 2, 1], classes: 2,
      nodes: [
        LayerNode(
          name: "bn", layer: .batchNorm(BatchNormLayer(channels: 1, epsilon: 0.5, momentum: 0.1)),
          inputs: ["input"]),
        LayerNode(name: "flat", layer: .flatten, inputs: ["bn"]),
      ])
    let (graph, network) = try lowered(architecture, mode: .training)
    let updates = network.runningStatisticsUpdates
    #expect(updates.keys.sorted() == ["bn.running_mean", "bn.running_var"])
    let results = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [
        network.logits, updates["bn.running_mean"]!, updates["bn.running_var"]!,
      ]),
      placeholders: ["images": ReferenceArray(shape: [2, 1, 2, 1], values: [1, 2, 3, 6])],
      parameters: [
        "bn.weight": ReferenceArray(shape: [1], values: [2]),
        "bn.bias": ReferenceArray(shape: [1], values: [1]),
        "bn.running_mean": ReferenceArray(shape: [1], values: [10]),
        "bn.running_var": ReferenceArray(shape: [1], values: [1]),
      ])
    let expected: [[Double]] = [[-1, 0, 1, 4], [0.9 * 10 + 0.1 * 3], [0.9 + 0.1 * 14 / 3]]
    for (result, expected) in zip(results, expected) {
      let values = ReferenceArray(shape: result.shape, values: expected)
      #expect(largestDifference(result, values) < 1e-12)
    }
  }

  /// In training every parameter's gradient includes its way through mean and variance.
  @Test(arguments: SmallNetworks.names)
  func trainingGradientsMatchFiniteDifferences(name: String) throws {
    let architecture = try SmallNetworks.named(name)
    var (graph, network) = try lowered(architecture, mode: .training)
    let loss = try graph.sum(graph.square(network.logits))
    let parameters = architecture.testParameters()
    let placeholders = ["images": images(network)]
    var numbers = TestNumbers(11)
    for parameter in architecture.parameters where parameter.isTrainable {
      let gradient = try graph.gradient(
        of: loss, with: [network.parameters[parameter.name]!])[0]
      let direction = numbers.array(parameter.shape)
      let exact = try ReferenceEvaluator.evaluate(
        graph.graph(outputs: [gradient]), placeholders: placeholders, parameters: parameters)[0]
      let slope = try FiniteDifferences.directional(
        graph.graph(outputs: [loss]), along: [.parameter(parameter.name): direction],
        placeholders: placeholders, parameters: parameters)[0].values[0]
      let product = zip(exact.values, direction.values).reduce(0) { $0 + $1.0 * $1.1 }
      // Error of a central difference with step 1e-5: about 1e-10 times third derivatives of 1e2.
      #expect(abs(product - slope) < 1e-6 * max(1, abs(slope)), "\(parameter.name)")
    }
  }

  @Test func oneValueForEachChannelIsTooFew() throws {
    let architecture = try Architecture(
      name: "norm", inputShape: [1, 1, 2], classes: 2,
      nodes: [
        LayerNode(
          name: "bn", layer: .batchNorm(BatchNormLayer(channels: 2)), inputs: ["input"]),
        LayerNode(name: "flat", layer: .flatten, inputs: ["bn"]),
      ])
    #expect {
      try lowered(architecture, batch: 1, mode: .training)
    } throws: {
      "\($0)".hasPrefix("bn: batch statistics of [1, 1, 1, 2] need more than one value")
    }
  }

  @Test func dropoutIsAMaskInTrainingAndNothingElsewhere() throws {
    let architecture = try Architecture(
      name: "drop", inputShape: [1, 1, 3], classes: 3,
      nodes: [
        LayerNode(name: "flat", layer: .flatten, inputs: ["input"]),
        LayerNode(name: "drop", layer: .dropout(rate: 0.5), inputs: ["flat"]),
      ])
    let (_, frozen) = try lowered(architecture, batch: 1)
    #expect(frozen.dropoutMasks.isEmpty)
    #expect(try frozen.activation(named: "drop") == frozen.activation(named: "flat"))
    let (graph, network) = try lowered(architecture, batch: 1, mode: .training)
    let mask = try #require(network.dropoutMasks.first)
    #expect(mask.name == "dropout.drop" && mask.shape == [1, 3] && mask.rate == 0.5)
    let result = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [network.logits]),
      placeholders: [
        "images": ReferenceArray(shape: [1, 1, 1, 3], values: [1, 2, 3]),
        "dropout.drop": ReferenceArray(shape: [1, 3], values: [2, 0, 2]),
      ])[0]
    #expect(result.values == [2, 0, 6])
  }

  // MARK: Single layers

  /// What a layer makes of the image 0, 1, 2, … in [row, column, channel] order.
  private func apply(_ layers: [Layer], to shape: Shape, classes: Int) throws -> [Double] {
    var nodes: [LayerNode] = []
    for (index, layer) in layers.enumerated() {
      nodes.append(
        LayerNode(
          name: "\(index)", layer: layer, inputs: [index == 0 ? "input" : "\(index - 1)"]))
    }
    let architecture = try Architecture(
      name: "layers", inputShape: shape, classes: classes, nodes: nodes)
    let (graph, network) = try lowered(architecture, batch: 1)
    let image = ReferenceArray(
      shape: network.input.shape, values: (0..<shape.count).map(Double.init))
    return try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [try network.activation(named: nodes[nodes.count - 1].name)]),
      placeholders: ["images": image])[0].values
  }

  @Test func flattenIsInChannelHeightWidthOrder() throws {
    #expect(try apply([.flatten], to: [2, 2, 2], classes: 8) == [0, 2, 4, 6, 1, 3, 5, 7])
  }

  @Test func flattenInKerasOrderKeepsTheOrder() throws {
    let values = try apply([.flatten(order: .channelsLast)], to: [2, 2, 2], classes: 8)
    #expect(values == [0, 1, 2, 3, 4, 5, 6, 7])
  }

  @Test func optionAShortcutSubsamplesAndPadsChannels() throws {
    // Rows and columns 0 and 2 of a 3×3 image, one zero channel on both sides; flatten is CHW.
    let values = try apply(
      [.subsampleAndPadChannels(stride: 2, before: 1, after: 1), .flatten], to: [3, 3, 1],
      classes: 12)
    #expect(values == [0, 0, 0, 0, 0, 2, 6, 8, 0, 0, 0, 0])
  }

  @Test func adaptivePoolingMatchesPyTorch() throws {
    // Divides evenly: means of 2×2 blocks of 0 … 15.
    #expect(
      try apply([.adaptiveAveragePool(height: 2, width: 2), .flatten], to: [4, 4, 1], classes: 4)
        == [2.5, 4.5, 10.5, 12.5])
    // 5 columns to 3: columns 0…1, 1…3, 3…4, as torch.nn.AdaptiveAvgPool2d.
    #expect(
      try apply([.adaptiveAveragePool(height: 1, width: 3), .flatten], to: [1, 5, 1], classes: 3)
        == [0.5, 2, 3.5])
    // Fewer pixels than asked for are repeated: columns 0, 0…1, 1.
    #expect(
      try apply([.adaptiveAveragePool(height: 1, width: 3), .flatten], to: [1, 2, 1], classes: 3)
        == [0, 0.5, 1])
  }

  @Test func zeroPaddingSurroundsTheImage() throws {
    #expect(
      try apply(
        [.zeroPadding(top: 1, left: 0, bottom: 0, right: 2), .flatten], to: [1, 2, 1], classes: 8)
        == [0, 0, 0, 0, 0, 1, 0, 0])
  }

  @Test func averagePoolCountsPaddingOrNot() throws {
    let window = Window2D(2, stride: 2, padding: 1)
    #expect(
      try apply([.averagePool(window), .flatten], to: [2, 2, 1], classes: 4)
        == [0, 0.25, 0.5, 0.75])
    #expect(
      try apply([.averagePool(window, countsPadding: false), .flatten], to: [2, 2, 1], classes: 4)
        == [0, 1, 2, 3])
  }

  @Test func softmaxIsADistributionAndLogitsEnterIt() throws {
    let values = try apply([.flatten, .softmax], to: [1, 1, 3], classes: 3)
    let exponentials = [1, 2.718281828459045, 7.38905609893065]
    let total = exponentials.reduce(0, +)
    for (value, exponential) in zip(values, exponentials) {
      #expect(abs(value - exponential / total) < 1e-12)
    }
    let architecture = try Architecture(
      name: "probabilities", inputShape: [1, 1, 3], classes: 3,
      nodes: [
        LayerNode(name: "flat", layer: .flatten, inputs: ["input"]),
        LayerNode(name: "softmax", layer: .softmax, inputs: ["flat"]),
      ])
    let (_, network) = try lowered(architecture)
    #expect(try network.logits == network.activation(named: "flat"))
  }
}
