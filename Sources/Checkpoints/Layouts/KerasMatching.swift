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

  /// One layer of Keras's: one of the network's, or both of a separable convolution.
  struct Layer {
    let parts: [ParameterizedLayer]

    /// Keras's Normalization counts the pixels that it has seen, in an array behind the others that
    /// nothing is computed from.
    var counterName: String? { parts[0].kind == .normalization ? "count" : nil }

    private var isSeparable: Bool { parts.count > 1 }
    var name: String { (isSeparable ? parts[0].separableName : nil) ?? parts[0].name }
    /// As Keras calls it, which on top of PyTorch knows no dots in names.
    var kerasName: String { ParameterizedLayer.kerasName(of: name) }
    var kerasClass: String { isSeparable ? "separable_conv2d" : parts[0].kerasClass }
    /// With Keras's names, in its order.
    var parameters: [(name: String, layer: ParameterizedLayer, parameter: ParameterSpecification)] {
      parts.flatMap { part in
        zip(part.kerasNames, part.parameters).map { name, parameter in
          (isSeparable && name == "kernel" ? "pointwise_kernel" : name, part, parameter)
        }
      }
    }
  }

  /// The network's layers as Keras has them.
  static func joining(_ layers: [ParameterizedLayer]) -> [Layer] {
    var pointwise: [String: ParameterizedLayer] = [:]
    for layer in layers where layer.kind == .convolution {
      if let name = layer.separableName { pointwise[name] = layer }
    }
    var joined: Set<String> = []
    let whole = layers.map { layer in
      guard layer.kind == .depthwiseConvolution, !layer.hasBias, let name = layer.separableName,
        let second = pointwise[name]
      else { return Layer(parts: [layer]) }
      joined.insert(second.name)
      return Layer(parts: [layer, second])
    }
    return whole.filter { $0.parts.count > 1 || !joined.contains($0.parts[0].name) }
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
  /// Adds a layer of Keras's.
  mutating func add(
    _ layer: KerasMatching.Layer, _ found: KerasMatching.StoredLayer,
    in container: any TensorContainer
  ) {
    guard layer.parts.count > 1 else { return add(layer.parts[0], found, in: container) }
    add(layer.parts[0], (found.name, Array(found.datasets.prefix(1))), in: container)
    add(layer.parts[1], (found.name, Array(found.datasets.dropFirst())), in: container)
  }

  /// Adds a layer whose arrays are in Keras's order.
  mutating func add(
    _ layer: ParameterizedLayer, _ found: KerasMatching.StoredLayer,
    in container: any TensorContainer
  ) {
    let parameters = layer.parameters
    // The pixels that it has seen.
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
  /// The name of the separable convolution whose filter this layer has: `x` of `x.depthwise` and
  /// `x.pointwise`.
  public var separableName: String? {
    let part: String
    switch kind {
    case .depthwiseConvolution: part = ".depthwise"
    case .convolution: part = ".pointwise"
    default: return nil
    }
    return name.hasSuffix(part) ? String(name.dropLast(part.count)) : nil
  }

  /// A parameter from the graph's shape and order to Keras's.
  func kerasTensor(_ tensor: Tensor) -> Tensor {
    guard tensor.shape.rank > 1, kind.kerasOrder == .outputsLast else { return tensor }
    return AxisOrder.outputsLast.toFile(tensor).reshaped(to: kerasShape(of: tensor.shape))
  }
}
