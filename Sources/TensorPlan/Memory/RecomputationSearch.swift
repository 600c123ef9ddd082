import TensorGraph

/// What to let go, and when.
struct RecomputationSearch {
  /// A kernel in the new order.
  struct Step {
    let kernel: Int
    let isRepeated: Bool
    /// The kernel of the old order for which it runs.
    let position: Int
  }

  private let kernels: [Kernel]
  private let reads: [[Int]]
  private let bytes: [Int]
  private let seconds: [Double]
  /// The kernel that writes a storage, or -1.
  private let writer: [Int]
  private let isOutput: [Bool]
  /// After which kernels of the old order a storage is let go, ascending.
  private var endings: [[Int]]

  init(_ kernels: [Kernel], _ graph: Graph, outputs: [Int]) {
    self.kernels = kernels
    let count = graph.nodes.count
    reads = kernels.map { kernel in Set(kernel.reads).filter { !graph.nodes[$0].isGiven }.sorted() }
    bytes = graph.nodes.map(\.byteCount)
    seconds = kernels.map { $0.seconds(in: graph) }
    var writer = [Int](repeating: -1, count: count)
    for (index, kernel) in kernels.enumerated() {
      for storage in kernel.writes { writer[storage] = index }
    }
    self.writer = writer
    var isOutput = [Bool](repeating: false, count: count)
    for output in outputs { isOutput[output] = true }
    self.isOutput = isOutput
    endings = [[Int]](repeating: [], count: count)
  }

  mutating func run() {
    var usage = Usage(order(), self)
    // Each turn lets one kernel's results go, and the peak gets smaller.
    while let better = improved(usage) { usage = better }
  }

  /// How many times a storage has been let go before a kernel of the old order runs.
  func generation(_ storage: Int, at position: Int) -> Int {
    var generation = 0
    for ending in endings[storage] where ending < position { generation += 1 }
    return generation
  }

  /// The kernels in order, those that are repeated included.
  func order() -> [Step] {
    var steps: [Step] = []
    var newest = [Int](repeating: 0, count: bytes.count)
    func append(_ kernel: Int, at position: Int, isRepeated: Bool) {
      for storage in reads[kernel] where generation(storage, at: position) > newest[storage] {
        append(writer[storage], at: position, isRepeated: true)
      }
      if isRepeated {
        for storage in kernels[kernel].writes {
          newest[storage] = generation(storage, at: position)
        }
      }
      steps.append(Step(kernel: kernel, isRepeated: isRepeated, position: position))
    }
    for kernel in kernels.indices { append(kernel, at: kernel, isRepeated: false) }
    return steps
  }

  /// A result is let go so many times at most: between a forward pass, the pass for a heatmap and
  /// that for the derivatives of both, there are two gaps.
  private static let generations = 2
  /// What is smaller than this part of the peak is kept.
  private static let crumb = 512
  /// An operand this many times smaller than what is made of it again is kept for that.
  private static let small = 8
  /// At most so many results go together.
  private static let together = 8
  /// So many choices are looked at, the most promising first.
  private static let trials = 12

  private struct Choice {
    /// Each with the last kernel of the old order before it is let go.
    var gone: [(storage: Int, ending: Int)]
    /// Bytes for each second of work.
    var rate = 0.0
  }

  /// Lets another kernel's results go, if the peak gets smaller by any.
  private mutating func improved(_ usage: Usage) -> Usage? {
    var choices = kernels.indices.compactMap { choice(of: $0, usage) }
    choices.sort { ($1.rate, $0.gone[0].storage) < ($0.rate, $1.gone[0].storage) }
    for choice in choices.prefix(Self.trials) {
      let before = endings
      for (storage, ending) in choice.gone {
        endings[storage] = (endings[storage] + [ending]).sorted()
      }
      let trial = Usage(order(), self)
      if (trial.most, trial.stepsAtMost) < (usage.most, usage.stepsAtMost) { return trial }
      endings = before
    }
    return nil
  }

  /// The results of a kernel that wait at the peak, with all that is not there any more of what
  /// they are made of: keeping it instead would gain nothing.
  private func choice(of kernel: Int, _ usage: Usage) -> Choice? {
    var choice = Choice(
      gone: kernels[kernel].writes.compactMap { storage in
        guard mayGo(storage), bytes[storage] >= usage.most / Self.crumb else { return nil }
        return usage.lastUse(ofWaiting: storage).map { (storage, $0) }
      })
    let gain = choice.gone.reduce(0) { $0 + bytes[$1.storage] }
    guard gain > 0 else { return nil }
    var work = seconds[kernel]
    var operands = reads[kernel]
    while let operand = operands.popLast() {
      guard bytes[operand] * Self.small > gain, mayGo(operand),
        let last = usage.lastUse(ofDone: operand),
        !choice.gone.contains(where: { $0.storage == operand })
      else { continue }
      guard choice.gone.count < Self.together else { return nil }
      choice.gone.append((operand, last))
      work += seconds[writer[operand]]
      operands += reads[writer[operand]]
    }
    choice.rate = Double(gain) / work
    return choice
  }

  private func mayGo(_ storage: Int) -> Bool {
    !isOutput[storage] && endings[storage].count < Self.generations
  }

  /// How much memory is alive when.
  private struct Usage {
    /// The most bytes, and how many steps have as many.
    private(set) var most = 0
    private(set) var stepsAtMost = 0
    private let steps: [Step]
    /// The first step with the most bytes.
    private var peak = 0
    /// The steps that use a storage.
    private var uses: [[(step: Int, generation: Int)]]

    init(_ steps: [Step], _ search: RecomputationSearch) {
      self.steps = steps
      let count = search.bytes.count
      uses = [[(step: Int, generation: Int)]](repeating: [], count: count)
      var change = [Int](repeating: 0, count: steps.count + 1)
      var first = [Int](repeating: -1, count: (RecomputationSearch.generations + 1) * count)
      var last = first
      for (index, step) in steps.enumerated() {
        for storage in search.reads[step.kernel] {
          let generation = search.generation(storage, at: step.position)
          last[generation * count + storage] = index
          uses[storage].append((index, generation))
        }
        for storage in search.kernels[step.kernel].writes {
          let generation = search.generation(storage, at: step.position)
          guard generation > 0 || !step.isRepeated else {
            // Made again for nothing: it is there already.
            change[index] += search.bytes[storage]
            change[index + 1] -= search.bytes[storage]
            continue
          }
          let id = generation * count + storage
          if first[id] < 0 { first[id] = index }
          last[id] = index
          uses[storage].append((index, generation))
        }
      }
      for id in first.indices where first[id] >= 0 {
        let isKept = id < count && search.isOutput[id]
        change[first[id]] += search.bytes[id % count]
        change[isKept ? steps.count : last[id] + 1] -= search.bytes[id % count]
      }
      var alive = 0
      for step in steps.indices {
        alive += change[step]
        if alive > most { (most, peak, stepsAtMost) = (alive, step, 0) }
        if alive == most { stepsAtMost += 1 }
      }
    }

    /// The kernel of the last use before the peak of what waits there to be used later.
    func lastUse(ofWaiting storage: Int) -> Int? {
      guard let next = uses[storage].firstIndex(where: { $0.step >= peak }), next > 0,
        uses[storage][next].step > peak,
        uses[storage][next - 1].generation == uses[storage][next].generation
      else { return nil }
      return ending(uses[storage][next - 1].step)
    }

    /// The kernel of the last use of what is not used from the peak on.
    func lastUse(ofDone storage: Int) -> Int? {
      guard let last = uses[storage].last, last.step < peak else { return nil }
      return ending(last.step)
    }

    /// The kernel of the old order for which a step runs, if it comes before that of the peak.
    private func ending(_ step: Int) -> Int? {
      steps[step].position < steps[peak].position ? steps[step].position : nil
    }
  }
}

extension Kernel {
  /// An estimate; only the order of the kernels matters.
  fileprivate func seconds(in graph: Graph) -> Double {
    let traffic = (reads + writes).reduce(0) { $0 + graph.nodes[$1].byteCount }
    let cost = cost(in: graph, traffic: traffic)
    return max(Double(cost.flops) / 2e11, Double(cost.bytes) / 1e10) + 1e-6
  }
}
