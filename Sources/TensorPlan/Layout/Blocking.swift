import TensorGraph

/// Which activations are kept in blocks of channels, [N, C/16, H, W, 16] instead of [N, H, W, C], and
/// how kernels read them there.
///
/// Convolutions are fastest on blocks, and oneDNN's Winograd primitives want nothing else. Bringing
/// an image there and back for each of them costs up to a third of their time, so what stands between
/// convolutions stays in blocks: fusion groups and pooling do not care, they only walk in another
/// order. For pooling, blocks are N·C/16 images of 16 channels.
///
/// Storages that one kernel writes or reads in the same order (a pool's image and result, the
/// outputs of a fusion group, a convolution's result and its residual) form a group, which is blocked or
/// not as a whole. One that anybody needs as it is (an output of the program, rows for a matrix
/// product, a slice that is not made of whole blocks) keeps its group as it is. A convolution may
/// have its image in one order and its result in the other; it copies then, so groups that would
/// cause more copies than they save stay as they are too. What no convolution touches follows the
/// fusion groups that it is in: reading one order and writing the other means jumping from line to line.
struct Blocking {
  static let size = 16

  /// The storages that are blocked.
  let blocked: Set<Int>
  private let graph: Graph

  init(_ kernels: [Kernel], _ graph: Graph, storage: [Int]) {
    self.graph = graph
    var groups = Groups(graph)
    for output in graph.outputs { groups.keep(storage[output]) }
    for kernel in kernels { groups.add(kernel) }
    blocked = groups.blocked(kernels)
  }

  /// The strides of a blocked array of this shape [N, H, W, C] along N, block, H, W, channel.
  static func strides(_ shape: Shape) -> [Int] {
    let pixels = shape[1] * shape[2]
    return [shape[3] * pixels, pixels * size, shape[2] * size, size, 1]
  }

  /// The kernel as it is done on blocks.
  func rewritten(_ kernel: Kernel) -> Kernel {
    guard (kernel.reads + kernel.writes).contains(where: blocked.contains) else { return kernel }
    let work: Kernel.Work
    switch kernel.work {
    case .pointwise(let fused): work = .pointwise(rewritten(fused))
    case .inputGradient(let gradient, var postOps?):
      if blocked.contains(kernel.writes[0]) || postOps.reads.contains(where: blocked.contains) {
        postOps.fused = rewritten(postOps.fused)
      }
      work = .inputGradient(gradient, postOps)
    default: return kernel
    }
    return Kernel(
      work: work, reads: kernel.reads, writes: kernel.writes, readShapes: kernel.readShapes,
      writeShapes: kernel.writeShapes, filterScale: kernel.filterScale)
  }

  private func rewritten(_ fused: FusionGroup) -> FusionGroup {
    let (shape, channels) = (fused.shape, fused.shape[3])
    // What is written decides the order of the walk; without results of full size, what is read.
    let walksBlocks = fused.outputs.first.map { blocked.contains($0.storage) } ?? true
    /// A number for each of N, H, W, C, and the one for a channel within its block.
    func arranged(_ n: Int, _ block: Int, _ h: Int, _ w: Int, _ c: Int) -> [Int] {
      walksBlocks ? [n, block, h, w, c] : [n, h, w, block, c]
    }
    func split(_ strides: [Int]) -> [Int] {
      arranged(strides[0], strides[3] * Self.size, strides[1], strides[2], strides[3])
    }
    let inputs = fused.inputs.map { view in
      guard blocked.contains(view.storage) else {
        return View(storage: view.storage, offset: view.offset, strides: split(view.strides))
      }
      // Whole blocks from the first channel on that is read.
      let source = graph.nodes[view.storage].shape
      let strides = Self.strides(source)
      return View(
        storage: view.storage, offset: view.offset * source[1] * source[2],
        strides: arranged(strides[0], strides[1], strides[2], strides[3], strides[4]))
    }
    let blocks = channels / Self.size
    let extents = arranged(shape[0], blocks, shape[1], shape[2], Self.size)
    let reductions = fused.reductions.map { reduction in
      FusionGroup.Reduction(
        register: reduction.register, function: reduction.function,
        strides: split(reduction.strides), count: reduction.count, storage: reduction.storage)
    }
    return FusionGroup(
      shape: Shape(extents), inputs: inputs, scalars: fused.scalars,
      instructions: fused.instructions, outputs: fused.outputs, reductions: reductions,
      registerCount: fused.registerCount)
  }
}

/// Sets of storages that are blocked together or not at all.
private struct Groups {
  private let graph: Graph
  private var groups: StorageGroups

  init(_ graph: Graph) {
    self.graph = graph
    groups = StorageGroups(count: graph.nodes.count)
    for (id, node) in graph.nodes.enumerated() {
      // Where there is one pixel, both orders are the same.
      let isKept =
        node.isGiven || node.shape.rank != 4 || node.type == .int32
        || !Self.isWholeBlocks(node.shape[3])
        || node.shape[1] * node.shape[2] <= 1
      if isKept { groups.keep(id) }
    }
  }

  private static func isWholeBlocks(_ channels: Int) -> Bool {
    channels > 0 && channels % Blocking.size == 0
  }

  mutating func keep(_ storage: Int) { groups.keep(storage) }

  private mutating func unite(_ storages: [Int]) { groups.unite(storages) }

  mutating func add(_ kernel: Kernel) {
    // Under another shape it is read as it stands.
    for (storage, shape) in zip(
      kernel.reads + kernel.writes, kernel.readShapes + kernel.writeShapes)
    where graph.nodes[storage].shape != shape { keep(storage) }
    switch kernel.work {
    case .convolution(let convolution, let epilogue):
      addConvolution(kernel, groups: convolution.groups, filter: kernel.reads[1])
      if let bias = epilogue.bias { keep(bias) }
      if let residual = epilogue.residual { unite([residual, kernel.writes[0]]) }
    case .inputGradient(let gradient, let postOps):
      addConvolution(kernel, groups: gradient.groups, filter: kernel.reads[1])
      if let postOps { add(postOps.fused) }
    case .maxPool: unite(kernel.reads + kernel.writes)
    case .pointwise(let fused): add(fused)
    case .operation(let operation):
      switch operation {
      case let gradient as ConvolutionFilterGradient:
        addConvolution(kernel, groups: gradient.groups, filter: kernel.writes[0])
      case is MaxPoolIndex, is MaxPoolSelect, is MaxPoolScatter, is AveragePool,
        is AveragePoolGradient:
        unite(kernel.reads + kernel.writes)
      case let concatenation as Concatenation where concatenation.axis == 3:
        unite(kernel.reads + kernel.writes)
      case let pad as Pad where pad.addsWholeBlocks: unite(kernel.reads + kernel.writes)
      default: for storage in kernel.reads + kernel.writes { keep(storage) }
      }
    }
  }

  private mutating func addConvolution(_ kernel: Kernel, groups: Int, filter: Int) {
    keep(filter)
    // One filter for each channel is no other in blocks; groups of several would be torn apart.
    let isDepthwise = graph.nodes[filter].shape[0] == groups && graph.nodes[filter].shape[3] == 1
    if groups > 1, !isDepthwise { for storage in kernel.reads + kernel.writes { keep(storage) } }
  }

  private mutating func add(_ fused: FusionGroup) {
    let shape = fused.shape
    let isWhole = shape.rank == 4 && Self.isWholeBlocks(shape[3])
    for view in fused.inputs where !isWhole || !readsWholeBlocks(view, as: shape) {
      keep(view.storage)
    }
    for output in fused.outputs where !isWhole || graph.nodes[output.storage].shape != shape {
      keep(output.storage)
    }
    for reduction in fused.reductions { keep(reduction.storage) }
    unite(fused.outputs.map(\.storage))
  }

  /// Whether a view of a blocked storage is the whole of it, or a slice of whole blocks.
  private func readsWholeBlocks(_ view: View, as shape: Shape) -> Bool {
    let source = graph.nodes[view.storage].shape
    return source.rank == 4 && view.strides == source.strides && view.offset % Blocking.size == 0
      && view.offset + shape[3] <= source[3] && (0..<3).allSatisfy { source[$0] == shape[$0] }
  }

  /// The storages of all groups that are worth it.
  func blocked(_ kernels: [Kernel]) -> Set<Int> {
    // Blocks are for convolutions; a group that none of them touches stays as it is.
    let convolutions = kernels.compactMap(\.images).map { images in
      images.map { (group: groups.root($0), elements: graph.nodes[$0].shape.count) }
    }
    var isBlocked = Set(convolutions.joined().map(\.group).filter { !groups.isKept($0) })
    while true {
      // Elements that are not copied because both ends of a convolution are blocked, less those
      // that are because one alone is.
      var gains: [Int: Int] = [:]
      for ends in convolutions {
        for (own, other) in [(ends[0], ends[1]), (ends[1], ends[0])]
        where isBlocked.contains(own.group) {
          let copied = min(own.elements, other.elements)
          gains[own.group, default: 0] += isBlocked.contains(other.group) ? own.elements : -copied
        }
      }
      let losing = isBlocked.filter { gains[$0]! < 0 }
      if losing.isEmpty { break }
      isBlocked.subtract(losing)
    }
    follow(&isBlocked, decided: Set(convolutions.joined().map(\.group)), kernels)
    return Set(graph.nodes.indices.filter { isBlocked.contains(groups.root($0)) })
  }

  /// Blocks groups that no convolution touches where fusion groups join them with more elements of groups that
  /// are blocked than of such that are not.
  private func follow(_ isBlocked: inout Set<Int>, decided: Set<Int>, _ kernels: [Kernel]) {
    var joined: [Int: [Int: Int]] = [:]  // elements of other groups, for each group
    for case .pointwise(let fused) in kernels.map(\.work)
    where fused.shape.rank == 4 && Self.isWholeBlocks(fused.shape[3]) {
      let storages =
        fused.inputs.filter { readsWholeBlocks($0, as: fused.shape) }.map(\.storage)
        + fused.outputs.map(\.storage)
      let roots = Set(storages.map(groups.root))
      for group in roots where !groups.isKept(group) && !decided.contains(group) {
        for other in roots where other != group {
          joined[group, default: [:]][other, default: 0] += fused.shape.count
        }
      }
    }
    while true {
      let following = joined.filter { group, others in
        !isBlocked.contains(group)
          && others.reduce(0) { gain, other in
            // Of those that are not decided yet, neither is known.
            let isOpen = joined[other.key] != nil && !isBlocked.contains(other.key)
            return gain + (isOpen ? 0 : isBlocked.contains(other.key) ? other.value : -other.value)
          } > 0
      }
      if following.isEmpty { return }
      isBlocked.formUnion(following.keys)
    }
  }
}

extension Kernel {
  /// Storages of the two images between which a convolution stands: what belongs to its x and y.
  var images: [Int]? {
    switch work {
    case .convolution: [reads[0], writes[0]]
    case .inputGradient: [writes[0], reads[0]]
    case .operation(let operation):
      switch operation {
      case is ConvolutionFilterGradient: [reads[0], reads[1]]
      default: nil
      }
    default: nil
    }
  }
}

extension Pad {
  /// Whether only whole blocks of channels are added.
  fileprivate var addsWholeBlocks: Bool {
    low.count == 4 && low[..<3].allSatisfy { $0 == 0 } && high[..<3].allSatisfy { $0 == 0 }
      && interior.allSatisfy { $0 == 0 } && low[3] % Blocking.size == 0
      && high[3] % Blocking.size == 0 && low[3] >= 0 && high[3] >= 0
  }
}
