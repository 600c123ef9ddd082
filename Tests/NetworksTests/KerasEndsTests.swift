import KerasModels
import Networks
import Testing

/// The first and the last steps of models as Keras's functions and their authors write them.
@Suite struct KerasEndsTests {
  /// A call with the results of layers, as Keras 3 writes it.
  private func call(_ names: [String], _ further: String? = nil) -> String {
    let tensors = names.map {
      #"{"class_name": "__keras_tensor__", "config": {"keras_history": ["\#($0)", 0, 0]}}"#
    }
    let first = tensors.count == 1 ? tensors[0] : "[\(tensors.joined(separator: ", "))]"
    return #"[{"args": [\#(first)\#(further.map { ", \($0)" } ?? "")], "kwargs": {}}]"#
  }

  private func layer(_ name: String, _ className: String, _ config: String, _ call: String)
    -> String
  {
    let entries = #"{"name": "\#(name)"\#(config.isEmpty ? "" : ", \(config)")}"#
    return
      #"{"class_name": "\#(className)", "name": "\#(name)", "config": \#(entries), "inbound_nodes": \#(call)}"#
  }

  private func model(_ layers: [String], outputs: String) -> String {
    let input =
      #"{"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_shape": [null, 4, 4, 3]}, "#
      + #""inbound_nodes": []}"#
    return #"""
      {"class_name": "Functional", "config": {"name": "m", "input_layers": [["x", 0, 0]],
      "output_layers": \#(outputs), "layers": [\#(([input] + layers).joined(separator: ",\n"))]}}
      """#
  }

  private func head(_ name: String, _ function: String, units: Int = 3) -> String {
    layer(name, "Dense", #""units": \#(units), "activation": "\#(function)""#, call(["row"]))
  }

  private var row: String { layer("row", "GlobalAveragePooling2D", "", call(["x"])) }

  /// `x[..., k]`
  private func part(_ name: String, _ channel: Int) -> String {
    layer(
      name, "GetItem", "",
      call(["x"], #"[{"class_name": "__ellipsis__", "config": {}}, \#(channel)]"#))
  }

  /// `preprocess_input` of VGGs and ResNets.
  @Test(arguments: [([2, 1, 0], true), ([-1, -2, -3], true), ([0, 1, 2], false)])
  func channelsThatAreTakenOneByOne(channels: [Int], isReversed: Bool) throws {
    let names = ["a", "b", "c"]
    let network = try Architecture(
      kerasModelConfig: model(
        zip(names, channels).map { part($0, $1) } + [
          layer("stack", "Stack", #""axis": -1"#, call(names)),
          layer("row", "GlobalAveragePooling2D", "", call(["stack"])), head("p", "softmax"),
        ], outputs: #"[["p", 0, 0]]"#))
    #expect(network.nodes.contains { $0.layer == .reverseChannels } == isReversed)
    #expect(network.nodes.last?.layer == .softmax)
  }

  @Test(
    arguments: [
      ([2, 0, 1], -1, "puts the channels [2, 0, 1] of [4, 4, 3] together"),
      ([2, 1], -1, "puts the channels [2, 1] of [4, 4, 3] together"),
      ([2, 1, 0], 0, "takes parts of an array"), ([3, 1, 0], -1, "takes channel 3 of [4, 4, 3]"),
    ])
  func otherPartsAreRefused(channels: [Int], axis: Int, message: String) throws {
    let names = Array(["a", "b", "c"].prefix(channels.count))
    let text = model(
      zip(names, channels).map { part($0, $1) } + [
        layer("stack", "Stack", #""axis": \#(axis)"#, call(names)),
        layer("row", "GlobalAveragePooling2D", "", call(["stack"])), head("p", "softmax"),
      ], outputs: #"[["p", 0, 0]]"#)
    let error = #expect(throws: NetworkError.self) { try Architecture(kerasModelConfig: text) }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  /// What changes no probability leaves the softmax or sigmoid the end.
  @Test(
    arguments: [
      ("Dropout", #""rate": 0.5"#), ("Reshape", #""target_shape": [3]"#), ("Flatten", ""),
      ("Activation", #""activation": "linear""#), ("GaussianNoise", #""stddev": 0.1"#),
    ], ["softmax", "sigmoid"])
  func whatFollowsProbabilitiesAndDoesNothing(end: (String, String), function: String) throws {
    let network = try Architecture(
      kerasModelConfig: model(
        [row, head("p", function), layer("end", end.0, end.1, call(["p"]))],
        outputs: #"[["end", 0, 0]]"#))
    #expect(network.nodes.last?.layer.endsInProbabilities == true)
    #expect(network.output == (function == "softmax" ? .softmax : .labels))
    #expect(network.nodes.last?.name == "p")
    #expect(network.aliases["end"] == "p")
  }

  /// Their mean or their row has no logits.
  @Test(
    arguments: [
      ("Average", "softmax"), ("Average", "sigmoid"), ("Concatenate", "sigmoid"),
      ("Maximum", "softmax"),
    ])
  func mixedProbabilitiesAreRefused(merge: String, function: String) throws {
    let text = model(
      [row, head("p", function), head("q", function), layer("end", merge, "", call(["p", "q"]))],
      outputs: #"[["end", 0, 0]]"#)
    let error = #expect(throws: NetworkError.self) { try Architecture(kerasModelConfig: text) }
    #expect(
      error?.description.contains("puts the probabilities of") == true,
      "\(String(describing: error))")
    // Of logits it has.
    let logits = text.replacing(#""\#(function)""#, with: #""linear""#)
    #expect(try Architecture(kerasModelConfig: logits).output == .softmax)
  }

  @Test func outputsMayHaveNames() throws {
    let text = model(
      [row, head("age", "softmax", units: 5), head("kind", "softmax")],
      outputs: #"{"years": ["age", 0, 0], "what": ["kind", 0, 0]}"#)
    #expect(try Architecture(kerasModelConfig: text, output: "age").classes == 5)
    #expect(try Architecture(kerasModelConfig: text, output: "kind").classes == 3)
    let error = #expect(throws: NetworkError.self) { try Architecture(kerasModelConfig: text) }
    #expect(error?.description.contains("the model has 2 outputs, kind and age") == true)
  }
}
