import TensorGraph

/// From what was decided to kernels.
extension Fusion {
  mutating func emitKernels() {
    var fusionGroups: [Int: [Int]] = [:]
    for id in graph.nodes.indices where iteration(id) != nil {
      fusionGroups[root(id), default: []].append(id)
    }
    var emitted: [(position: Int, Kernel)] = []
    var selectedWithIndex: Set<Int> = []
    for (id, node) in graph.nodes.enumerated() where !selectedWithIndex.contains(id) {
      if iteration(id) != nil {
        guard let members = fusionGroups.removeValue(forKey: root(id)) else { continue }
        emitted.append((members.last!, kernel(of: members)))
        continue
      }
      guard kind(id) == .other,
        !isAbsorbed[id] || epilogue[id] != nil || backwardPostOps[id] != nil
      else { continue }
      if let convolution = node.operation as? Convolution {
        let (end, taken) = epilogue[id] ?? (id, Kernel.Epilogue())
        let further = [taken.bias, taken.residual].compactMap { $0 }
        var stored = taken
        stored.bias = taken.bias.map { storage[$0] }
        stored.residual = taken.residual.map { storage[$0] }
        emitted.append((id, kernel(.convolution(convolution, stored), node, further, [end])))
      } else if let gradient = node.operation as? ConvolutionInputGradient {
        let taken = backwardPostOps[id]
        let results = [taken?.end ?? id] + [taken?.channelSums].compactMap { $0 }
        let work = Kernel.Work.inputGradient(gradient, taken.map(postOps))
        emitted.append((id, kernel(work, node, taken?.reads ?? [], results)))
      } else if let index = node.operation as? MaxPoolIndex,
        let select = users[id].first(where: {
          (graph.nodes[$0].operation as? MaxPoolSelect)?.window == index.window
            && graph.nodes[$0].operands[0] == node.operands[0]
        })
      {
        // Finding which tap wins finds its value as well.
        selectedWithIndex.insert(select)
        emitted.append((id, kernel(.maxPool(index.window), node.operands, [select, id])))
      } else {
        emitted.append((id, kernel(.operation(node.operation), node.operands, [id])))
      }
    }
    kernels = Schedule.order(emitted, in: graph)
  }

  func postOps(_ taken: TakenPostOps) -> Kernel.BackwardPostOps {
    let shape = graph.nodes[taken.end].shape
    var builder = FusionGroupBuilder(shape: shape)
    var value = builder.input(dense(taken.end))
    if let residual = taken.residual {
      let (sums, other) = (value, builder.input(dense(residual)))
      value = builder.instruction { .binary(.add, into: $0, sums, other) }
    }
    if let mask = taken.mask {
      let (sums, other) = (value, builder.input(dense(mask)))
      let isPositive = builder.instruction { .unary(.isPositive, into: $0, other) }
      value = builder.instruction { .binary(.multiply, into: $0, sums, isPositive) }
    }
    builder.outputs.append(.init(register: value, storage: taken.end))
    if let sums = taken.channelSums {
      builder.reductions.append(
        .init(
          register: value, function: .sum, strides: [0, 0, 0, 1], count: shape[3], storage: sums))
    }
    return Kernel.BackwardPostOps(
      residual: taken.residual.map { storage[$0] }, mask: taken.mask.map { storage[$0] },
      channelSums: taken.channelSums, fused: builder.finished())
  }

  func kernel(
    _ work: Kernel.Work, _ operands: [Int], _ results: [Int], filterScale: Int? = nil
  ) -> Kernel {
    Kernel(
      work: work, reads: operands.map { storage[$0] }, writes: results,
      readShapes: operands.map { graph.nodes[$0].shape },
      writeShapes: results.map { graph.nodes[$0].shape },
      filterScale: filterScale.map { storage[$0] })
  }

  /// A convolution or the input gradient, which reads what follows as well.
  func kernel(
    _ work: Kernel.Work, _ node: Node, _ further: [Int], _ results: [Int]
  ) -> Kernel {
    guard let (filter, scale) = scaled[node.operands[1]] else {
      return kernel(work, node.operands + further, results)
    }
    return kernel(
      work, [node.operands[0], filter] + further + [scale], results, filterScale: scale)
  }

  /// Whether a fusion group member's value is read by anybody outside its fusion group.
  func leavesGroup(_ id: Int, _ fused: Int) -> Bool {
    if isNeeded[id] { return true }
    return users[id].contains { user in readsAsOutsider(user, fused) }
  }

  func readsAsOutsider(_ user: Int, _ fused: Int) -> Bool {
    if isInlined[user] { return users[user].contains { readsAsOutsider($0, fused) } }
    if iteration(user) == nil { return true }
    return root(user) != fused
  }

  func kernel(of members: [Int]) -> Kernel {
    var builder = FusionGroupBuilder(shape: iteration(members[0])!)
    let fused = root(members[0])
    var known: [Int: Int] = [:]
    for id in members {
      switch kind(id) {
      case .reduction:
        let node = graph.nodes[id]
        let operation = node.operation as! Reduction
        let kept = builder.shape.dimensions.enumerated().map {
          operation.axes.contains($0.offset) ? 1 : $0.element
        }
        let strides = zip(Shape(kept).strides, kept.indices).map {
          operation.axes.contains($1) ? 0 : $0
        }
        builder.reductions.append(
          .init(
            register: register(of: node.operands[0], in: &builder, &known),
            function: operation.function, strides: strides, count: Shape(kept).count, storage: id))
      case .view:
        let source = number(id).map { builder.scalar($0) } ?? builder.input(view(id))
        builder.outputs.append(
          .init(register: builder.instruction { .copy(into: $0, source) }, storage: id))
      default:
        let register = compute(id, in: &builder, &known)
        if leavesGroup(id, fused) {
          builder.outputs.append(.init(register: register, storage: id))
        }
      }
    }
    let finished = builder.finished()
    var reads: [Int] = []
    for input in finished.inputs where !reads.contains(input.storage) {
      reads.append(input.storage)
    }
    let writes = finished.outputs.map(\.storage) + finished.reductions.map(\.storage)
    return kernel(.pointwise(finished), reads, writes)
  }

  func register(
    of id: Int, in builder: inout FusionGroupBuilder, _ known: inout [Int: Int]
  ) -> Int {
    if let found = known[id] { return found }
    if let number = number(id) { return builder.scalar(number) }
    if isInlined[id] { return compute(id, in: &builder, &known) }
    let loaded = builder.input(isNeeded[id] || kind(id) != .view ? dense(id) : view(id))
    known[id] = loaded
    return loaded
  }

  func compute(
    _ id: Int, in builder: inout FusionGroupBuilder, _ known: inout [Int: Int]
  ) -> Int {
    let node = graph.nodes[id]
    let sources = node.operands.map { register(of: $0, in: &builder, &known) }
    let computed = builder.instruction { target in
      switch node.operation {
      case let unary as Unary: .unary(unary.function, into: target, sources[0])
      case let binary as Binary: .binary(binary.function, into: target, sources[0], sources[1])
      default: .select(into: target, mask: sources[0], sources[1], sources[2])
      }
    }
    known[id] = computed
    return computed
  }
}
