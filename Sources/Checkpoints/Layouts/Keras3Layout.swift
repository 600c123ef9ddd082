import TensorFiles
import TensorGraph

/// Keras 3's `.weights.h5`: a group for each layer, called after the layer's class and numbered in the
/// model's order (`layers/conv2d`, `layers/conv2d_1`, …), with the arrays as `vars/0`, `vars/1`, …;
/// the group `vars` has the layer's name as an attribute from Keras 3.6 on.
/// keras/src/saving/saving_lib.py
struct Keras3Layout {
  struct Layer {
    /// Full name of its group.
    let group: String
    /// The layer's name, if the file has it.
    let name: String?
    /// Full names of its datasets, in order.
    let datasets: [String]
  }

  /// Where layers are: Keras 3's, and what versions 2.12 and 2.13 wrote.
  static let folders = ["layers", "_layer_checkpoint_dependencies"]
  static let variables = "vars"
  static let layerName = "name"

  let container: any TensorContainer
  /// Sorted by group.
  let layers: [Layer]

  static func describes(_ file: HDF5File) -> Bool {
    folders.contains { file.hasGroup($0) }
      && file.groups.contains { $0.hasSuffix("/" + variables) }
  }

  /// - Throws: `CheckpointError` if an attribute cannot be read.
  init(_ file: HDF5File) throws {
    container = file
    var numbered: [String: [(Int, String)]] = [:]
    for tensor in file.tensors {
      let parts = tensor.name.split(separator: "/", omittingEmptySubsequences: false)
      // Dropout's seeds are layers of a layer, and no weights of ours.
      guard parts.count >= 4, parts[parts.count - 2] == Self.variables,
        let number = Int(parts[parts.count - 1]), Self.folders.contains(String(parts[0])),
        !parts.contains("seed_generator")
      else { continue }
      numbered[parts.dropLast(2).joined(separator: "/"), default: []].append((number, tensor.name))
    }
    let groups = numbered.keys.sorted()
    // A layer within models has the names of these before its own.
    var ancestors: Set<String> = []
    for group in groups {
      let parts = group.split(separator: "/", omittingEmptySubsequences: false)
      for count in stride(from: 2, through: parts.count, by: 2) {
        ancestors.insert(parts[..<count].joined(separator: "/"))
      }
    }
    let known = ancestors.sorted().filter { file.hasGroup($0 + "/" + Self.variables) }
    let attributes = try file.attributes(ofGroups: known.map { $0 + "/" + Self.variables })
    var names: [String: String] = [:]
    for (group, attributes) in zip(known, attributes) {
      if case .text(let text)? = attributes[Self.layerName] { names[group] = text }
    }
    layers = groups.map { group in
      let parts = group.split(separator: "/", omittingEmptySubsequences: false)
      let path = stride(from: 2, through: parts.count, by: 2).map {
        names[parts[..<$0].joined(separator: "/")]
      }
      let isNamed = parts.count % 2 == 0 && !path.contains(nil)
      return Layer(
        group: group, name: isNamed ? path.compactMap(\.self).joined(separator: "/") : nil,
        datasets: numbered[group]!.sorted { $0.0 < $1.0 }.map(\.1))
    }
  }

  /// By the layers' names if the file has them and they are the network's; otherwise by class and
  /// number.
  ///
  /// - Parameters:
  ///   - layers: in Keras's order.
  ///   - places: of a whole model.
  func match(
    _ layers: [ParameterizedLayer], in places: CheckpointFile.KerasPlaces
  ) -> LayoutMatch {
    let names = self.layers.compactMap(\.name)
    let split = KerasMatching.splitting(
      self.layers.map { ($0.name ?? "", $0.datasets) },
      for: Set(layers.map { KerasMatching.normalized($0.name) }))
    if names.count == self.layers.count, Set(names).count == names.count,
      Set(layers.map { KerasMatching.normalized($0.name) }).isSubset(
        of: split.map { KerasMatching.normalized($0.name) })
    {
      return KerasMatching.match(
        layers, to: self.layers.map { ($0.name!, $0.datasets) }, in: container,
        besides: places.unused)
    }
    var match = LayoutMatch()
    var known: Set<String> = []
    let folder = Self.folders.first { folder in
      self.layers.contains { $0.group.hasPrefix(folder + "/") }
    }
    let between = folder ?? Self.folders[0]
    let layers = KerasMatching.joining(layers)
    var groups = Self.groups(of: layers, in: between)
    if layers.allSatisfy({ places.groups[$0.name] != nil }) {
      groups = layers.map { Self.group(places.groups[$0.name]!, in: between) }
      known = Set(
        places.unused.compactMap { places.groups[$0] }.map { Self.group($0, in: between) })
    }
    for (layer, group) in zip(layers, groups) {
      known.insert(group)
      if let found = self.layers.first(where: { $0.group == group }) {
        match.add(layer, (found.group, found.datasets), in: container)
      } else {
        match.problems.append(
          .init(
            dataset: group,
            "is missing, expected the layer \"\(printable(layer.name))\" with weight "
              + "\(layer.parts[0].kerasShape(of: layer.parts[0].weightShape))"))
      }
    }
    for layer in self.layers where !known.contains(layer.group) {
      match.problems.append(
        .init(dataset: layer.group, "is a layer, but the network has none of this name"))
    }
    return match
  }

  /// - Parameter given: groups by the names of layers, as in `CheckpointFile.KerasPlaces`; those of other
  ///   layers follow from their order.
  static func write(
    _ layers: [ParameterizedLayer], in given: [String: [String]] = [:],
    to file: inout HDF5Writer, _ tensor: (ParameterSpecification) -> Tensor
  ) throws {
    let layers = KerasMatching.joining(layers)
    var groups = Self.groups(of: layers, in: folders[0])
    var names = layers.map(\.kerasName)
    if layers.allSatisfy({ given[$0.name] != nil }) {
      groups = layers.map { Self.group(given[$0.name]!, in: folders[0]) }
      // A layer within models has a group in the group of each.
      var models: [String: String] = [:]
      for (number, layer) in layers.enumerated() {
        let places = given[layer.name]!
        let path = layer.kerasName.split(separator: "/", maxSplits: places.count - 1)
        guard path.count == places.count, let own = path.last else { continue }
        names[number] = String(own)
        for count in 1..<places.count {
          models[Self.group(Array(places[..<count]), in: folders[0])] = String(path[count - 1])
        }
      }
      for (group, name) in models.sorted(by: { $0.key < $1.key }) {
        let folder = group + "/" + variables
        try file.createGroup(folder)
        try file.setAttribute(layerName, to: .text(name), ofGroup: folder)
      }
    }
    for ((layer, group), name) in zip(zip(layers, groups), names) {
      let folder = group + "/" + variables
      try file.createGroup(folder)
      try file.setAttribute(layerName, to: .text(name), ofGroup: folder)
      for (number, part) in layer.parameters.enumerated() {
        try file.write(part.layer.kerasTensor(tensor(part.parameter)), as: "\(folder)/\(number)")
      }
      if layer.counterName != nil {
        try file.write(0, as: "\(folder)/\(layer.parameters.count)")
      }
    }
  }

  /// `layers/functional/layers/conv2d`
  private static func group(_ names: [String], in folder: String) -> String {
    names.map { folder + "/" + $0 }.joined(separator: "/")
  }

  private static func groups(of layers: [KerasMatching.Layer], in folder: String) -> [String] {
    var counts: [String: Int] = [:]
    return layers.map { layer in
      let number = counts[layer.kerasClass, default: 0]
      counts[layer.kerasClass] = number + 1
      return folder + "/" + layer.kerasClass + (number == 0 ? "" : "_\(number)")
    }
  }
}
