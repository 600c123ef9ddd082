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
    let attributes = try file.attributes(ofGroups: groups.map { $0 + "/" + Self.variables })
    layers = zip(groups, attributes).map { group, attributes in
      var name: String?
      if case .text(let text)? = attributes[Self.layerName] { name = text }
      return Layer(
        group: group, name: name,
        datasets: numbered[group]!.sorted { $0.0 < $1.0 }.map(\.1))
    }
  }

  /// By the layers' names if the file has them and they are the network's; otherwise by class and
  /// number.
  ///
  /// - Parameter layers: in Keras's order.
  func match(_ layers: [ParameterizedLayer]) -> LayoutMatch {
    let names = self.layers.compactMap(\.name)
    let split = KerasMatching.splitting(
      self.layers.map { ($0.name ?? "", $0.datasets) },
      for: Set(layers.map { KerasMatching.normalized($0.name) }))
    if names.count == self.layers.count, Set(names).count == names.count,
      Set(layers.map { KerasMatching.normalized($0.name) }).isSubset(
        of: split.map { KerasMatching.normalized($0.name) })
    {
      return KerasMatching.match(
        layers, to: self.layers.map { ($0.name!, $0.datasets) }, in: container)
    }
    var match = LayoutMatch()
    var known: Set<String> = []
    let folder = Self.folders.first { folder in
      self.layers.contains { $0.group.hasPrefix(folder + "/") }
    }
    for (layer, group) in zip(layers, Self.groups(of: layers, in: folder ?? Self.folders[0])) {
      known.insert(group)
      if let found = self.layers.first(where: { $0.group == group }) {
        match.add(layer, (found.group, found.datasets), in: container)
      } else {
        match.problems.append(
          .init(
            dataset: group,
            "is missing, expected the layer \"\(printable(layer.name))\" with weight "
              + "\(layer.kerasShape(of: layer.weightShape))"))
      }
    }
    for layer in self.layers where !known.contains(layer.group) {
      match.problems.append(
        .init(dataset: layer.group, "is a layer, but the network has none of this name"))
    }
    return match
  }

  static func write(
    _ layers: [ParameterizedLayer], to file: inout HDF5Writer,
    _ tensor: (ParameterSpecification) -> Tensor
  ) throws {
    for (layer, group) in zip(layers, groups(of: layers, in: folders[0])) {
      let folder = group + "/" + variables
      try file.createGroup(folder)
      try file.setAttribute(layerName, to: .text(layer.kerasName), ofGroup: folder)
      for (number, parameter) in layer.parameters.enumerated() {
        try file.write(layer.kerasTensor(tensor(parameter)), as: "\(folder)/\(number)")
      }
    }
  }

  private static func groups(of layers: [ParameterizedLayer], in folder: String) -> [String] {
    var counts: [String: Int] = [:]
    return layers.map { layer in
      let number = counts[layer.kerasClass, default: 0]
      counts[layer.kerasClass] = number + 1
      return folder + "/" + layer.kerasClass + (number == 0 ? "" : "_\(number)")
    }
  }
}
