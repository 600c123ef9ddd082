import TensorGraph

/// Residual networks by the names of their stages and blocks, `layer1.0.conv1` or `block1.layer.0.conv1`
/// or `stages.0.0.conv1`: blocks of two 3×3 convolutions, or of 1×1, 3×3 and 1×1, with batch norm
/// behind each convolution or before it (He et al. 2016, both papers).
///
/// What names and shapes leave open, and how it is read: the first block of each stage but the first
/// has stride 2, in its first 3×3 convolution; a shortcut between widths without an array takes every
/// second row and column and puts zero channels on both sides (option A); a stem of 7×7 has stride 2
/// and a max pool of 3×3 behind it, one of 3×3 neither.
enum InferredResidual {
  static let kind = InferredNetwork.Kind { shapes, size in
    guard let parts = Parts(shapes) else { return nil }
    return parts.network(size)
  }

  private typealias Module = StateDictShapes.Module

  private struct Block {
    let name: String
    let stage: String
    var convolutions: [Module] = []
    var norms: [Module] = []
    /// A convolution, with its batch norm or without.
    var shortcut: [Module] = []

    var outputs: Int { convolutions.last!.outputs }

    /// Two 3×3 convolutions, or 1×1, 3×3, 1×1, and as many batch norms.
    var isComplete: Bool {
      [[3, 3], [1, 3, 1]].contains(convolutions.map(\.kernel))
        && norms.count == convolutions.count && shortcut.count <= 2
        && shortcut.first.map { $0.kind == .convolution && $0.kernel == 1 } ?? true
        && shortcut.dropFirst().allSatisfy { $0.kind == .norm }
        // A layer without weights before them may be a pool: ResNet-D.
        && shortcut.enumerated().allSatisfy { index, module in
          module.path.last.flatMap { Int($0) }.map { $0 == index } ?? true
        }
    }

    /// Whether batch norms have the widths of what comes before the convolutions rather than after; nil
    /// if both fit.
    var normsComeFirst: Bool? {
      func fits(_ width: (Module) -> Int) -> Bool {
        zip(norms, convolutions).allSatisfy { $0.channels == width($1) }
      }
      // The filters of a grouped convolution have fewer channels than what they read.
      let (after, before) = (fits(\.outputs), fits(\.inputs))
      return after == before ? nil : before
    }
  }

  private struct Parts {
    var stem: Module
    /// Behind the stem and behind the last block.
    var norms: [Module] = []
    var blocks: [Block] = []
    var head: Module

    init?(_ shapes: StateDictShapes) {
      var outside: [Module] = []
      for module in shapes.modules {
        guard let (stage, name, rest) = Self.place(module.path), !rest.isEmpty else {
          outside.append(module)
          continue
        }
        if blocks.last?.name != name { blocks.append(Block(name: name, stage: stage)) }
        let word = rest[0]
        if rest.count == 1, word.hasPrefix("conv"), word.last?.isNumber ?? false {
          blocks[blocks.count - 1].convolutions.append(module)
        } else if rest.count == 1, word.hasPrefix("bn") || word.hasPrefix("norm") {
          blocks[blocks.count - 1].norms.append(module)
        } else {
          blocks[blocks.count - 1].shortcut.append(module)
        }
      }
      let filters = outside.filter { $0.kind == .convolution }
      let matrices = outside.filter { $0.kind == .dense }
      norms = outside.filter { $0.kind == .norm }
      guard filters.count == 1, matrices.count == 1, norms.count <= 2, !blocks.isEmpty,
        outside.count == 2 + norms.count,
        blocks.allSatisfy({ block in
          block.convolutions.allSatisfy { $0.kind == .convolution }
            && block.norms.allSatisfy { $0.kind == .norm } && block.isComplete
        })
      else { return nil }
      (stem, head) = (filters[0], matrices[0])
    }

    /// The stage and block of a name and what comes behind them.
    static func place(_ path: [String]) -> (stage: String, block: String, rest: [String])? {
      guard path.count > 2, let first = path.first else { return nil }
      func isNumber(_ index: Int) -> Bool {
        path.indices.contains(index) && Int(path[index]) != nil
      }
      let isNumbered = first.last.map { $0.isASCII && $0.isNumber } ?? false
      let (stage, block): (Int, Int)
      switch (isNumbered, isNumber(1), isNumber(2)) {
      case (true, true, _): (stage, block) = (1, 2)
      case (true, false, true), (false, true, true): (stage, block) = (isNumber(1) ? 2 : 1, 3)
      default: return nil
      }
      return (
        path.prefix(stage).joined(separator: "."), path.prefix(block).joined(separator: "."),
        Array(path.dropFirst(block))
      )
    }

    func network(_ size: (height: Int, width: Int)?) -> InferredNetwork? {
      let known = Set(blocks.compactMap(\.normsComeFirst))
      guard known.count <= 1, [3, 7].contains(stem.kernel), stem.inputs > 0 else { return nil }
      let normsComeFirst = known.first ?? norms.isEmpty
      // One batch norm behind the stem; where they come first, one behind the last block, or none.
      let width = normsComeFirst ? blocks.last!.outputs : stem.outputs
      guard norms.count == 1 || normsComeFirst && norms.isEmpty,
        norms.allSatisfy({ $0.channels == width })
      else { return nil }
      let isSmall = stem.kernel == 3
      let side = isSmall ? 32 : ArchitectureSpecification.defaultSide
      var builder = ArchitectureBuilder()
      builder.append(
        stem.name,
        stem.convolution(
          inputs: stem.inputs, stride: isSmall ? 1 : 2, padding: stem.kernel / 2))
      if !normsComeFirst {
        builder.append(norms[0].name, norms[0].batchNorm())
        builder.append("relu", .relu)
      }
      if !isSmall { builder.append("maxpool", .maxPool(.init(3, stride: 2, padding: 1))) }
      var channels = stem.outputs
      var padsChannels = false
      for (index, block) in blocks.enumerated() {
        let isNew = index > 0 && blocks[index - 1].stage != block.stage
        guard
          append(
            block, isNew ? 2 : 1, normsComeFirst, &channels, &padsChannels, to: &builder)
        else { return nil }
        if index + 1 == blocks.count || blocks[index + 1].stage != block.stage {
          builder.alias(block.stage)
        }
      }
      guard channels == head.inputs else { return nil }
      if normsComeFirst {
        if let norm = norms.first { builder.append(norm.name, norm.batchNorm()) }
        if !norms.isEmpty { builder.append("relu", .relu) }
      }
      builder.append("avgpool", .globalAveragePool)
      builder.append("flatten", .flatten)
      builder.append(
        head.name,
        .dense(DenseLayer(inputs: channels, outputs: head.outputs, hasBias: head.hasBias)))
      let specification = ArchitectureSpecification(
        family: "guessed residual network", classes: head.outputs, height: size?.height ?? side,
        width: size?.width ?? side, channels: stem.inputs)
      guard let architecture = try? builder.architecture(specification, .uniform) else {
        return nil
      }
      return InferredNetwork(
        architecture: architecture, reading: reading(normsComeFirst, padsChannels))
    }

    private func append(
      _ block: Block, _ stride: Int, _ normsComeFirst: Bool, _ channels: inout Int,
      _ padsChannels: inout Bool, to builder: inout ArchitectureBuilder
    ) -> Bool {
      let input = builder.last
      var first = input
      let strided = block.convolutions.firstIndex { $0.kernel == 3 }!
      var width = channels
      for (index, (convolution, norm)) in zip(block.convolutions, block.norms).enumerated() {
        guard convolution.inputs > 0, width % convolution.inputs == 0,
          convolution.outputs % (width / convolution.inputs) == 0
        else { return false }
        let layer = convolution.convolution(
          inputs: width, stride: index == strided ? stride : 1, padding: convolution.kernel / 2)
        let relu = "\(block.name).relu\(index + 1)"
        if normsComeFirst {
          builder.append(norm.name, norm.batchNorm())
          builder.append(relu, .relu)
          if index == 0 { first = builder.last }
          builder.append(convolution.name, layer)
        } else {
          builder.append(convolution.name, layer)
          builder.append(norm.name, norm.batchNorm())
          if index + 1 < block.convolutions.count { builder.append(relu, .relu) }
        }
        width = convolution.outputs
      }
      let branch = builder.last
      var shortcut = input
      if let convolution = block.shortcut.first {
        guard convolution.inputs == channels, convolution.outputs == width else { return false }
        builder.append(
          convolution.name, convolution.convolution(inputs: channels, stride: stride, padding: 0),
          [normsComeFirst ? first : input])
        if block.shortcut.count == 2 {
          builder.append(block.shortcut[1].name, block.shortcut[1].batchNorm())
        }
        shortcut = builder.last
      } else if stride != 1 || channels != width {
        guard width >= channels, (width - channels) % 2 == 0 else { return false }
        let padding = (width - channels) / 2
        builder.append(
          "\(block.name).shortcut",
          .subsampleAndPadChannels(stride: stride, before: padding, after: padding), [input])
        shortcut = builder.last
        padsChannels = true
      }
      builder.append(normsComeFirst ? block.name : "\(block.name).add", .add, [branch, shortcut])
      if !normsComeFirst { builder.append(block.name, .relu) }
      channels = width
      return true
    }

    private func reading(_ normsComeFirst: Bool, _ padsChannels: Bool) -> String {
      var stages: [(name: String, blocks: Int)] = []
      for block in blocks {
        if stages.last?.name == block.stage {
          stages[stages.count - 1].blocks += 1
        } else {
          stages.append((block.stage, 1))
        }
      }
      let kind = blocks[0].convolutions.count == 2 ? "basic blocks" : "bottlenecks"
      return "stages of \(stages.map { "\($0.blocks)" }.joined(separator: ", ")) residual \(kind)"
        + (normsComeFirst ? ", batch norm and ReLU before each convolution" : "")
        + ", stride 2 from the second stage on"
        + (stem.kernel == 7 ? ", stride 2 and a max pool at the start" : "")
        + (padsChannels ? ", zero channels on both sides of shortcuts that have no weights" : "")
    }
  }
}
