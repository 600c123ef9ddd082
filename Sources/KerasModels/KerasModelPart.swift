import Foundation
import Networks

extension KerasModel {
  /// One layer of a part, which may be a model itself.
  struct Member {
    let name: String
    let className: String
    let config: KerasObject
    var calls: [KerasCall]
    /// Of a layer that is a model.
    let model: Part?
  }

  /// One model of those within each other.
  final class Part {
    let name: String
    let owner: String
    let config: KerasObject
    let isSequential: Bool
    private(set) var layers: [Member] = []
    /// Names of input layers, in the order of the model's arguments; an empty one for a sequential
    /// model without.
    private(set) var inputs: [String] = []
    private(set) var outputs: [KerasReference] = []

    init(
      _ record: KerasObject, _ className: String, owner: String, depth: Int, _ count: inout Int
    ) throws(NetworkError) {
      guard depth < KerasModel.deepest else {
        throw record.error("models lie more than \(KerasModel.deepest) deep within each other")
      }
      // The first versions of Keras 2 wrote a sequential model's layers alone.
      config =
        record.members["config"] is [Any]
        ? KerasObject(owner: record.owner, members: ["layers": record.members["config"]!])
        : try record.object("config")
      self.owner = owner
      name = try config.text("name", default: "keras")
      isSequential = className == "Sequential"
      let records = try config.objects("layers")
      count += records.count
      guard !records.isEmpty, count <= Limits.nodes else {
        throw config.error("\(records.count) layers, expected 1 to \(Limits.nodes)")
      }
      for record in records { layers.append(try member(record, depth: depth, &count)) }
      var names: Set<String> = []
      for layer in layers where !names.insert(layer.name).inserted {
        throw layer.config.error("two layers have this name")
      }
      if isSequential {
        try chain()
      } else {
        inputs = try orderedInputs()
        outputs = try references(config, "output_layers")
        guard !outputs.isEmpty else { throw config.error("output_layers is missing or empty") }
      }
    }

    private func member(
      _ record: KerasObject, depth: Int, _ count: inout Int
    ) throws(NetworkError) -> Member {
      let className = try record.text("class_name")
      let isModel = KerasModel.models.contains(className)
      var config =
        isModel && record.members["config"] is [Any]
        ? KerasObject(owner: record.owner, members: [:]) : try record.object("config")
      let name = try record.has("name") ? record.text("name") : config.text("name")
      config.owner = "\(owner): \(name.prefix(200)) (\(className.prefix(100)))"
      // Before what it reads: calls of such layers are written in ways of their own.
      let isCalled = record.has("inbound_nodes")
      if className != "InputLayer", !isModel,
        let refusal = KerasReading.refusal(className, config, isCalled: isCalled)
      {
        throw config.error(refusal)
      }
      let named = KerasObject(owner: config.owner, members: record.members)
      return Member(
        name: name, className: className, config: config,
        calls: isSequential ? [] : try Self.calls(of: named, className),
        model: isModel
          ? try Part(named, className, owner: config.owner, depth: depth + 1, &count) : nil)
    }

    // MARK: Calls

    private static func calls(
      of record: KerasObject, _ className: String
    ) throws(NetworkError) -> [KerasCall] {
      guard let calls = record.value("inbound_nodes") as? [Any] else {
        throw record.error("inbound_nodes is missing or no list")
      }
      guard calls.count <= Limits.nodes else {
        throw record.error("is called \(calls.count) times, more than \(Limits.nodes)")
      }
      var result: [KerasCall] = []
      // An operation's only call may stand there by itself.
      if calls.first is String {
        result = [try KerasCall(calls, of: record)]
      } else {
        for call in calls { result.append(try KerasCall(call, of: record)) }
      }
      // Said of it where it is appended.
      return result.isEmpty && className != "InputLayer" ? [KerasCall()] : result
    }

    /// `["a", 0, 0]` or a list of them.
    private func references(
      _ config: KerasObject, _ key: String
    ) throws(NetworkError) -> [KerasReference] {
      var list: [Any] = []
      switch config.value(key) {
      case let value as [Any]: list = value
      // Outputs by name.
      case let value as [String: Any]: list = value.sorted { $0.key < $1.key }.map(\.value)
      default: return []
      }
      if list.first is String { return [try KerasReference(list, config)] }
      var references: [KerasReference] = []
      for history in list {
        guard let history = history as? [Any] else {
          throw config.error("\(key) holds something that is not [layer, node, tensor]")
        }
        references.append(try KerasReference(history, config))
      }
      let isOfKeras2 = layers.contains {
        $0.calls.contains { $0.references.contains(where: \.isOfKeras2) }
      }
      return references.map {
        KerasReference(
          name: $0.name, call: $0.call, result: $0.result, isOfKeras2: isOfKeras2)
      }
    }

    // MARK: Input

    /// Each layer of a sequential model reads the one before it.
    private func chain() throws(NetworkError) {
      for layer in layers.dropFirst() where layer.className == "InputLayer" {
        throw layer.config.error("is an input in the middle of a sequential model")
      }
      let hasInput = layers[0].className == "InputLayer"
      inputs = [hasInput ? layers[0].name : ""]
      var previous = inputs[0]
      for index in layers.indices.dropFirst(hasInput ? 1 : 0) {
        layers[index].calls = [KerasCall(reading: previous)]
        previous = layers[index].name
      }
      outputs = [KerasReference(name: previous, call: 0, result: 0)]
    }

    private func orderedInputs() throws(NetworkError) -> [String] {
      let names = layers.filter { $0.className == "InputLayer" }.map(\.name)
      let listed = try references(config, "input_layers").map(\.name)
      return Set(listed) == Set(names) && listed.count == names.count ? listed : names
    }

    /// Of the only input, [height, width, channels].
    func imageShape() throws(NetworkError) -> [Int?] {
      let shape = try inputShape()
      if shape.count == 2 { return shape + [1] }
      return hasChannelsFirst ? [shape[1], shape[2], shape[0]] : shape
    }

    /// Whether the input is a gray image without an axis of channels, [height, width].
    func takesMatrices() throws(NetworkError) -> Bool { try inputShape().count == 2 }

    /// Whether the first layer that looks for channels finds them first.
    var hasChannelsFirst: Bool { firstFormat() == "channels_first" }

    private func firstFormat() -> String? {
      for layer in layers {
        if let format = layer.model?.firstFormat() { return format }
        // Behind it nothing is known of the input.
        if ["Permute", "Reshape", "Flatten"].contains(layer.className) { return "channels_last" }
        if KerasReading.formatted.contains(layer.className) {
          return layer.config.value("data_format") as? String ?? "channels_last"
        }
      }
      return nil
    }

    /// Of the only input, without the batch, as Keras has it.
    private func inputShape() throws(NetworkError) -> [Int?] {
      guard isSequential else {
        let layer = layers.first { $0.name == inputs[0] }!
        let key = layer.config.has("batch_shape") ? "batch_shape" : "batch_input_shape"
        return try Self.shape(layer.config, key)
      }
      // A layer of its own, or one that nobody can be called.
      let first = layers[0]
      for (object, key) in [
        (first.config, "batch_shape"), (first.config, "batch_input_shape"),
        (config, "build_input_shape"),
      ] where object.has(key) { return try Self.shape(object, key) }
      if let model = first.model, model.inputs.count == 1 { return try model.inputShape() }
      throw first.config.error("the model does not say the shape of its input")
    }

    /// `[null, 224, 224, 3]`, or `[null, 28, 28]` of gray images, without the batch axis.
    private static func shape(
      _ config: KerasObject, _ key: String
    ) throws(NetworkError) -> [Int?] {
      guard let list = config.value(key) as? [Any], [3, 4].contains(list.count) else {
        throw config.error(
          "\(key) is not [batch, height, width, channels], nor [batch, height, width]; the model must "
            + "take images")
      }
      var shape: [Int?] = []
      for extent in list.dropFirst() {
        if extent is NSNull {
          shape.append(nil)
          continue
        }
        guard let extent = extent as? Int else { throw config.error("\(key) holds no numbers") }
        try Limits.check(positive: [(key, extent)], in: config.owner)
        shape.append(extent)
      }
      return shape
    }

    // MARK: Order

    /// One call of a layer, by positions.
    struct Call: Hashable {
      let layer: Int
      let call: Int
    }

    /// The call that a reference means.
    func target(
      of reference: KerasReference, _ positions: [String: Int], _ owner: KerasObject
    ) throws(NetworkError) -> Call {
      guard let layer = positions[reference.name] else {
        throw owner.error("reads \(reference.name.prefix(200)), which is no layer")
      }
      let isModel = layers[layer].model != nil
      let call =
        isModel && reference.isOfKeras2 && reference.call > 0
        ? reference.call - 1 : reference.call
      let count = layers[layer].className == "InputLayer" ? 1 : layers[layer].calls.count
      guard call < count else {
        throw owner.error(
          "reads call \(call + 1) of \(reference.name.prefix(200)), which is called \(count) "
            + "\(count == 1 ? "time" : "times")")
      }
      return Call(layer: layer, call: call)
    }

    /// All calls, each after those that it reads, without input layers.
    func order(_ positions: [String: Int]) throws(NetworkError) -> [Call] {
      var calls: [Call] = []
      var numbers: [Call: Int] = [:]
      for (position, layer) in layers.enumerated() {
        for call in layer.calls.indices where layer.className != "InputLayer" {
          let call = Call(layer: position, call: call)
          numbers[call] = calls.count
          calls.append(call)
        }
      }
      var sources: [[Int]] = []
      for call in calls {
        let layer = layers[call.layer]
        var list: [Int] = []
        for reference in layer.calls[call.call].references where !isInput(reference) {
          if let number = numbers[try target(of: reference, positions, layer.config)] {
            list.append(number)
          }
        }
        sources.append(list)
      }
      var lasts: [Int] = []
      for output in outputs where !isInput(output) {
        guard positions[output.name] != nil else {
          throw NetworkError("\(owner): the output \(output.name.prefix(200)) is no layer")
        }
        if let number = numbers[try target(of: output, positions, config)] { lasts.append(number) }
      }
      let order = try search(from: lasts, calls, sources)
      // Keras's own order where it is one.
      let isOrdered = calls.indices.allSatisfy { number in
        sources[number].allSatisfy { $0 < number }
      }
      return isOrdered && (lasts.count > 1 || lasts == [calls.count - 1])
        ? calls : order.map { calls[$0] }
    }

    private func isInput(_ reference: KerasReference) -> Bool {
      reference.name.isEmpty && inputs == [""]
    }

    /// Depth first, with a stack of its own: a hostile file may be a chain of any length.
    private func search(
      from lasts: [Int], _ calls: [Call], _ sources: [[Int]]
    ) throws(NetworkError) -> [Int] {
      var order: [Int] = []
      var state = [Int](repeating: 0, count: calls.count)  // 0 new, 1 on the way, 2 done
      var stack = Array(lasts.reversed())
      while let number = stack.last {
        if state[number] == 0 {
          state[number] = 1
          for source in sources[number].reversed() {
            guard state[source] != 1 else {
              throw layers[calls[number].layer].config.error(
                "reads \(layers[calls[source].layer].name.prefix(200)), which depends on it")
            }
            if state[source] == 0 { stack.append(source) }
          }
        } else {
          stack.removeLast()
          if state[number] == 1 {
            state[number] = 2
            order.append(number)
          }
        }
      }
      for (call, state) in zip(calls, state) where state == 0 {
        let names = outputs.map { String($0.name.prefix(200)) }.joined(separator: " and ")
        throw layers[call.layer].config.error("does not lead to the output \(names)")
      }
      return order
    }

    /// Whether Keras 3 wrote it.
    var isKeras3: Bool {
      layers.contains { $0.config.has("batch_shape") || $0.model?.isKeras3 == true }
    }

    // MARK: Groups

    /// Of this model's layers and those within them.
    func paths() -> [String] {
      layers.flatMap { layer in
        [layer.name] + (layer.model?.paths() ?? []).map { layer.name + "/" + $0 }
      }
    }

    /// Of this model's layers and those within them, by path.
    func groups() -> [String: [String]] {
      var groups: [String: [String]] = [:]
      var counts: [String: Int] = [:]
      for layer in layers {
        let className = KerasModel.snakeCase(layer.className)
        let number = counts[className, default: 0]
        counts[className] = number + 1
        let group = number == 0 ? className : "\(className)_\(number)"
        groups[layer.name] = [group]
        for (path, inner) in layer.model?.groups() ?? [:] {
          groups[layer.name + "/" + path] = [group] + inner
        }
      }
      return groups
    }
  }

  /// Keras's names of groups: `GlobalAveragePooling2D` is `global_average_pooling2d`.
  /// keras/src/utils/naming.py
  static func snakeCase(_ name: String) -> String {
    name.replacing(/(.)([A-Z][a-z]+)/) { "\($0.1)_\($0.2)" }
      .replacing(/([a-z])([A-Z])/) { "\($0.1)_\($0.2)" }.lowercased()
  }
}
