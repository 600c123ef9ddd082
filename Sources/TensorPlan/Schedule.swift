import TensorGraph

/// The order in which kernels run.
enum Schedule {
  /// Topological, and otherwise by position in the graph: what was requested first runs first, so
  /// a backward pass frees what its forward pass kept in the reverse of the order it was made.
  ///
  /// What makes a large result of little, and is for the end alone, runs last: the gradient of a
  /// dense layer's weights is hundreds of times the size of the rows it is made of, and must not
  /// stand beside the activations of the layers before.
  static func order(_ kernels: [(position: Int, Kernel)], in graph: Graph) -> [Kernel] {
    let ordered = topological(kernels)
    let isLate = late(ordered, graph)
    return zip(ordered, isLate).filter { !$1 }.map(\.0) + zip(ordered, isLate).filter(\.1).map(\.0)
  }

  /// An operand is small beside a result that is this many times its size.
  private static let growth = 4

  /// For each kernel whether nothing but late kernels waits for it, and what it reads is small beside
  /// what it makes or is made late as well.
  private static func late(_ kernels: [Kernel], _ graph: Graph) -> [Bool] {
    var producer: [Int: Int] = [:]
    var consumers: [Int: [Int]] = [:]
    for (index, kernel) in kernels.enumerated() {
      for storage in kernel.writes { producer[storage] = index }
      for storage in Set(kernel.reads) { consumers[storage, default: []].append(index) }
    }
    func bytes(_ storages: [Int]) -> Int {
      storages.reduce(0) { $0 + graph.nodes[$1].byteCount }
    }
    /// Operands that are not small; sources are there anyway.
    func large(_ index: Int) -> [Int] {
      let made = bytes(kernels[index].writes)
      return kernels[index].reads.filter { producer[$0] != nil && bytes([$0]) * growth > made }
    }
    var isLate = [Bool](repeating: false, count: kernels.count)
    for (index, kernel) in kernels.enumerated().reversed() {
      guard kernel.writes.allSatisfy({ consumers[$0, default: []].allSatisfy { isLate[$0] } })
      else { continue }
      isLate[index] = large(index).allSatisfy { storage in
        let source = producer[storage]!
        return large(source).isEmpty
          && kernels[source].writes.allSatisfy { written in
            consumers[written, default: []].allSatisfy { $0 == index || isLate[$0] }
          }
      }
    }
    return isLate
  }

  private static func topological(_ kernels: [(position: Int, Kernel)]) -> [Kernel] {
    var producer: [Int: Int] = [:]
    for (index, (_, kernel)) in kernels.enumerated() {
      for storage in kernel.writes { producer[storage] = index }
    }
    var waiting = [Int](repeating: 0, count: kernels.count)
    var successors = [[Int]](repeating: [], count: kernels.count)
    for (index, (_, kernel)) in kernels.enumerated() {
      let sources = Set(kernel.reads.compactMap { producer[$0] })
      precondition(!sources.contains(index), "\(kernel.name) reads what it writes")
      waiting[index] = sources.count
      for source in sources { successors[source].append(index) }
    }
    var ready = Heap()
    for index in kernels.indices where waiting[index] == 0 {
      ready.insert((kernels[index].position, index))
    }
    var ordered: [Kernel] = []
    while let (_, index) = ready.removeFirst() {
      ordered.append(kernels[index].1)
      for successor in successors[index] {
        waiting[successor] -= 1
        if waiting[successor] == 0 { ready.insert((kernels[successor].position, successor)) }
      }
    }
    precondition(ordered.count == kernels.count, "kernels wait for each other")
    return ordered
  }

  /// A binary heap of (position, index), smallest first.
  private struct Heap {
    private var items: [(Int, Int)] = []

    mutating func insert(_ item: (Int, Int)) {
      items.append(item)
      var child = items.count - 1
      while child > 0, items[child] < items[(child - 1) / 2] {
        items.swapAt(child, (child - 1) / 2)
        child = (child - 1) / 2
      }
    }

    mutating func removeFirst() -> (Int, Int)? {
      guard let first = items.first else { return nil }
      let last = items.removeLast()
      guard !items.isEmpty else { return first }
      items[0] = last
      var parent = 0
      while true {
        var child = 2 * parent + 1
        guard child < items.count else { break }
        if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
        guard items[child] < items[parent] else { break }
        items.swapAt(child, parent)
        parent = child
      }
      return first
    }
  }
}
