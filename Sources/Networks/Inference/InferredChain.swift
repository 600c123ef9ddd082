import TensorGraph

/// Networks without branches: convolutions, then dense layers, by the numbers of PyTorch's
/// `Sequential` (`features.0`, `features.3`, `classifier.1`) or by names that end with numbers
/// (`conv1`, `conv2`, `fc1`).
///
/// A number that is missing in a `Sequential` is a layer without weights: the first behind a
/// convolution (and its batch norm) is read as ReLU, the second as a max pool of 2×2, or as dropout
/// where the first dense layer would not fit otherwise. Where there are no numbers, ReLU follows each
/// layer and a max pool each convolution or some: the one way that fits the first dense layer. All
/// convolutions have stride 1, and all keep the size of the image or none does.
enum InferredChain {
  static let kind = InferredNetwork.Kind { shapes, size in
    guard let chain = Chain(shapes) else { return nil }
    let usual = [32, 224, 28, 64, 96, 128, 160, 48].map { (height: $0, width: $0) }
    for size in (size.map { [$0] } ?? []) + usual {
      let ways = chain.ways(size)
      guard !ways.isEmpty else { continue }
      return ways.count == 1 ? chain.network(ways[0], size) : nil
    }
    return nil
  }

  typealias Module = StateDictShapes.Module

  struct Unit {
    let layer: Module
    var norm: Module?
    /// Whether ReLU stands between the layer and its batch norm.
    var normComesLast = false
    /// Layers without weights behind it, in the same `Sequential`; nil if nobody knows.
    var behind: Int?
  }

  /// What happens behind the convolutions.
  enum End { case nothing, pool, mean }

  struct Chain {
    var convolutions: [Unit] = []
    var dense: [Unit] = []

    /// More are no network that anyone draws without branches.
    static let mostConvolutions = 64

    init?(_ shapes: StateDictShapes) {
      let modules = shapes.modules
      let filters = modules.filter { $0.kind == .convolution }
      let matrices = modules.filter { $0.kind == .dense }
      var norms = modules.filter { $0.kind == .norm }
      guard !filters.isEmpty, filters.count <= Self.mostConvolutions, !matrices.isEmpty,
        matrices.count <= Self.mostConvolutions,
        modules.count == filters.count + matrices.count + norms.count,
        zip(filters, filters.dropFirst()).allSatisfy({ $0.outputs == $1.inputs }),
        zip(matrices, matrices.dropFirst()).allSatisfy({ $0.outputs == $1.inputs })
      else { return nil }
      for (index, layer) in filters.enumerated() {
        guard
          let unit = Self.unit(
            layer, next: index + 1 < filters.count ? filters[index + 1] : nil, norms: &norms)
        else { return nil }
        convolutions.append(unit)
      }
      if let place = Self.place(filters.last!), let first = Self.place(matrices[0]),
        Self.parent(filters.last!) == Self.parent(matrices[0])
      {
        let last = convolutions.last!.norm.flatMap(Self.place) ?? place
        // One layer between them flattens, and ReLU has no place.
        guard first - last > 2 else { return nil }
        convolutions[convolutions.count - 1].behind = first - last - 1
      }
      for (index, layer) in matrices.enumerated() {
        guard
          let unit = Self.unit(
            layer, next: index + 1 < matrices.count ? matrices[index + 1] : nil, norms: &norms)
        else { return nil }
        guard unit.norm == nil else { return nil }
        dense.append(unit)
      }
      guard norms.isEmpty else { return nil }
    }

    /// Takes the layer's batch norm from `norms`.
    private static func unit(_ layer: Module, next: Module?, norms: inout [Module]) -> Unit? {
      var unit = Unit(layer: layer)
      if let number = place(layer) {
        let near = norms.firstIndex { norm in
          parent(norm) == parent(layer)
            && place(norm).map { $0 - number == 1 || $0 - number == 2 } ?? false
        }
        if let near {
          unit.norm = norms.remove(at: near)
          unit.normComesLast = place(unit.norm!)! - number == 2
        }
        if let next, parent(next) == parent(layer), let following = place(next) {
          let last = unit.norm.flatMap(place) ?? number
          guard following > last, following - last <= 4 else { return nil }
          // ReLU then stands before the batch norm.
          unit.behind = following - last - 1 + (unit.normComesLast ? 1 : 0)
        }
      } else if let number = ending(layer.name) {
        if let same = norms.firstIndex(where: { ending($0.name) == number && place($0) == nil }) {
          unit.norm = norms.remove(at: same)
        }
      }
      guard unit.norm?.channels ?? layer.outputs == layer.outputs else { return nil }
      return unit
    }

    /// Its number in a `Sequential`.
    private static func place(_ module: Module) -> Int? {
      let mostDigits = 6
      guard let last = module.path.last, last.count <= mostDigits,
        last.allSatisfy({ $0.isASCII && $0.isNumber })
      else { return nil }
      return Int(last)
    }

    private static func parent(_ module: Module) -> [String] { module.path.dropLast() }

    /// The number at the end of `conv2`.
    private static func ending(_ name: String) -> Int? {
      guard case .number(let number) = StateDictShapes.order(of: name).last else { return nil }
      return number
    }

    /// What PyTorch calls the ReLU (1) or pool (2) behind a layer in a `Sequential`, a name of our own
    /// elsewhere.
    private static func name(behind unit: Unit, _ number: Int) -> String {
      guard let place = place(unit.layer) else {
        return unit.layer.name + (number == 1 ? ".relu" : ".pool")
      }
      // A batch norm behind ReLU has its place between ReLU and pool.
      let norm = unit.norm == nil || unit.normComesLast && number == 1 ? 0 : 1
      let parts = parent(unit.layer) + ["\(place + norm + number)"]
      return parts.joined(separator: ".")
    }

    // MARK: Reading

    /// Which convolutions a max pool follows, and what is between them and the dense layers.
    struct Way {
      var pools: [Bool]
      var end: End
      var padded: Bool
    }

    func network(_ way: Way, _ size: (height: Int, width: Int)) -> InferredNetwork? {
      var builder = ArchitectureBuilder()
      var pools: [String] = []
      for (index, unit) in convolutions.enumerated() {
        let (name, layer) = (unit.layer.name, unit.layer)
        builder.append(
          name,
          layer.convolution(
            inputs: layer.inputs, stride: 1, padding: way.padded ? layer.kernel / 2 : 0))
        if let norm = unit.norm, !unit.normComesLast { builder.append(norm.name, norm.batchNorm()) }
        builder.append(Self.name(behind: unit, 1), .relu)
        if let norm = unit.norm, unit.normComesLast { builder.append(norm.name, norm.batchNorm()) }
        let isLast = index + 1 == convolutions.count
        if way.pools[index] || isLast && way.end == .pool {
          builder.append(Self.name(behind: unit, 2), .maxPool(Window2D(2, stride: 2)))
          pools.append(name)
        }
      }
      if way.end == .mean { builder.append("avgpool", .globalAveragePool) }
      builder.append("flatten", .flatten)
      for (index, unit) in dense.enumerated() {
        let layer = unit.layer
        builder.append(
          layer.name,
          .dense(
            DenseLayer(inputs: layer.inputs, outputs: layer.outputs, hasBias: layer.hasBias)))
        if index + 1 < dense.count, unit.behind != 0 {
          builder.append(Self.name(behind: unit, 1), .relu)
        }
      }
      let specification = ArchitectureSpecification(
        family: "guessed chain of convolutions", classes: dense.last!.layer.outputs,
        height: size.height, width: size.width, channels: convolutions[0].layer.inputs)
      guard let architecture = try? builder.architecture(specification, .uniform) else {
        return nil
      }
      return InferredNetwork(architecture: architecture, reading: reading(way, pools, size))
    }

    /// Ways in which the first dense layer fits, the likeliest alone: with the fewest layers read as
    /// dropout, and where nobody knows of pools, with one behind each convolution.
    func ways(_ size: (height: Int, width: Int)) -> [Way] {
      var best: (cost: Int, ways: [Way]) = (.max, [])
      // Where a layer without weights may be a pool, and where nobody knows.
      let open = convolutions.indices.dropLast().filter {
        convolutions[$0].behind.map { $0 > 1 } ?? true
      }
      let known = open.filter { convolutions[$0].behind != nil }
      guard convolutions.dropLast().allSatisfy({ $0.behind != 0 }) else { return [] }
      // Numbers say where pools are: all of them, or all but one.
      let choices: [[Int]]
      if known.count == open.count {
        choices = [open] + open.map { left in open.filter { $0 != left } }
      } else {
        guard open.count < 12 else { return [] }
        choices = (0..<(1 << open.count)).map { bits in
          open.indices.filter { bits >> $0 & 1 == 1 }.map { open[$0] }
        }
      }
      for padded in [true, false] {
        for chosen in choices {
          var way = Way(
            pools: convolutions.indices.map(chosen.contains), end: .nothing, padded: padded)
          let cost = known.count { !chosen.contains($0) }
          for end in ends(of: way, size) {
            way.end = end
            // Nobody computes without padding down to one pixel where a mean would do.
            let isUnlikely = !padded && dense[0].layer.inputs == convolutions.last!.layer.outputs
            let isEven =
              known.count == open.count || chosen.count == open.count && end == .pool
            let whole =
              2 * cost + (isEven ? 0 : 1) + (end == .mean ? 1 : 0) + (isUnlikely ? 2 : 0)
            if whole < best.cost { best = (whole, []) }
            if whole == best.cost { best.ways.append(way) }
          }
        }
      }
      // Filters of 1×1 keep the size with or without padding.
      if best.ways.count == 2, convolutions.allSatisfy({ $0.layer.kernel == 1 }) {
        return [best.ways[0]]
      }
      return best.ways
    }

    /// What may come behind the convolutions so that the first dense layer fits.
    private func ends(of way: Way, _ size: (height: Int, width: Int)) -> [End] {
      var (height, width) = (size.height, size.width)
      for (unit, isPooled) in zip(convolutions, way.pools) {
        if !way.padded {
          (height, width) = (height - unit.layer.kernel + 1, width - unit.layer.kernel + 1)
        }
        if isPooled { (height, width) = (height / 2, width / 2) }
        guard height > 0, width > 0 else { return [] }
      }
      let channels = convolutions.last!.layer.outputs
      let inputs = dense[0].layer.inputs
      func fits(_ height: Int, _ width: Int) -> Bool {
        let (cells, overflow) = height.multipliedReportingOverflow(by: width)
        return !overflow && cells > 0 && inputs % channels == 0 && inputs / channels == cells
      }
      var ends: [End] = []
      // ReLU and a layer that flattens leave no place for another.
      let isFull = convolutions.last!.behind.map { $0 <= 2 } ?? false
      if fits(height, width) { ends.append(.nothing) }
      if isFull { return ends }
      if fits(height / 2, width / 2) { ends.append(.pool) }
      // Without any pool a mean would be of a large image: strides do what pools do elsewhere.
      if inputs == channels, ends.isEmpty, way.pools.contains(true) { ends.append(.mean) }
      return ends
    }

    private func reading(
      _ way: Way, _ pools: [String], _ size: (height: Int, width: Int)
    ) -> String {
      let most = 8
      let list =
        pools.prefix(most).joined(separator: ", ") + (pools.count > most ? ", …" : "")
      return "\(convolutions.count) convolution\(convolutions.count == 1 ? "" : "s") of stride 1 "
        + (way.padded ? "with padding that keeps the size" : "without padding")
        + ", ReLU behind each layer"
        + (pools.isEmpty ? "" : ", max pools of 2×2 behind \(list)")
        + (way.end == .mean ? ", the mean over all positions" : "")
        + ", images of \(size.height)×\(size.width)"
    }
  }
}
