import TensorGraph

/// Trades time for memory: what would be kept from a forward pass for a backward pass is computed
/// again right before it is needed there.
///
/// At the step where most memory is alive, look for a result that is not used there but later, and
/// whose kernel's own operands are alive at that later step anyway; of those take the one with the
/// most bytes for each moment of work, let it go after its last use before, and repeat its kernel
/// before the next. Then the same again, until nothing of the kind is left where most is alive. A
/// chain of convolutions keeps every other of its activations in this way. The same kernels on the
/// same operands give the same bits.
struct Recomputation {
  private(set) var kernels: [Kernel]
  private(set) var graph: Graph

  init(_ kernels: [Kernel], _ graph: Graph, storage: [Int]) {
    (self.kernels, self.graph) = (kernels, graph)
    let outputs = Set(graph.outputs.map { storage[$0] })
    // Each turn lets one result go; a program has so many of them.
    for _ in kernels {
      guard let choice = choice(outputs) else { break }
      `repeat`(choice)
    }
  }

  /// What is smaller than this part of the peak is kept.
  private static let crumb = 256

  private struct Choice {
    let storage: Int
    let writer: Int
    let next: Int
  }

  /// The result to let go, and where it is used again.
  private func choice(_ outputs: Set<Int>) -> Choice? {
    let count = graph.nodes.count
    var writer = [Int](repeating: -1, count: count)
    var touches = [[Int]](repeating: [], count: count)
    for (step, kernel) in kernels.enumerated() {
      for storage in Set(kernel.reads) where !graph.nodes[storage].isGiven {
        touches[storage].append(step)
      }
      for storage in kernel.writes {
        writer[storage] = step
        touches[storage].append(step)
      }
    }
    func lastUse(_ storage: Int) -> Int {
      outputs.contains(storage) ? kernels.count : touches[storage].last ?? -1
    }
    var change = [Int](repeating: 0, count: kernels.count + 2)
    for storage in 0..<count where writer[storage] >= 0 {
      change[writer[storage]] += graph.nodes[storage].byteCount
      change[lastUse(storage) + 1] -= graph.nodes[storage].byteCount
    }
    var (alive, most, peak) = (0, 0, 0)
    for step in kernels.indices {
      alive += change[step]
      if alive > most { (most, peak) = (alive, step) }
    }
    var best: (choice: Choice, rate: Double)?
    for storage in 0..<count
    where writer[storage] >= 0 && writer[storage] < peak && lastUse(storage) > peak {
      guard !outputs.contains(storage), !touches[storage].contains(peak),
        let next = touches[storage].first(where: { $0 > peak })
      else { continue }
      let kernel = kernels[writer[storage]]
      let isThere = kernel.reads.allSatisfy { graph.nodes[$0].isGiven || lastUse($0) >= next }
      guard isThere else { continue }
      let bytes = graph.nodes[storage].byteCount
      // What else the kernel writes is made again for nothing, and crumbs are not worth the time.
      let others = kernel.writes.reduce(-bytes) { $0 + graph.nodes[$1].byteCount }
      guard others < bytes, bytes >= most / Self.crumb else { continue }
      let rate = Double(bytes) / seconds(kernel)
      if rate > best?.rate ?? 0 {
        best = (Choice(storage: storage, writer: writer[storage], next: next), rate)
      }
    }
    return best?.choice
  }

  /// An estimate; only the order of the kernels matters.
  private func seconds(_ kernel: Kernel) -> Double {
    let traffic = (kernel.reads + kernel.writes).reduce(0) { $0 + graph.nodes[$1].byteCount }
    let cost = kernel.cost(in: graph, traffic: traffic)
    return max(Double(cost.flops) / 2e11, Double(cost.bytes) / 1e10) + 1e-6
  }

  private mutating func `repeat`(_ choice: Choice) {
    let kernel = kernels[choice.writer]
    let first = graph.nodes.count
    graph = graph.repeating(kernel.writes)
    let renamed = Dictionary(
      uniqueKeysWithValues: kernel.writes.enumerated().map { ($1, first + $0) })
    for step in choice.next..<kernels.count where kernels[step].reads.contains(choice.storage) {
      kernels[step] = kernels[step].renamed([choice.storage: renamed[choice.storage]!])
    }
    kernels.insert(kernel.renamed(renamed), at: choice.next)
  }
}

extension Kernel {
  /// The same work on other storages.
  fileprivate func renamed(_ names: [Int: Int]) -> Kernel {
    func new(_ storage: Int) -> Int { names[storage] ?? storage }
    var work = work
    switch work {
    case .convolution(let convolution, var epilogue):
      epilogue.bias = epilogue.bias.map(new)
      epilogue.residual = epilogue.residual.map(new)
      work = .convolution(convolution, epilogue)
    case .pointwise(let cluster):
      work = .pointwise(
        PointwiseCluster(
          shape: cluster.shape,
          inputs: cluster.inputs.map {
            View(storage: new($0.storage), offset: $0.offset, strides: $0.strides)
          },
          scalars: cluster.scalars, instructions: cluster.instructions,
          outputs: cluster.outputs.map {
            PointwiseCluster.Output(register: $0.register, storage: new($0.storage))
          },
          reductions: cluster.reductions.map {
            PointwiseCluster.Reduction(
              register: $0.register, function: $0.function, strides: $0.strides, count: $0.count,
              storage: new($0.storage))
          },
          registerCount: cluster.registerCount))
    case .operation, .maxPool: break
    }
    return Kernel(
      work: work, reads: reads.map(new), writes: writes.map(new), readShapes: readShapes,
      writeShapes: writeShapes)
  }
}
