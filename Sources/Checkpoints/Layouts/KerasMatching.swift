import TensorFiles
import TensorGraph

/// What Keras 2's and Keras 3's files have in common: layers of arrays in a fixed order.
enum KerasMatching {
  /// Files are written as this version does: Keras 2.0 and later read them.
  static let version = "2.15.0"

  typealias StoredLayer = (name: String, datasets: [String])

  /// By names if all of the network's are there; otherwise in order if every array fits.
  static func match(
    _ layers: [ParameterizedLayer], to stored: [StoredLayer], in container: any TensorContainer,
    besides unused: Set<String> = []
  ) -> LayoutMatch {
    let unused = Set(unused.map(normalized))
    let known = Set(layers.map { normalized($0.name) })
    let stored = splitting(stored.filter { !unused.contains(normalized($0.name)) }, for: known)
    var named: [String: StoredLayer] = [:]
    for layer in stored { named[normalized(layer.name)] = layer }
    if known.isSubset(of: named.keys) || stored.count != layers.count {
      return byName(layers, named, stored, known, container)
    }
    var match = inOrder(layers, stored, in: container)
    guard match.problems.isEmpty else { return byName(layers, named, stored, known, container) }
    match.isByName = false
    match.notes.append("layers have other names than the network's and were taken in order")
    return match
  }

  /// A separable convolution is one layer of Keras's, with two filters, and two of the network's.
  static func splitting(_ stored: [StoredLayer], for known: Set<String>) -> [StoredLayer] {
    stored.flatMap { layer -> [StoredLayer] in
      let (first, second) = ("\(layer.name).depthwise", "\(layer.name).pointwise")
      guard (2...3).contains(layer.datasets.count), known.contains(normalized(first)),
        known.contains(normalized(second))
      else { return [layer] }
      return [(first, [layer.datasets[0]]), (second, Array(layer.datasets.dropFirst()))]
    }
  }

  static func inOrder(
    _ layers: [ParameterizedLayer], _ stored: [StoredLayer], in container: any TensorContainer
  ) -> LayoutMatch {
    var match = LayoutMatch()
    for (layer, found) in zip(layers, stored) { match.add(layer, found, in: container) }
    return match
  }

  private static func byName(
    _ layers: [ParameterizedLayer], _ named: [String: StoredLayer], _ stored: [StoredLayer],
    _ known: Set<String>, _ container: any TensorContainer
  ) -> LayoutMatch {
    var match = LayoutMatch()
    for layer in layers {
      if let found = named[normalized(layer.name)] {
        match.add(layer, found, in: container)
      } else {
        match.problems.append(
          .init("has no layer \"\(printable(layer.name))\", expected \(layer.weightShape)"))
      }
    }
    for layer in stored where !known.contains(normalized(layer.name)) {
      match.problems.append(
        .init("has a layer \"\(printable(layer.name))\", but the network has none of this name"))
    }
    return match
  }

  /// Keras 2 allowed slashes in names (`conv1/bn` of its DenseNets), Keras 3 has underscores there, and
  /// our files for Keras have them in place of dots.
  static func normalized(_ name: String) -> String {
    name.replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: ".", with: "_")
  }
}

extension LayoutMatch {
  /// Adds a layer whose arrays are in Keras's order.
  mutating func add(
    _ layer: ParameterizedLayer, _ found: KerasMatching.StoredLayer,
    in container: any TensorContainer
  ) {
    let parameters = layer.parameters
    // Keras's Normalization counts the pixels that it has seen.
    let datasets =
      layer.kind == .normalization && found.datasets.count == parameters.count + 1
      ? found.datasets.dropLast() : found.datasets
    guard datasets.count == parameters.count else {
      problems.append(
        .init(
          "has \(datasets.count) arrays for the layer \"\(printable(found.name))\", expected "
            + "\(parameters.count): "
            + layer.kerasNames.joined(separator: ", ")))
      return
    }
    for (parameter, dataset) in zip(parameters, datasets) {
      add(
        parameter, dataset, parameter.shape.rank > 1 ? layer.kind.kerasOrder : .same, in: container,
        expecting: layer.kerasShape(of: parameter.shape)
      ) { layer.kerasShape($0, fits: parameter.shape) }
    }
  }
}

extension ParameterizedLayer {
  /// A parameter from the graph's shape and order to Keras's.
  func kerasTensor(_ tensor: Tensor) -> Tensor {
    guard tensor.shape.rank > 1, kind.kerasOrder == .outputsLast else { return tensor }
    return AxisOrder.outputsLast.toFile(tensor).reshaped(to: kerasShape(of: tensor.shape))
  }
}
