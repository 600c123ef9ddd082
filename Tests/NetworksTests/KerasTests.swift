import Foundation
import KerasModels
import Networks
import TensorGraph
import TensorReference
import TestSupport
import Testing

/// Keras's `model_config`, read and written.
@Suite struct KerasTests {
  struct Fixture: Decodable {
    struct Model: Decodable {
      let name: String
      let config: String
      let legacyConfig: String
      let logits: [[Double]]
    }
    let models: [Model]
  }

  func models() throws -> [Fixture.Model] {
    let url = try #require(
      Bundle.module.url(forResource: "Fixtures/keras-small", withExtension: "json"))
    return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url)).models
  }

  /// Of two images u("image"), less their mean: softmax forgets a common summand.
  func logits(_ architecture: Architecture) throws -> [[Double]] {
    let shape = Shape([2] + architecture.inputShape.dimensions)
    var images = [Float](repeating: 0, count: shape.count)
    images.withUnsafeMutableBufferPointer { SeededWeights.uniform("image", into: $0) }
    var graph = GraphBuilder()
    let input = try graph.placeholder("images", shape: shape)
    let network = try NetworkGraph(architecture, input: input, in: &graph)
    var parameters: [String: ReferenceArray] = [:]
    for parameter in architecture.parameters {
      parameters[parameter.name] = ReferenceArray(SeededWeights.tensor(parameter))
    }
    let result = try ReferenceEvaluator.evaluate(
      graph.graph(outputs: [network.logits]),
      placeholders: ["images": ReferenceArray(shape: shape, values: images.map(Double.init))],
      parameters: parameters)[0]
    return (0..<2).map { image in
      let row = result.values[image * architecture.classes..<(image + 1) * architecture.classes]
      let mean = row.reduce(0, +) / Double(architecture.classes)
      return row.map { $0 - mean }
    }
  }

  func difference(_ a: [[Double]], _ b: [[Double]]) -> Double {
    zip(a.joined(), b.joined()).map { abs($0 - $1) }.max() ?? .infinity
  }

  // MARK: Reading

  /// Padding "same" with strides (the odd row at the end), groups, dilation, depthwise filters,
  /// activations within layers, batch norms without gamma or beta, poolings, flattening in Keras's
  /// order: all in double precision on both sides.
  @Test func modelsComputeWhatKerasComputes() throws {
    for model in try models() {
      let architecture = try Architecture(kerasModelConfig: model.config)
      #expect(architecture.name == model.name)
      let error = difference(try logits(architecture), model.logits)
      print("\(model.name): largest difference \(error) of Keras's logits")
      // Keras with PyTorch's functions rounds a batch norm's deviation to single precision.
      #expect(error < 1e-5)
      // The attribute of a legacy file says the same.
      #expect(try Architecture(kerasModelConfig: model.legacyConfig) == architecture)
    }
  }

  @Test func namesAreThoseOfKerasLayers() throws {
    let architecture = try Architecture(kerasModelConfig: try models()[0].config)
    let names = Set(architecture.parameters.map(\.name))
    #expect(names.contains("stem.weight") && names.contains("norm_a.bias"))
    #expect(!names.contains("norm_a.weight") && !names.contains("norm_b.bias"))
    #expect(!names.contains("dilated.bias"))
    #expect(try architecture.shape(of: "stem") == [7, 5, 8])
    #expect(architecture.nodes[try architecture.index(of: "stem")].layer == .relu)
    #expect(try architecture.index(of: "same") == architecture.index(of: "last"))
    let depthwise = try #require(architecture.parameters.first { $0.name == "multiplied.weight" })
    #expect(depthwise.shape == [16, 3, 3, 1])
    // What Grad-CAM and others write into the graph survives a checkpoint.
    let decoded = try JSONDecoder().decode(
      Architecture.self, from: JSONEncoder().encode(architecture))
    #expect(decoded == architecture)
  }

  /// Keras 2's way of saying who reads whom, of its input's shape, and of an axis.
  @Test func keras2FunctionalIsRead() throws {
    let text = """
      {"class_name": "Model", "keras_version": "2.2.4", "config": {"name": "old", "layers": [
        {"name": "in", "class_name": "InputLayer", "inbound_nodes": [],
         "config": {"batch_input_shape": [null, null, null, 3], "name": "in"}},
        {"name": "b", "class_name": "BatchNormalization", "inbound_nodes": [[["c", 0, 0, {}]]],
         "config": {"name": "b", "axis": [3], "epsilon": 0.001, "momentum": 0.99}},
        {"name": "c", "class_name": "Conv2D", "inbound_nodes": [[["in", 0, 0, {}]]],
         "config": {"name": "c", "filters": 4, "kernel_size": [3, 3], "padding": "same"}},
        {"name": "sum", "class_name": "Add", "inbound_nodes": [[["b", 0, 0, {}], ["c", 0, 0, {}]]],
         "config": {"name": "sum"}},
        {"name": "g", "class_name": "GlobalAveragePooling2D", "config": {"name": "g"},
         "inbound_nodes": [[["sum", 0, 0, {}]]]},
        {"name": "d", "class_name": "Dense", "inbound_nodes": [[["g", 0, 0, {}]]],
         "config": {"name": "d", "units": 2, "activation": "softmax"}}],
       "input_layers": [["in", 0, 0]], "output_layers": [["d", 0, 0]]}}
      """
    let architecture = try Architecture(kerasModelConfig: text, height: 6, width: 8)
    #expect(architecture.inputShape == [6, 8, 3])
    #expect(
      architecture.nodes.map(\.name) == ["c", "b", "sum", "g.mean", "g", "d.linear", "d"])
    #expect(throws: NetworkError.self) { try Architecture(kerasModelConfig: text) }
  }

  /// Keras 2's way of writing arithmetic: one operand in front, the other by name, constants anywhere.
  @Test func keras2OperationsAreRead() throws {
    let text = """
      {"class_name": "Functional", "config": {"name": "k2", "layers": [
        {"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
         "config": {"batch_input_shape": [null, 2, 2, 3], "name": "i"}},
        {"class_name": "SlicingOpLambda", "name": "s", "config": {"name": "s",
         "function": "__operators__.getitem"}, "inbound_nodes": [["i", 0, 0,
         {"slice_spec": [{"class_name": "__ellipsis__"}, {"start": null, "stop": null, "step": -1}]}]]},
        {"class_name": "TFOpLambda", "name": "b", "config": {"name": "b", "function": "nn.bias_add"},
         "inbound_nodes": [["s", 0, 0, {"bias": [-1.0, -2.0, -3.0]}]]},
        {"class_name": "TFOpLambda", "name": "t", "config": {"name": "t", "function": "math.subtract"},
         "inbound_nodes": [["_CONSTANT_VALUE", -1, 1.0, {"y": ["b", 0, 0], "name": null}]]},
        {"class_name": "TFOpLambda", "name": "u", "config": {"name": "u", "function": "math.truediv"},
         "inbound_nodes": [["t", 0, 0, {"y": ["b", 0, 0], "name": null}]]},
        {"class_name": "TFOpLambda", "name": "r", "config": {"name": "r", "function": "nn.relu6"},
         "inbound_nodes": [["u", 0, 0, {"name": null}]]},
        {"class_name": "Activation", "name": "h", "config": {"name": "h", "activation": "hard_sigmoid"},
         "inbound_nodes": [[["r", 0, 0, {}]]]},
        {"class_name": "Flatten", "name": "f", "config": {"name": "f"},
         "inbound_nodes": [[["h", 0, 0, {}]]]}],
       "input_layers": [["i", 0, 0]], "output_layers": [["f", 0, 0]]}}
      """
    let architecture = try Architecture(kerasModelConfig: text)
    #expect(
      architecture.nodes.map(\.layer) == [
        .reverseChannels, .rescale(RescalingLayer(scale: [1], offset: [-1, -2, -3])),
        .rescale(RescalingLayer(scale: [-1], offset: [1])), .divide, .relu6,
        .activation(.hardSigmoid(slope: 0.2)), .flatten(order: .channelsLast),
      ])
    #expect(architecture.nodes[3].inputs == ["t", "b"])
  }

  /// EfficientNets drop whole images in some blocks, which nobody does but in training.
  @Test func dropoutOfWholeImagesIsAName() throws {
    let text = KerasFaultTests.sequential(
      #"{"class_name": "Dropout", "config": {"name": "d", "rate": 0.2, "noise_shape": [null, 1, 1, 1]}}, {"class_name": "Flatten", "config": {"name": "f"}}"#
    )
    #expect(try Architecture(kerasModelConfig: text).nodes.map(\.name) == ["f"])
  }

  /// Layers that do nothing but in training are other names of what they read.
  @Test func layersOfTrainingAloneAreNames() throws {
    let architecture = try Architecture(kerasModelConfig: try models()[2].config)
    #expect(architecture.nodes[0].name == "scaled" && architecture.nodes[0].inputs == ["input"])
    #expect(try architecture.index(of: "noise") == architecture.index(of: "channels_dropped"))
    #expect(
      architecture.nodes[try architecture.index(of: "channels_dropped")].layer
        == .spatialDropout(rate: 0.2))
    let names = Set(architecture.parameters.map(\.name))
    #expect(names.isSuperset(of: ["separable.depthwise.weight", "separable.pointwise.bias"]))
    #expect(names.isSuperset(of: ["adapted.running_mean", "slopes.weight", "norm.bias"]))
    #expect(!names.contains("constants.running_mean") && !names.contains("whole_norm.bias"))
  }

  /// Models that call models that call models: as large as they say, and no larger than allowed.
  @Test func modelsWithinModelsAreBounded() {
    func model(_ name: String, _ inner: String) -> String {
      """
      {"class_name": "Functional", "name": "\(name)", "inbound_nodes": [[["i", 0, 0, {}]]], "config":
      {"name": "\(name)", "layers": [{"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
      "config": {"batch_shape": [null, 8, 8, 3]}}\(inner)}}
      """
    }
    func innermost(_ output: String) -> String {
      #"], "output_layers": [["\#(output)", 0, 0]]"#
    }
    // Each calls the one in it twice, one after the other.
    var doubled = model("m", innermost("i"))
    for _ in 0..<25 {
      let twice = doubled.replacing(
        #""inbound_nodes": [[["i", 0, 0, {}]]], "config""#,
        with: #""inbound_nodes": [[["i", 0, 0, {}]], [["m", 1, 0, {}]]], "config""#,
        maxReplacements: 1)
      doubled = model("m", ", " + twice + #"], "output_layers": [["m", 2, 0]]"#)
    }
    #expect {
      try Architecture(kerasModelConfig: doubled)
    } throws: {
      "\($0)".contains("the model has more than 100000 layers")
    }
    var deep = model("m", innermost("i"))
    for _ in 0..<100 { deep = model("m", ", " + deep + #"], "output_layers": [["m", 1, 0]]"#) }
    #expect {
      try Architecture(kerasModelConfig: deep)
    } throws: {
      "\($0)".contains("models lie more than 32 deep within each other")
    }
  }

  /// `a` and `a/b` as a path and as a name: nobody could tell their weights apart.
  @Test func aPathThatIsAlsoANameIsAnError() {
    let text = """
      {"class_name": "Sequential", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [null, 8, 8, 4], "name": "in"}},
        {"class_name": "ReLU", "config": {"name": "a/b"}},
        {"class_name": "Sequential", "config": {"name": "a", "layers": [
          {"class_name": "ReLU", "config": {"name": "b"}}]}}]}}
      """
    #expect {
      try Architecture(kerasModelConfig: text)
    } throws: {
      "\($0)" == "model_config: two layers are called a/b"
    }
  }

  /// Thousands of damaged configurations: an error or a network, nothing else.
  @Test func damagedTextIsAnErrorOrANetwork() throws {
    let text = Array(try models()[1].legacyConfig.utf8)
    var numbers = TestNumbers(5)
    func below(_ bound: Int) -> Int { Int((numbers.next() + 1) / 2 * Double(bound)) }
    let replacements = ["9", "-1", "null", "\"", "[", "{", "1e300", "true", "99999999999999999999"]
    var networks = 0
    let start = ContinuousClock.now
    for _ in 0..<3000 where ContinuousClock.now - start < .seconds(5) {
      var damaged = text
      for _ in 0...below(3) {
        let place = below(damaged.count)
        switch below(3) {
        case 0: damaged[place] = UInt8(below(128))
        case 1: damaged.removeSubrange(place..<min(damaged.count, place + 1 + below(8)))
        default:
          damaged.replaceSubrange(
            place..<place + 1, with: replacements[below(replacements.count)].utf8)
        }
      }
      let result = try? Architecture(
        kerasModelConfig: String(decoding: damaged, as: UTF8.self), height: 9, width: 8)
      if result != nil { networks += 1 }
    }
    // Most damage hits initialisers, which nobody reads, or the syntax.
    #expect(networks > 0)
    let deep = String(repeating: "[", count: 1_000_000)
    #expect(throws: NetworkError.self) { try Architecture(kerasModelConfig: deep) }
  }

  /// One node counts 256 pixels; more are the maxima of rows and then of columns.
  @Test func maximaOfManyPixelsAreRead() throws {
    let config = """
      {"class_name": "Sequential", "config": {"name": "large", "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [null, 20, 17, 3], "name": "in"}},
        {"class_name": "MaxPooling2D", "config": {"name": "part", "pool_size": [2, 200],
          "strides": [3, 90], "padding": "same"}},
        {"class_name": "UpSampling2D", "config": {"name": "wide", "size": [4, 17]}},
        {"class_name": "GlobalMaxPooling2D", "config": {"name": "most"}}]}}
      """
    let architecture = try Architecture(kerasModelConfig: config)
    #expect(try architecture.shape(of: "part") == [7, 1, 3])
    #expect(try architecture.shape(of: "wide") == [28, 17, 3])
    let shape: Shape = [2, 20, 17, 3]
    var images = [Float](repeating: 0, count: shape.count)
    images.withUnsafeMutableBufferPointer { SeededWeights.uniform("image", into: $0) }
    // Strides of 3 leave out some rows: same padding of 7 windows of 2 over 20 begins at 0.
    let expected = (0..<2).map { image in
      let most = (0..<3).map { channel in
        (0..<20).filter { $0 % 3 < 2 }.flatMap { row in
          (0..<17).map { column in
            Double(images[((image * 20 + row) * 17 + column) * 3 + channel])
          }
        }.max()!
      }
      let mean = most.reduce(0, +) / 3
      return most.map { $0 - mean }
    }
    #expect(difference(try logits(architecture), expected) < 1e-12)
    let again = try Architecture(kerasModelConfig: architecture.kerasModelConfig())
    #expect(difference(try logits(again), expected) < 1e-12)
  }

  /// Keras flattens [H, W] row by row, and gives it channels by a reshape.
  @Test func grayImagesWithoutChannelsAreRead() throws {
    func model(_ layers: String) throws -> Architecture {
      try Architecture(
        kerasModelConfig: """
          {"class_name": "Sequential", "config": {"name": "m", "layers": [
            {"class_name": "InputLayer", "config": {"batch_shape": [null, 8, 6], "name": "in"}},
            \(layers),
            {"class_name": "Dense", "config": {"name": "d", "units": 3}}]}}
          """)
    }
    let flat = try model(#"{"class_name": "Flatten", "config": {"name": "f"}}"#)
    #expect(flat.inputShape == [8, 6, 1])
    #expect(flat.nodes.map(\.name) == ["in.matrix", "f", "d"])
    let convolved = try model(
      """
      {"class_name": "Reshape", "config": {"name": "r", "target_shape": [8, 6, 1]}},
      {"class_name": "Conv2D", "config": {"name": "c", "filters": 2, "kernel_size": 3}},
      {"class_name": "GlobalAveragePooling2D", "config": {"name": "g"}}
      """)
    #expect(convolved.inputShape == [8, 6, 1])
    // Of the columns of a matrix, which are no channels.
    #expect(throws: NetworkError.self) {
      try model(
        #"{"class_name": "Conv2D", "config": {"name": "c", "filters": 2, "kernel_size": 3}}"#)
    }
  }

  @Test func valuesThatNoStatisticsHaveAreErrors() {
    func message(_ variance: String) -> String? {
      let config = """
        {"class_name": "Sequential", "config": {"name": "own", "layers": [
          {"class_name": "InputLayer", "config": {"batch_shape": [null, 4, 4, 3], "name": "in"}},
          {"class_name": "Normalization", "config": {"name": "n", "axis": -1,
            "mean": [0.5, 0.5, 0.5], "variance": \(variance)}},
          {"class_name": "Flatten", "config": {"name": "f"}}]}}
        """
      do {
        _ = try Architecture(kerasModelConfig: config)
        return nil
      } catch { return "\(error)" }
    }
    #expect(message("[0.1, 0.1, 0.1]") == nil)
    #expect(
      message("[0.1, -0.1, 0.1]")
        == "model_config: n (Normalization): variance is -0.1, expected 0 or more")
  }
}
