import TensorFiles
import TensorGraph

/// Keras 2's weights: a list of layers as attribute `layer_names` of a group, and for each layer a
/// group with the list of its arrays as attribute `weight_names`. keras/src/legacy/saving/legacy_h5_format.py
struct Keras2Layout {
  struct Layer {
    let name: String
    /// Full names of its datasets, in Keras's order.
    let datasets: [String]
  }

  static let modelGroup = "model_weights"
  static let layerNames = "layer_names"
  static let weightNames = "weight_names"
  static let modelConfig = "model_config"

  let container: any TensorContainer
  /// In which all of it is; empty for the root.
  let group: String
  /// Those that have arrays, in the file's order.
  let layers: [Layer]

  /// - Parameter group: "" or `modelGroup`.
  /// - Throws: `CheckpointError` if a list is missing or names what is not there.
  init(_ file: HDF5File, group: String, attributes: [String: HDF5Attribute]) throws {
    (container, self.group) = (file, group)
    guard let names = try Self.list(Self.layerNames, attributes, file.path, group) else {
      throw CheckpointError(
        path: file.path, dataset: group + "@" + Self.layerNames, "is missing, expected layer names")
    }
    guard Set(names).count == names.count else {
      throw CheckpointError(
        path: file.path, dataset: group + "@" + Self.layerNames, "has a layer twice")
    }
    let prefix = group.isEmpty ? "" : group + "/"
    for name in names where !file.hasGroup(prefix + name) {
      throw CheckpointError(
        path: file.path, dataset: prefix + name, "is missing, expected the group of a layer")
    }
    var layers: [Layer] = []
    for (name, attributes) in zip(names, try file.attributes(ofGroups: names.map { prefix + $0 })) {
      let weights =
        try Self.list(Self.weightNames, attributes, file.path, prefix + name) ?? []
      guard Set(weights).count == weights.count else {
        throw CheckpointError(
          path: file.path, dataset: prefix + name + "@" + Self.weightNames, "has an array twice")
      }
      if !weights.isEmpty {
        layers.append(Layer(name: name, datasets: weights.map { prefix + name + "/" + $0 }))
      }
    }
    self.layers = layers
  }

  /// Lists that would exceed HDF5's 64 KiB for an attribute are split: `layer_names0`, `layer_names1`.
  private static func list(
    _ name: String, _ attributes: [String: HDF5Attribute], _ path: String, _ group: String
  ) throws -> [String]? {
    func texts(_ name: String) throws -> [String]? {
      switch attributes[name] {
      case .texts(let texts): return texts
      // An empty list is stored as an empty array of floats.
      case .numbers(let numbers) where numbers.isEmpty: return []
      case nil: return nil
      default:
        throw CheckpointError(path: path, dataset: group + "@" + name, "is not a list of names")
      }
    }
    if let whole = try texts(name) { return whole }
    guard var list = try texts(name + "0") else { return nil }
    var number = 1
    while let part = try texts("\(name)\(number)") {
      list += part
      number += 1
    }
    return list
  }

  // MARK: Matching

  /// Layers are found by their names. Where a file has other names but as many layers, each with
  /// arrays that fit, they are taken in order, as Keras does.
  ///
  /// - Parameter unused: names of layers that the network does not need.
  func match(_ layers: [ParameterizedLayer], besides unused: Set<String>) -> LayoutMatch {
    KerasMatching.match(
      layers, to: self.layers.flatMap { parts(of: $0, for: layers, unused) }, in: container,
      besides: unused)
  }

  /// A layer that is a model has the arrays of all layers in it, as `block5_conv3/kernel:0` or with the
  /// names of models before, in an order that depends on what was trainable. They are told apart by
  /// their names.
  private func parts(
    of layer: Layer, for layers: [ParameterizedLayer], _ unused: Set<String>
  ) -> [KerasMatching.StoredLayer] {
    let prefix = layer.name + "/"
    let inner = layers.filter { $0.name.hasPrefix(prefix) }
    guard !inner.isEmpty, !layers.contains(where: { $0.name == layer.name }) else {
      return [(layer.name, layer.datasets)]
    }
    // Behind the group of the model, which ends in its name.
    var groups: [(place: [Substring], datasets: [String])] = []
    for dataset in layer.datasets {
      let start = group.isEmpty ? prefix : group + "/" + prefix
      let place = dataset.dropFirst(start.count).split(separator: "/").dropLast()
      if groups.last?.place == Array(place) {
        groups[groups.count - 1].datasets.append(dataset)
      } else if let known = groups.firstIndex(where: { $0.place == Array(place) }) {
        groups[known].datasets.append(dataset)
      } else {
        groups.append((Array(place), [dataset]))
      }
    }
    /// How many names from the last on are the same.
    func likeness(_ place: [Substring], _ path: [Substring]) -> Int {
      zip(place.reversed(), path.reversed()).prefix { $0 == $1 }.count
    }
    var parts: [KerasMatching.StoredLayer] = []
    for part in inner {
      let path = part.name.split(separator: "/")
      let best = groups.indices.max {
        likeness(groups[$0].place, path) < likeness(groups[$1].place, path)
      }
      guard let best, likeness(groups[best].place, path) > 0 else { continue }
      parts.append((part.name, part.inKerasOrder(groups[best].datasets)))
      groups.remove(at: best)
    }
    let known = Set(
      unused.filter { $0.hasPrefix(prefix) }.compactMap { $0.split(separator: "/").last })
    for group in groups where !known.contains(group.place.last ?? "") {
      parts.append((prefix + group.place.joined(separator: "/"), group.datasets))
    }
    return parts
  }

  // MARK: Writing

  /// `bias:0` and the like: names that Keras 1, 2 and 3 read.
  static func write(
    _ layers: [ParameterizedLayer], group: String, to file: inout HDF5Writer,
    _ tensor: (ParameterSpecification) -> Tensor
  ) throws {
    let prefix = group.isEmpty ? "" : group + "/"
    let layers = KerasMatching.joining(layers)
    try file.setAttribute(layerNames, to: .texts(layers.map(\.kerasName)), ofGroup: group)
    try file.setAttribute("backend", to: .text("tensorflow"), ofGroup: group)
    try file.setAttribute("keras_version", to: .text(KerasMatching.version), ofGroup: group)
    for layer in layers {
      let folder = prefix + layer.kerasName
      let names = (layer.parameters.map(\.name) + [layer.counterName].compactMap(\.self)).map {
        "\(layer.kerasName)/\($0):0"
      }
      try file.createGroup(folder)
      try file.setAttribute(weightNames, to: .texts(names), ofGroup: folder)
      for (name, part) in zip(names, layer.parameters) {
        try file.write(part.layer.kerasTensor(tensor(part.parameter)), as: folder + "/" + name)
      }
      if layer.counterName != nil, let name = names.last {
        try file.write(0, as: folder + "/" + name)
      }
    }
  }
}
