import TensorGraph

/// Which pointwise operations and reductions are one kernel.
extension Fusion {
  func root(_ id: Int) -> Int {
    var id = id
    while parent[id] != id { id = parent[id] }
    return id
  }

  /// The iteration space of a node that lives in a fusion group; `nil` for all others.
  func iteration(_ id: Int) -> Shape? {
    if isAbsorbed[id] || isInlined[id] { return nil }
    switch kind(id) {
    case .pointwise: return graph.nodes[id].shape
    case .reduction: return graph.nodes[graph.nodes[id].operands[0]].shape
    case .view: return isNeeded[id] ? graph.nodes[id].shape : nil
    default: return nil
    }
  }

  func isMate(_ producer: Int, of shape: Shape) -> Bool {
    kind(producer) == .pointwise && !isAbsorbed[producer] && graph.nodes[producer].shape == shape
  }

  mutating func joinGroups() {
    // Fusion groups of one level and shape that read the same large value share that read.
    struct Shared: Hashable {
      let level: Int
      let shape: Shape
      let value: Int
    }
    var consumers: [Shared: Int] = [:]
    // What follows an absorbed node waits for everything that its convolution reads.
    var epilogueReads: [Int: [Int]] = [:]
    for (id, (end, taken)) in epilogue {
      epilogueReads[end] =
        graph.nodes[id].operands + [taken.bias, taken.residual].compactMap { $0 }
    }
    for (id, taken) in backwardPostOps {
      epilogueReads[taken.end] = graph.nodes[id].operands + taken.reads
    }
    for (id, node) in graph.nodes.enumerated() {
      guard let shape = iteration(id) else {
        let reads = epilogueReads[id] ?? node.operands
        for operand in reads { level[id] = max(level[id], level[operand]) }
        if kind(id) != .source, kind(id) != .alias { level[id] += 1 }
        continue
      }
      let leaves = leaves(of: id)
      // What is also read through a view must be complete before: it is no mate.
      let viewed = Set(viewedLeaves(of: id))
      let mates = leaves.filter { isMate($0, of: shape) && !viewed.contains($0) }
      for leaf in leaves {
        level[id] = max(level[id], level[leaf] + (mates.contains(leaf) ? 0 : 1))
      }
      registers[id] = registers(of: id)
      let joined = Set(mates.filter { level[$0] == level[id] }.map(root))
      if fits(joined.union([id])) {
        for other in joined { join(other, with: id) }
      } else {
        level[id] += 1
      }
      for leaf in leaves where !mates.contains(leaf) && isLarge(in: shape)(leaf) {
        let shared = Shared(level: level[id], shape: shape, value: storage[leaf])
        if let other = consumers[shared], root(other) != root(id), fits([root(other), root(id)]) {
          join(other, with: id)
        }
        consumers[shared] = id
      }
    }
  }

  /// Whether the fusion groups with these roots may become one.
  func fits(_ roots: Set<Int>) -> Bool {
    roots.reduce(0) { $0 + members[$1] } <= Self.memberLimit
      && roots.reduce(into: Set<Int>()) { $0.formUnion(registers[$1]!) }.count
        <= Self.registerLimit
  }

  mutating func join(_ a: Int, with b: Int) {
    let (a, b) = (root(a), root(b))
    guard a != b else { return }
    parent[b] = a
    members[a] += members[b]
    registers[a]!.formUnion(registers.removeValue(forKey: b)!)
  }
}
