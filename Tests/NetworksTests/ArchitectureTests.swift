import Foundation
import Networks
import TensorGraph
import Testing

@Suite struct ArchitectureTests {
  private func network(_ nodes: [LayerNode], aliases: [String: String] = [:]) throws -> Architecture
  {
    try Architecture(
      name: "test", inputShape: [4, 4, 3], classes: 2, nodes: nodes, aliases: aliases)
  }

  private func convolution(_ inputs: Int, _ outputs: Int) -> Layer {
    .convolution(
      ConvolutionLayer(inputChannels: inputs, outputChannels: outputs, kernelSize: 3, padding: 1))
  }

  @Test func wrongActivationNameSuggestsTheClosestFirst() throws {
    let architecture = try ArchitectureSpecification(
      family: "resnet18", classes: 10, height: 64, width: 64
    ).architecture()
    #expect {
      try architecture.index(of: "Layer4.l")
    } throws: {
      "\($0)".hasPrefix(
        "resnet18 has no layer \"Layer4.l\": did you mean \"layer4.0\"? Valid names, closest first: "
          + "layer4.0, layer4.1, ")
    }
    #expect(architecture.activationNames.contains("layer4"))
    #expect(
      try architecture.index(of: "layer4")
        == architecture.nodes.firstIndex { $0.name == "layer4.1" }
    )
  }

  @Test func stagesAreTheUsualTargetLayers() throws {
    func stages(_ family: String) throws -> [String] {
      try ArchitectureSpecification(family: family, classes: 10, height: 224, width: 224)
        .architecture().stages
    }
    #expect(try stages("resnet18") == ["layer1", "layer2", "layer3", "layer4"])
    #expect(try stages("vgg19") == ["features"])
    let blocks = (1...4).map { "features.denseblock\($0)" }
    #expect(try stages("densenet121") == blocks + ["features"])
    let plain = try network([
      LayerNode(
        name: "a", layer: .zeroPadding(top: 1, left: 1, bottom: 1, right: 1), inputs: ["input"]),
      LayerNode(name: "b", layer: .globalAveragePool, inputs: ["a"]),
      LayerNode(name: "c", layer: .flatten, inputs: ["b"]),
      LayerNode(name: "d", layer: .dense(DenseLayer(inputs: 3, outputs: 2)), inputs: ["c"]),
    ])
    #expect(plain.stages == ["a"])
  }

  @Test func readingALaterLayerIsAnError() {
    #expect {
      try network([
        LayerNode(name: "a", layer: .relu, inputs: ["imput"]),
        LayerNode(name: "b", layer: .flatten, inputs: ["a"]),
      ])
    } throws: {
      "\($0)"
        == "test: a reads \"imput\", which is no earlier layer; did you mean \"input\"? Valid "
        + "names, closest first: input"
    }
  }

  @Test func shapesThatDoNotFitNameTheLayerAndBothNumbers() {
    #expect {
      try network([LayerNode(name: "conv1", layer: convolution(4, 8), inputs: ["input"])])
    } throws: {
      "\($0)"
        == "test: conv1: convolution: input [1, 4, 4, 3] has 3 channels, filter [8, 3, 3, 4] "
        + "expects 4"
    }
    #expect {
      try network([
        LayerNode(
          name: "fc", layer: .dense(DenseLayer(inputs: 48, outputs: 2)), inputs: ["input"])
      ])
    } throws: {
      "\($0)" == "test: fc: dense: input [4, 4, 3], expected [48] (is a flatten missing?)"
    }
    #expect {
      try network([
        LayerNode(name: "a", layer: convolution(3, 8), inputs: ["input"]),
        LayerNode(name: "sum", layer: .add, inputs: ["a", "input"]),
      ])
    } throws: {
      "\($0)" == "test: sum: add: inputs [4, 4, 8] and [4, 4, 3] differ"
    }
    #expect {
      try network([LayerNode(name: "flat", layer: .flatten, inputs: ["input"])])
    } throws: {
      "\($0)" == "test: the last layer, flat, gives [48], expected [2] for 2 classes"
    }
  }

  @Test func namesAreUniqueAndAliasesExist() {
    let relu = LayerNode(name: "a", layer: .relu, inputs: ["input"])
    #expect { try network([relu, relu]) } throws: { "\($0)" == "test: two layers are called \"a\"" }
    #expect { try network([relu], aliases: ["x": "y"]) } throws: {
      "\($0)".hasPrefix("test: the alias \"x\" stands for \"y\"; did you mean \"a\"?")
    }
    #expect { try network([relu], aliases: ["a": "a"]) } throws: {
      "\($0)" == "test: the alias \"a\" is the name of a layer or of the image"
    }
  }

  /// One layer that is called twice may; two that differ may not.
  @Test func twoLayersCannotShareParameters() throws {
    let norm = Layer.batchNorm(BatchNormLayer(channels: 3))
    let other = Layer.batchNorm(BatchNormLayer(channels: 3, epsilon: 0.01))
    let ends = [
      LayerNode(name: "mean", layer: .globalAveragePool, inputs: ["b"]),
      LayerNode(name: "flat", layer: .flatten, inputs: ["mean"]),
      LayerNode(
        name: "scores", layer: .dense(DenseLayer(inputs: 3, outputs: 2)), inputs: ["flat"]),
    ]
    let shared = try network(
      [
        LayerNode(name: "a", layer: norm, inputs: ["input"]),
        LayerNode(name: "b", layer: norm, inputs: ["a"], parameterPrefix: "a"),
      ] + ends)
    #expect(shared.nodes[1].parameterPrefix == "a")
    #expect {
      try network(
        [
          LayerNode(name: "a", layer: norm, inputs: ["input"]),
          LayerNode(name: "b", layer: other, inputs: ["a"], parameterPrefix: "a"),
        ] + ends)
    } throws: {
      "\($0)" == "test: b: two layers have a parameter a.weight"
    }
  }

  // MARK: JSON

  @Test(arguments: NetworkFamily.all.filter { $0.options.isEmpty }.map(\.name))
  func familiesSurviveJSON(family: String) throws {
    let architecture = try ArchitectureSpecification(
      family: family, classes: 7, height: 64, width: 96
    ).architecture()
    let decoded = try JSONDecoder().decode(
      Architecture.self, from: JSONEncoder().encode(architecture))
    #expect(decoded == architecture)
  }

  @Test func everyLayerSurvivesJSON() throws {
    let window = Window2D(
      height: 3, width: 2, strideY: 2, strideX: 1, dilationY: 1, dilationX: 2, top: 1, left: 0,
      bottom: 2, right: 1)
    let layers: [Layer] = [
      .convolution(
        ConvolutionLayer(
          inputChannels: 4, outputChannels: 8, window: window, groups: 2, hasBias: false)),
      .batchNorm(BatchNormLayer(channels: 8, epsilon: 1e-3, momentum: 0.01)), .relu,
      .maxPool(window), .averagePool(window, countsPadding: false),
      .adaptiveAveragePool(height: 7, width: 5), .globalAveragePool,
      .batchNorm(BatchNormLayer(channels: 8, hasGamma: false, hasBeta: false)),
      .dense(DenseLayer(inputs: 3, outputs: 2, hasBias: false)), .flatten,
      .flatten(order: .channelsLast), .add, .concatenate,
      .subsampleAndPadChannels(stride: 2, before: 8, after: 9),
      .zeroPadding(top: 1, left: 2, bottom: 3, right: 4), .dropout(rate: 0.25), .softmax,
    ]
    let decoded = try JSONDecoder().decode([Layer].self, from: JSONEncoder().encode(layers))
    #expect(decoded == layers)
  }

  @Test func specificationSurvivesJSON() throws {
    let text = """
      {"family": "vgg-style", "classes": 10, "height": 32, "width": 32,
       "plan": [32, "M", 64], "classifier": [256], "batchNorm": true}
      """
    let specification = try JSONDecoder().decode(
      ArchitectureSpecification.self, from: Data(text.utf8))
    #expect(specification.plan == [.convolution(channels: 32), .pool, .convolution(channels: 64)])
    #expect(specification.channels == 3)
    let again = try JSONDecoder().decode(
      ArchitectureSpecification.self, from: JSONEncoder().encode(specification))
    #expect(again == specification)

    let whole = ArchitectureSpecification(
      family: "graph", classes: 3, height: 6, width: 6, channels: 2,
      graph: try SmallNetworks.residual())
    let decoded = try JSONDecoder().decode(
      ArchitectureSpecification.self, from: JSONEncoder().encode(whole))
    #expect(try decoded.architecture() == SmallNetworks.residual())
  }

  /// Each of these would overflow, trap or hang if it were believed.
  static let hostileLayers: [(layer: String, fault: String)] = [
    (#"{"kind": "relo"}"#, #"unknown layer kind "relo": did you mean "relu"?"#),
    (
      #"{"kind": "convolution", "inputChannels": 3, "outputChannels": 4, "bias": true, "groups": 0, "window": {"height": 3, "width": 3}}"#,
      "convolution: groups is 0"
    ),
    (
      #"{"kind": "convolution", "inputChannels": 3, "outputChannels": -4, "bias": true, "window": {"height": 3, "width": 3}}"#,
      "convolution: outputChannels is -4"
    ),
    (
      #"{"kind": "convolution", "inputChannels": 3, "outputChannels": 4, "bias": true, "window": {"height": 0, "width": 3}}"#,
      "window: height is 0"
    ),
    (
      #"{"kind": "maxPool", "window": {"height": 2, "width": 2, "top": -1}}"#, "window: top is -1"
    ),
    (
      #"{"kind": "maxPool", "window": {"height": 2, "width": 2, "strideX": 9223372036854775807}}"#,
      "window: strideX is 9223372036854775807"
    ),
    (
      #"{"kind": "convolution", "inputChannels": 1048576, "outputChannels": 1048576, "bias": true, "window": {"height": 1048576, "width": 1048576}}"#,
      "over 2147483648 elements"
    ),
    (#"{"kind": "maxPool", "window": {"height": 9, "width": 9}}"#, "does not fit input"),
    (#"{"kind": "zeroPadding", "top": 1048576, "left": 1048576, "bottom": 0, "right": 0}"#, "over"),
    (#"{"kind": "adaptiveAveragePool", "height": 1000000, "width": 1}"#, "expected 1 to 256"),
    (#"{"kind": "batchNorm", "channels": 3, "epsilon": -1, "momentum": 0.1}"#, "epsilon is -1.0"),
    (#"{"kind": "batchNorm", "channels": 3, "epsilon": 1e-5, "momentum": 2}"#, "momentum is 2.0"),
    (#"{"kind": "dense", "inputs": 0, "outputs": 2, "bias": true}"#, "dense: inputs is 0"),
    (
      #"{"kind": "dense", "inputs": 9223372036854775807, "outputs": 2, "bias": true}"#,
      "dense: inputs is 9223372036854775807"
    ),
    (#"{"kind": "dropout", "rate": 1}"#, "dropout: rate is 1.0"),
    (
      #"{"kind": "subsampleAndPadChannels", "stride": 0, "before": 0, "after": 0}"#, "stride is 0"
    ),
  ]

  @Test(arguments: hostileLayers)
  func hostileLayersAreErrors(layer: String, fault: String) {
    let text = """
      {"name": "hostile", "height": 4, "width": 4, "channels": 3, "classes": 2,
       "layers": [{"name": "x", "inputs": ["input"], "layer": \(layer)}]}
      """
    #expect {
      try JSONDecoder().decode(Architecture.self, from: Data(text.utf8))
    } throws: {
      "\($0)".contains(fault)
    }
  }

  @Test(arguments: [
    (#""height": -4, "width": 4, "channels": 3, "classes": 2, "layers": []"#, "height is -4"),
    (
      #""height": 4, "width": 4, "channels": 3, "classes": 2, "layers": []"#,
      "0 layers, expected 1 to"
    ),
    (
      #""height": 1048576, "width": 1048576, "channels": 3, "classes": 2, "layers": []"#,
      "over 2147483648 elements"
    ),
    (
      #""height": 4, "width": 4, "channels": 3, "classes": 0, "layers": []"#, "classes is 0"
    ),
    (
      #""height": 4, "width": 4, "channels": 3, "classes": 2, "layers": [{"name": "x", "inputs": [], "layer": {"kind": "add"}}]"#,
      "x: add: 0 inputs, expected at least 2"
    ),
    (
      #""height": 4, "width": 4, "channels": 3, "classes": 2, "layers": [{"name": "x", "inputs": [], "layer": {"kind": "concatenate"}}]"#,
      "x: concatenate: no inputs"
    ),
    (
      #""height": 4, "width": 4, "channels": 3, "classes": 2, "layers": [{"name": "x", "inputs": [], "layer": {"kind": "relu"}}]"#,
      "x: relu: 0 inputs, expected 1"
    ),
    (
      #""height": 4, "width": 4, "channels": 3, "classes": 2, "layers": [{"name": "input", "inputs": ["input"], "layer": {"kind": "relu"}}]"#,
      "no layer may be called \"input\""
    ),
  ])
  func hostileArchitecturesAreErrors(body: String, fault: String) {
    #expect {
      try JSONDecoder().decode(
        Architecture.self, from: Data(#"{"name": "hostile", \#(body)}"#.utf8))
    } throws: {
      "\($0)".contains(fault)
    }
  }

  @Test(arguments: [
    (
      #"{"family": "resnet18", "classes": 10, "height": 32, "width": 32, "clases": 3}"#,
      #"unknown key "clases": did you mean "classes"?"#
    ),
    (
      #"{"family": "resnet18", "classes": 10, "height": -32, "width": 32}"#, "height is -32"
    ),
    (
      #"{"family": "vgg-style", "classes": 10, "height": 32, "width": 32, "plan": [0]}"#,
      "a convolution's channels is 0"
    ),
    (
      #"{"family": "vgg-style", "classes": 10, "height": 32, "width": 32, "plan": ["X"]}"#,
      "neither a number of channels nor \"M\""
    ),
    (
      #"{"family": "vgg-style", "classes": 10, "height": 32, "width": 32, "plan": [4], "classifier": [-1]}"#,
      "a hidden layer's width is -1"
    ),
    (
      #"{"family": "resnet-style", "classes": 10, "height": 32, "width": 32, "widths": [4], "blocks": [999999999]}"#,
      "999999999 blocks"
    ),
    (
      #"{"family": "resnet-style", "classes": 10, "height": 32, "width": 32, "widths": [4, 8], "blocks": [1]}"#,
      "one number each for every stage"
    ),
  ])
  func hostileSpecificationsAreErrors(text: String, fault: String) {
    #expect {
      try JSONDecoder().decode(ArchitectureSpecification.self, from: Data(text.utf8)).architecture()
    } throws: {
      "\($0)".contains(fault)
    }
  }
}
