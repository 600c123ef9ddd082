import Checkpoints
import Foundation
import Networks
import TensorGraph

extension CheckpointFile {
  /// A built-in network whose parameters are in the file.
  struct Identification {
    let specification: ArchitectureSpecification
    /// What stands before its names; nil if there is nothing else in the file.
    let group: String?
  }

  /// The built-in network whose parameters, by names and shapes, are those of the file; `nil` if there
  /// is none, or several. Files of others rarely say what they hold.
  ///
  /// - Parameter size: of the images; it decides how many weights Keras's VGGs have.
  public func identifiedNetwork(height: Int, width: Int) -> ArchitectureSpecification? {
    let found = identifiedNetworks(height: height, width: width)
    return found.count == 1 ? found[0].specification : nil
  }

  /// The same of a file that may hold several networks: one for each group.
  func identifiedNetworks(height: Int, width: Int) -> [Identification] {
    for channels in inputChannels {
      let found = identifiedNetworks(height: height, width: width, channels: channels)
      if !found.isEmpty { return found }
    }
    return []
  }

  /// What images may have that a network in the file takes: three channels, else what some filters of
  /// the file have.
  private var inputChannels: [Int] {
    let most = 16
    let filters = container.tensors.filter { $0.shape.rank == 4 }
    let others = Set(filters.map { $0.shape[layout.isKeras ? 2 : 1] })
    return [3] + others.filter { $0 != 3 && $0 <= most }.sorted()
  }

  /// The network that a PyTorch file's names and shapes suggest where they are those of no built-in
  /// one; nil if they suggest none, or the file holds several.
  ///
  /// - Parameter size: of the images, if known.
  package func inferredNetwork(size: (height: Int, width: Int)?) -> InferredNetwork? {
    guard !layout.isKeras else { return nil }
    var shapes: [String: Shape] = [:]
    for tensor in container.parameters where !tensor.name.hasSuffix("num_batches_tracked") {
      shapes[tensor.name] = tensor.shape
    }
    for (prefix, _) in StateDictPlaces.prefixes(of: shapes.keys.sorted()) {
      let inside = shapes.filter { $0.key.hasPrefix(prefix) }
      let names = inside.map { (String($0.key.dropFirst(prefix.count)), $0.value) }
      guard
        let found = InferredNetwork.find(
          Dictionary(names, uniquingKeysWith: { first, _ in first }), size: size),
        let match = try? match(found.architecture.parameterizedLayers), match.isByName
      else { continue }
      return found
    }
    return nil
  }

  private func identifiedNetworks(
    height: Int, width: Int, channels: Int
  ) -> [Identification] {
    var found: [Identification] = []
    func add(_ specification: ArchitectureSpecification, _ group: String) {
      if !found.contains(where: { $0.group == group }) {
        found.append(Identification(specification: specification, group: group))
      }
    }
    for (specification, layers) in candidates(height, width, channels: channels) {
      if let match = try? match(layers), match.isByName {
        guard let group = match.group else {
          return [Identification(specification: specification, group: nil)]
        }
        add(specification, group)
      } else {
        for group in rivals(of: layers) { add(specification, group) }
      }
    }
    return found
  }

  /// Built-in networks that a file of this layout can hold, with as many classes as some dense layer in
  /// it has outputs; in a file without any, those that end in a convolution, with as many as one of
  /// 1×1 has.
  private func candidates(
    _ height: Int, _ width: Int, channels: Int = 3, classes given: Int? = nil
  ) -> [(ArchitectureSpecification, [ParameterizedLayer])] {
    let matrices = container.tensors.filter { $0.shape.rank == 2 }
    let classes =
      given.map { [$0] }
      ?? Set(matrices.map { layout.isKeras ? $0.shape[1] : $0.shape[0] }).sorted()
    // Names tell PyTorch's from Keras's, except in Keras 3's older files, which have none.
    return NetworkFamily.all.filter {
      $0.options.isSubset(of: [.classifier]) && $0.name.hasPrefix("keras-") == layout.isKeras
    }.flatMap { family in
      var specifications = classes.map {
        ArchitectureSpecification(
          family: family.name, classes: $0, height: height, width: width, channels: channels)
      }
      if family.options == [.classifier], given == nil, let widths = classifierWidths {
        specifications.append(
          ArchitectureSpecification(
            family: family.name, classes: widths.last!, height: height, width: width,
            channels: channels, classifier: widths.dropLast()))
      }
      if classes.isEmpty, let widths = pointWidths, !family.endsInDenseLayer {
        specifications += widths.map {
          ArchitectureSpecification(
            family: family.name, classes: $0, height: height, width: width, channels: channels)
        }
      }
      return specifications.compactMap {
        specification -> (ArchitectureSpecification, [ParameterizedLayer])? in
        guard let architecture = try? specification.architecture() else { return nil }
        return (specification, architecture.parameterizedLayers)
      }
    }
  }

  /// Outputs of the file's 1×1 filters, each once; nil if there are none.
  private var pointWidths: [Int]? {
    let widths = Set(
      container.tensors.map(\.shape).compactMap { shape -> Int? in
        guard shape.rank == 4 else { return nil }
        let extents = shape.dimensions
        return layout.isKeras
          ? (extents[..<2] == [1, 1] ? extents[3] : nil)
          : (extents[2...] == [1, 1] ? extents[0] : nil)
      })
    return widths.isEmpty ? nil : widths.sorted()
  }

  /// Outputs of the file's matrices where each takes those of the one before, in the order of their
  /// numbers: a classifier of several layers.
  private var classifierWidths: [Int]? {
    let most = 8
    let matrices = container.parameters.filter { $0.shape.rank == 2 }
    guard !layout.isKeras, (1...most).contains(matrices.count) else { return nil }
    func numbers(_ name: String) -> [Int] { name.split(separator: ".").compactMap { Int($0) } }
    let chain = matrices.sorted { numbers($0.name).lexicographicallyPrecedes(numbers($1.name)) }
      .map(\.shape)
    guard zip(chain, chain.dropFirst()).allSatisfy({ $0[0] == $1[1] }) else { return nil }
    return chain.map { $0[0] }
  }

  /// The built-in network that shares the most shapes with the file, in words; nil if none shares
  /// half of them.
  private func closestNetwork(height: Int, width: Int) -> String? {
    var best: (share: Double, text: String, layers: [ParameterizedLayer])?
    let known = candidates(height, width)
    // A network that is here twice, once in part, has half of the file's shapes.
    for (specification, layers) in known {
      guard let problems = problems(with: layers), problems.count == 1,
        problems[0].text.hasPrefix("is missing, while"), let name = problems[0].dataset
      else { continue }
      return "these are the names of \(specification.inWords), but /\(printable(name)) "
        + problems[0].text
    }
    for (specification, layers) in known {
      let (common, network, file) = likeness(to: layers)
      let share = Double(common) / Double(max(network, file, 1))
      guard share >= 0.5, share > best?.share ?? 0 else { continue }
      let name = specification.inWords
      best = (
        share,
        share == 1
          ? "these are the shapes of \(name)"
          : "the closest built-in network is \(name), which has \(common) of the file's \(file) "
            + "filters and matrices by their shapes",
        layers
      )
    }
    guard let best else { return nil }
    guard let problems = problems(with: best.layers) else { return best.text }
    let first = problems[0]
    let what =
      (first.dataset.map { "/\(printable($0)) " } ?? "the file ") + first.text
      + (problems.count > 1 ? ", and \(problems.count - 1) more of the kind" : "")
    guard problems.contains(where: Self.isMissing) else {
      return best.text + ", and all of its names are here, but \(what)"
    }
    // A file in which little is missing is meant to be this network.
    let parameters = best.layers.reduce(0) { $0 + $1.parameters.count }
    if problems.count <= max(2, parameters / 10) {
      return best.text + ", and nearly all of its names are here, but \(what)"
    }
    guard best.share == 1 else { return best.text }
    let missing = problems.filter(Self.isMissing)
    // Of a variant of the network, or a part of it, some names are here.
    guard missing.count < parameters else {
      return best.text + ", under other names than the network's"
    }
    return best.text
      + ", but \(missing.count) of its \(parameters) arrays are not here under its names"
      + (missing[0].dataset.map { ", the first of them /\(printable($0))" } ?? "")
  }

  /// The built-in network all of whose parameters are here but those of its dense layers, in words.
  private func headlessNetwork(height: Int, width: Int) -> String? {
    guard !layout.isKeras, !container.tensors.contains(where: { $0.shape.rank == 2 }) else {
      return nil
    }
    // However many classes: what depends on them is not looked for.
    for channels in inputChannels {
      for (specification, layers) in candidates(height, width, channels: channels, classes: 1000) {
        let body = layers.filter { $0.kind != .dense }
        guard body.count < layers.count, (try? match(body)) != nil else { continue }
        let head = layers.filter { $0.kind == .dense }.map(\.name)
        return "\(path) holds the parameters of \(specification.family) without "
          + "\(head.joined(separator: ", ")), so it classifies nothing; save the whole network, or "
          + "name a file that holds it"
      }
    }
    return nil
  }

  /// `nil` if the layers are here.
  private func problems(with layers: [ParameterizedLayer]) -> [CheckpointError.Problem]? {
    do {
      _ = try match(layers)
      return nil
    } catch { return (error as? CheckpointError)?.problems }
  }

  /// Whether a problem is that something is not there by the network's name.
  private static func isMissing(_ problem: CheckpointError.Problem) -> Bool {
    problem.text.hasPrefix("is missing") || problem.text.hasPrefix("has no layer")
  }

  /// What is wrong with a file that holds other parameters than the network's: which network it does
  /// hold, in one line, or the problems with the closest network.
  package func explained(
    _ error: CheckpointError, for specification: ArchitectureSpecification
  ) -> CheckpointError {
    let layers = try? specification.architecture().parameterizedLayers
    // The names and shapes fit, so it is about values.
    guard let layers, (try? match(layers)) == nil else { return error }
    let (height, width) = (specification.height, specification.width)
    if let found = identifiedNetwork(height: height, width: width),
      found.family != specification.family || found.classes != specification.classes
        || found.channels != specification.channels || found.classifier != specification.classifier
    {
      let further =
        (found.channels == specification.channels ? "" : ", channels: \(found.channels)")
        + (found.classifier.map { ", classifier: \($0)" } ?? "")
      return CheckpointError(
        path: path,
        "holds the parameters of \(found.inWords) by names and shapes, not of "
          + "\(specification.family) with \(specification.classes); say so by "
          + "network.architecture={family: \(found.family), classes: \(found.classes)\(further)} "
          + "(--architecture, --classes)")
    }
    // Where all names are here, the problems say all.
    let isAnother = error.problems.contains(where: Self.isMissing)
    return CheckpointError(
      path: path, problems: error.problems,
      hint: isAnother ? closestNetwork(height: height, width: width) : nil)
  }

  /// One sentence for a file that does not say which network it holds, and whose parameters are those
  /// of no built-in one.
  package var unknownNetwork: String {
    let side = ArchitectureSpecification.defaultSide
    let several = identifiedNetworks(height: side, width: side)
    if several.count > 1 {
      let list = several.map {
        "\($0.specification.inWords) under \"\(printable($0.group ?? ""))\""
      }
      return "\(path) holds \(several.count) networks, \(list.joined(separator: " and ")); choose "
        + "one by network.group (--group)"
    }
    if let headless = headlessNetwork(height: side, width: side) { return headless }
    let closest = closestNetwork(height: side, width: side).map { "; \($0)" } ?? ""
    // Keras keeps the optimizer's moments beside them.
    let arrays = container.parameters.count {
      !(layout.isKeras && $0.name.hasPrefix("optimizer"))
    }
    if layout.isKeras {
      return "\(path) holds weights without their network (\(arrays) arrays)\(closest); in Python, "
        + "save the whole model with model.save(\"model.keras\"), or name a built-in network by "
        + "network.architecture, e.g. {family: keras-resnet50, classes: 10}"
    }
    return "\(path) does not say which network it holds, and its \(arrays) arrays are those of no "
      + "built-in network\(closest); name the network by network.architecture, e.g. {family: "
      + "resnet18, classes: 10}"
  }
}

extension ArchitectureSpecification {
  /// For messages; of the images' channels only where there are not three.
  package var inWords: String {
    let images =
      channels == 3 ? "" : " for images of \(channels) channel\(channels == 1 ? "" : "s")"
    let hidden =
      classifier.map {
        $0.isEmpty
          ? " behind no hidden layer" : " behind hidden layers of \($0), with ReLU after each"
      } ?? ""
    return "\(family) with \(classes) classes\(hidden)\(images)"
  }
}

extension NetworkFamily {
  /// Whether a dense layer gives the logits, so that a file without matrices does not hold it.
  fileprivate var endsInDenseLayer: Bool {
    let side = ArchitectureSpecification.defaultSide
    let example = ArchitectureSpecification(family: name, classes: 2, height: side, width: side)
    guard let architecture = try? example.architecture() else { return true }
    return architecture.nodes.contains { if case .dense = $0.layer { true } else { false } }
  }
}
