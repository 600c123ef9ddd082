import Networks
import TensorGraph

/// The first and the last steps of models as Keras's functions and their authors write them.
extension KerasReading {
  // MARK: Channels taken one by one

  /// Whether a layer is `x[..., 2]`, which is kept for the `stack` that reads it.
  mutating func takeChannel(_ layer: KerasModel.Layer) throws(NetworkError) -> Bool {
    guard layer.className == "GetItem", layer.inputs.count == 1,
      let channel = KerasModel.channel(layer.further), let image = shape(of: layer.inputs[0]),
      image.rank == 3
    else { return false }
    guard (-image[2]..<image[2]).contains(channel) else {
      throw layer.config.error("takes channel \(channel) of \(image)")
    }
    channelParts[layer.name] = (layer.inputs[0], channel < 0 ? channel + image[2] : channel)
    return true
  }

  /// Whether a layer puts single channels together: as `preprocess_input` of Keras 3 exchanges red and blue.
  /// - Parameter areFirst: whether the image has its channels first.
  mutating func appendChannels(
    _ layer: KerasModel.Layer, areFirst: Bool
  ) throws(NetworkError) -> Bool {
    let parts = layer.inputs.compactMap { channelParts[$0] }
    guard !parts.isEmpty || layer.className == "Stack" else { return false }
    let config = layer.config
    let axis = (config.value("axis") as? Int) ?? 0
    guard layer.className == "Stack", parts.count == layer.inputs.count, !areFirst,
      let image = parts.first?.image, parts.allSatisfy({ $0.image == image }),
      let shape = shape(of: image), axis == -1 || axis == 3
    else {
      throw config.error(
        "takes parts of an array, of which only the channels of one image are put together again")
    }
    let channels = parts.map(\.channel)
    if channels == Array(0..<shape[2]) {
      stand(layer.name, for: node(of: image))
    } else if channels == (0..<shape[2]).reversed() {
      try node(layer.name, .reverseChannels, [node(of: image)], config)
    } else {
      throw config.error(
        "puts the channels \(channels) of \(shape) together, expected all of them in order or reversed"
      )
    }
    return true
  }

  // MARK: Probabilities

  /// Takes off what follows a softmax or sigmoid and changes nothing, so that the network is seen to end in it.
  /// - Throws: `NetworkError` where the end mixes probabilities, which then are no logits.
  mutating func end() throws(NetworkError) {
    while let last = nodes.last, case .dropout = last.layer, last.inputs.count == 1,
      let before = nodes.last(where: { $0.name == last.inputs[0] }),
      before.layer.endsInProbabilities
    {
      removeLast(standingFor: before.name)
    }
    guard let last = nodes.last, !last.layer.endsInProbabilities, shape(of: last.name)?.rank == 1
    else { return }
    var (names, seen): ([String], Set<String>) = (last.inputs, [last.name])
    guard Self.mixes(last.layer) else { return }
    while let name = names.popLast() {
      guard seen.insert(name).inserted, shape(of: name)?.rank == 1,
        let node = nodes.first(where: { $0.name == name })
      else { continue }
      if node.layer.endsInProbabilities {
        let function = node.layer == .softmax ? "softmax" : "sigmoid"
        throw NetworkError(
          "model_config: the model ends in \(last.name.prefix(200)), which puts the probabilities of "
            + "\(name.prefix(200)) and others together, so it has no logits; give it one \(function) at its "
            + "end, behind what puts them together")
      }
      if Self.mixes(node.layer) { names += node.inputs }
    }
  }

  /// Layers without parameters that keep numbers what they are: probabilities stay probabilities.
  private static func mixes(_ layer: Layer) -> Bool {
    switch layer {
    case .add, .average, .concatenate, .dropout, .maximum, .reshape, .rescale: true
    default: false
    }
  }
}

extension KerasModel {
  /// k of `[..., k]`.
  static func channel(_ further: [Any]) -> Int? {
    guard further.count == 1, let parts = further[0] as? [Any], parts.count == 2,
      let first = parts[0] as? [String: Any],
      (first["class_name"] as? String)?.contains("ellipsis") == true
    else { return nil }
    return parts[1] as? Int
  }
}
