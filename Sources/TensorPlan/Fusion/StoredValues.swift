import TensorGraph

/// Which values stand in memory, and which are computed again by each consumer.
extension Fusion {
  mutating func need(_ id: Int) {
    isNeeded[id] = true
    // What stands under an alias or a stored view is stored as well.
    switch kind(id) {
    case .alias, .view:
      let source = graph.nodes[id].operands[0]
      if !isNeeded[source], number(id) == nil || kind(id) == .alias { need(source) }
    default: break
    }
  }

  mutating func findNeeded() {
    for (id, node) in graph.nodes.enumerated() {
      switch kind(id) {
      case .source, .pointwise, .reduction: break
      case .alias: need(node.operands[0])
      case .view:
        // Views of views are one view; what is under them all is stored.
        if kind(node.operands[0]) != .view, number(id) == nil { need(node.operands[0]) }
      case .other: for operand in node.operands { need(operand) }
      }
      if let (_, taken) = epilogue[id] {
        if let bias = taken.bias { need(bias) }
        if let residual = taken.residual { need(residual) }
      }
      for read in backwardPostOps[id]?.reads ?? [] { need(read) }
      if let (filter, scale) = scaled[id] {
        need(filter)
        need(scale)
      }
      if isOutput[id] { need(id) }
    }
  }

  mutating func inlineCheapNodes() {
    for (id, node) in graph.nodes.enumerated()
    where kind(id) == .pointwise && !isNeeded[id] && !isAbsorbed[id] {
      switch node.operation {
      case let unary as Unary:
        switch unary.function {
        case .exponential, .logarithm, .softplus, .sigmoid, .hyperbolicTangent, .errorFunction,
          .squareRoot, .reciprocal:
          continue
        default: break
        }
      case let binary as Binary where binary.function == .divide: continue
      default: break
      }
      // Chains of inlined nodes must stay short: every consumer repeats them.
      guard expressionSize(id) <= 4, Set(leaves(of: id).filter(isLarge(in: node.shape))).count <= 1
      else { continue }
      isInlined[id] = true
    }
  }

  func isLarge(in shape: Shape) -> (Int) -> Bool {
    { graph.nodes[$0].shape.count * 2 > shape.count }
  }

  func expressionSize(_ id: Int) -> Int {
    graph.nodes[id].operands.reduce(1) { $0 + (isInlined[$1] ? expressionSize($1) : 0) }
  }

  /// The stored values that computing `id` in a register reads, fusion group mates included.
  func leaves(of id: Int) -> [Int] {
    graph.nodes[id].operands.flatMap { leaf($0) }
  }

  func leaf(_ operand: Int) -> [Int] {
    if number(operand) != nil { return [] }
    if isInlined[operand] { return leaves(of: operand) }
    if kind(operand) == .view, !isNeeded[operand] {
      return leaf(graph.nodes[operand].operands[0])
    }
    return [operand]
  }

  /// Those of the leaves that are read in another order than they are stored.
  func viewedLeaves(of id: Int) -> [Int] {
    if kind(id) == .view { return leaves(of: id) }
    return graph.nodes[id].operands.flatMap { operand in
      if number(operand) != nil { return [Int]() }
      if isInlined[operand] { return viewedLeaves(of: operand) }
      return kind(operand) == .view && !isNeeded[operand] ? leaf(operand) : []
    }
  }

  /// `id`, and the nodes that computing it reads or repeats: one register each at most.
  func registers(of id: Int) -> Set<Int> {
    var found: Set<Int> = [id]
    for operand in graph.nodes[id].operands {
      if isInlined[operand] {
        found.formUnion(registers(of: operand))
      } else {
        found.insert(operand)
      }
    }
    return found
  }
}
