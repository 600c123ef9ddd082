import TensorGraph

/// Groups the nodes of a graph into kernels.
///
/// - A convolution takes the bias, residual and ReLU that follow it, if nobody else sees what is
///   between; the gradient in its image a residual, the mask of a ReLU and the sum over all pixels.
/// - Filters that are multiplied with a number each, and read by convolutions alone, are multiplied when
///   they are packed, if the executor packs filters anyway.
/// - Pointwise operations of one shape that feed each other become one cluster, with the reductions
///   that read them. Broadcasts, slices and transpositions in front of a cluster are ways of
///   reading, not work.
/// - A cheap pointwise operation of one large operand is computed again by each reader instead of
///   being stored: reading its operand costs what reading its result would.
///
/// That no cycle can arise follows from levels: a node's level grows by one across everything but
/// an edge within a cluster, and only nodes of one level are joined.
struct Fusion {
  let graph: Graph
  private let users: [[Int]]
  private let isOutput: [Bool]

  /// The node whose memory holds this node's value.
  private(set) var storage: [Int]
  /// Convolution to the last node it absorbs, and the inverse for all absorbed nodes.
  private var epilogue: [Int: (end: Int, Kernel.Epilogue)] = [:]
  /// Gradient in an image to the last node it absorbs, and the sum that it takes as well.
  private var following: [Int: Following] = [:]
  /// Scaled filters to the filters and the scale.
  private var scaled: [Int: (filter: Int, scale: Int)] = [:]
  private var isAbsorbed: [Bool]
  private var isInlined: [Bool]
  private var isNeeded: [Bool]
  private var parent: [Int]
  private var members: [Int]
  /// Of a cluster's root: the nodes that may take a register.
  private var registers: [Int: Set<Int>] = [:]
  private var level: [Int]

  private(set) var kernels: [Kernel] = []

  /// More nodes than this never form one cluster: registers must stay in the first-level cache.
  static let clusterLimit = 48
  /// What a cluster reads and computes stands in at most this many registers.
  static let registerLimit = 256

  init(_ graph: Graph, scalesFilters: Bool) {
    self.graph = graph
    users = graph.users()
    let count = graph.nodes.count
    var isOutput = [Bool](repeating: false, count: count)
    for output in graph.outputs { isOutput[output] = true }
    self.isOutput = isOutput
    storage = Array(0..<count)
    isAbsorbed = Array(repeating: false, count: count)
    isInlined = isAbsorbed
    isNeeded = isOutput
    parent = storage
    members = Array(repeating: 1, count: count)
    level = Array(repeating: 0, count: count)
    findStorage()
    if scalesFilters { absorbScales() }
    absorbEpilogues()
    absorbFollowing()
    findNeeded()
    inlineCheapNodes()
    joinClusters()
    emitKernels()
  }

  // MARK: Kinds of nodes

  private enum Kind { case source, alias, view, pointwise, reduction, other }

  private func kind(_ id: Int) -> Kind {
    switch graph.nodes[id].operation {
    case is Placeholder, is Parameter, is Constant, is Scalar: .source
    case is Reshape, is StopGradient: .alias
    case is Broadcast, is Slice, is Transpose: graph.nodes[id].type == .float32 ? .view : .other
    case is Unary, is Binary, is Select: .pointwise
    case is Reduction: .reduction
    default: .other
    }
  }

  /// The number that a node holds everywhere, if it is a constant.
  private func number(_ id: Int) -> Double? {
    switch graph.nodes[id].operation {
    case let scalar as Scalar: scalar.value
    case is Broadcast, is Reshape, is StopGradient: number(graph.nodes[id].operands[0])
    default: nil
    }
  }

  private mutating func findStorage() {
    for (id, node) in graph.nodes.enumerated() where kind(id) == .alias {
      storage[id] = storage[node.operands[0]]
    }
  }

  // MARK: Scaled filters

  private mutating func absorbScales() {
    for (id, node) in graph.nodes.enumerated() {
      guard let product = node.operation as? Binary, product.function == .multiply,
        node.shape.rank == 4, !isOutput[id], users[id].allSatisfy({ isFilter(id, of: $0) })
      else { continue }
      for (filter, spread) in [
        (node.operands[0], node.operands[1]), (node.operands[1], node.operands[0]),
      ] where graph.nodes[spread].operation is Broadcast && number(spread) == nil {
        let scale = graph.nodes[spread].operands[0]
        guard graph.nodes[scale].shape == [node.shape[0], 1, 1, 1],
          kind(scale) != .view, kind(filter) != .view, number(filter) == nil
        else { continue }
        scaled[id] = (filter, scale)
        isAbsorbed[id] = true
        break
      }
    }
  }

  private func isFilter(_ id: Int, of user: Int) -> Bool {
    let node = graph.nodes[user]
    return (node.operation is Convolution || node.operation is ConvolutionInputGradient)
      && node.operands[0] != id && node.operands[1] == id
  }

  // MARK: Epilogues

  private func onlyUser(of id: Int) -> Int? {
    isOutput[id] || users[id].count != 1 ? nil : users[id][0]
  }

  /// The vector that `id` repeats along every axis but the last, if it does.
  private func channelVector(_ id: Int, channels: Int) -> Int? {
    guard graph.nodes[id].operation is Broadcast else { return nil }
    let source = graph.nodes[id].operands[0]
    let shape = graph.nodes[source].shape
    return shape.count == channels && shape.rank > 0 && shape[-1] == channels ? source : nil
  }

  private mutating func absorbEpilogues() {
    for (id, node) in graph.nodes.enumerated() where node.operation is Convolution {
      var end = id
      var taken = Kernel.Epilogue()
      var absorbed: [Int] = []
      while !taken.hasReLU, let user = onlyUser(of: end) {
        let next = graph.nodes[user]
        if let binary = next.operation as? Binary, binary.function == .add {
          let other = next.operands[0] == end ? next.operands[1] : next.operands[0]
          if taken.bias == nil, taken.residual == nil,
            let vector = channelVector(other, channels: node.shape[3])
          {
            taken.bias = vector
          } else if taken.residual == nil, stands(other, before: id) {
            taken.residual = other
          } else {
            break
          }
        } else if let unary = next.operation as? Unary, unary.function == .relu {
          taken.hasReLU = true
        } else {
          break
        }
        absorbed.append(end)
        end = user
      }
      guard end != id else { continue }
      for inner in absorbed { isAbsorbed[inner] = true }
      isAbsorbed[end] = true
      epilogue[id] = (end, taken)
    }
  }

  private struct Following {
    var end: Int
    var residual: Int?
    var mask: Int?
    var channelSums: Int?

    /// What is read for it.
    var reads: [Int] { [residual, mask].compactMap { $0 } }
  }

  /// An array that is there before `id` and can be read as it stands.
  private func stands(_ other: Int, before id: Int) -> Bool {
    other < id && number(other) == nil && kind(other) != .view
      && graph.nodes[other].type == .float32
  }

  /// Whether `id` is the sum of an image over all pixels.
  private func sumsPixels(_ id: Int, of image: Shape) -> Bool {
    guard let sum = graph.nodes[id].operation as? Reduction, sum.function == .sum else {
      return false
    }
    return (0..<3).allSatisfy { image[$0] == 1 || sum.axes.contains($0) } && !sum.axes.contains(3)
  }

  private mutating func absorbFollowing() {
    for (id, node) in graph.nodes.enumerated() where node.operation is ConvolutionInputGradient {
      var taken = Following(end: id)
      var absorbed: [Int] = []
      while taken.mask == nil, let user = onlyUser(of: taken.end) {
        let next = graph.nodes[user]
        guard let binary = next.operation as? Binary else { break }
        let other = next.operands[0] == taken.end ? next.operands[1] : next.operands[0]
        if binary.function == .add, taken.residual == nil, stands(other, before: id) {
          taken.residual = other
        } else if binary.function == .multiply,
          (graph.nodes[other].operation as? Unary)?.function == .isPositive,
          stands(graph.nodes[other].operands[0], before: id)
        {
          taken.mask = graph.nodes[other].operands[0]
        } else {
          break
        }
        absorbed.append(user)
        taken.end = user
      }
      guard taken.end != id else { continue }
      taken.channelSums = users[taken.end].first { sumsPixels($0, of: node.shape) }
      isAbsorbed[id] = true
      for inner in absorbed + [taken.channelSums].compactMap({ $0 }) { isAbsorbed[inner] = true }
      following[id] = taken
    }
  }

  // MARK: What must be stored

  private mutating func need(_ id: Int) {
    isNeeded[id] = true
    // What stands under an alias or a stored view is stored as well.
    switch kind(id) {
    case .alias, .view:
      let source = graph.nodes[id].operands[0]
      if !isNeeded[source], number(id) == nil || kind(id) == .alias { need(source) }
    default: break
    }
  }

  private mutating func findNeeded() {
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
      for read in following[id]?.reads ?? [] { need(read) }
      if let (filter, scale) = scaled[id] {
        need(filter)
        need(scale)
      }
      if isOutput[id] { need(id) }
    }
  }

  private mutating func inlineCheapNodes() {
    for (id, node) in graph.nodes.enumerated()
    where kind(id) == .pointwise && !isNeeded[id] && !isAbsorbed[id] {
      switch node.operation {
      case let unary as Unary:
        switch unary.function {
        case .exponential, .logarithm, .softplus, .sigmoid, .squareRoot, .reciprocal: continue
        default: break
        }
      case let binary as Binary where binary.function == .divide: continue
      default: break
      }
      // Chains of inlined nodes must stay short: every reader repeats them.
      guard expressionSize(id) <= 4, Set(leaves(of: id).filter(isLarge(in: node.shape))).count <= 1
      else { continue }
      isInlined[id] = true
    }
  }

  private func isLarge(in shape: Shape) -> (Int) -> Bool {
    { graph.nodes[$0].shape.count * 2 > shape.count }
  }

  private func expressionSize(_ id: Int) -> Int {
    graph.nodes[id].operands.reduce(1) { $0 + (isInlined[$1] ? expressionSize($1) : 0) }
  }

  /// The stored values that computing `id` in a register reads, cluster mates included.
  private func leaves(of id: Int) -> [Int] {
    graph.nodes[id].operands.flatMap { leaf($0) }
  }

  private func leaf(_ operand: Int) -> [Int] {
    if number(operand) != nil { return [] }
    if isInlined[operand] { return leaves(of: operand) }
    if kind(operand) == .view, !isNeeded[operand] {
      return leaf(graph.nodes[operand].operands[0])
    }
    return [operand]
  }

  /// Those of the leaves that are read in another order than they are stored.
  private func viewedLeaves(of id: Int) -> [Int] {
    if kind(id) == .view { return leaves(of: id) }
    return graph.nodes[id].operands.flatMap { operand in
      if number(operand) != nil { return [Int]() }
      if isInlined[operand] { return viewedLeaves(of: operand) }
      return kind(operand) == .view && !isNeeded[operand] ? leaf(operand) : []
    }
  }

  /// `id`, and the nodes that computing it reads or repeats: one register each at most.
  private func registers(of id: Int) -> Set<Int> {
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

  // MARK: Clusters

  private func root(_ id: Int) -> Int {
    var id = id
    while parent[id] != id { id = parent[id] }
    return id
  }

  /// The iteration space of a node that lives in a cluster; `nil` for all others.
  private func iteration(_ id: Int) -> Shape? {
    if isAbsorbed[id] || isInlined[id] { return nil }
    switch kind(id) {
    case .pointwise: return graph.nodes[id].shape
    case .reduction: return graph.nodes[graph.nodes[id].operands[0]].shape
    case .view: return isNeeded[id] ? graph.nodes[id].shape : nil
    default: return nil
    }
  }

  private func isMate(_ producer: Int, of shape: Shape) -> Bool {
    kind(producer) == .pointwise && !isAbsorbed[producer] && graph.nodes[producer].shape == shape
  }

  private mutating func joinClusters() {
    // Clusters of one level and shape that read the same large value share that read.
    struct Shared: Hashable {
      let level: Int
      let shape: Shape
      let value: Int
    }
    var readers: [Shared: Int] = [:]
    // What follows an absorbed node waits for everything that its convolution reads.
    var epilogueReads: [Int: [Int]] = [:]
    for (id, (end, taken)) in epilogue {
      epilogueReads[end] =
        graph.nodes[id].operands + [taken.bias, taken.residual].compactMap { $0 }
    }
    for (id, taken) in following {
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
        if let other = readers[shared], root(other) != root(id), fits([root(other), root(id)]) {
          join(other, with: id)
        }
        readers[shared] = id
      }
    }
  }

  /// Whether the clusters with these roots may become one.
  private func fits(_ roots: Set<Int>) -> Bool {
    roots.reduce(0) { $0 + members[$1] } <= Self.clusterLimit
      && roots.reduce(into: Set<Int>()) { $0.formUnion(registers[$1]!) }.count
        <= Self.registerLimit
  }

  private mutating func join(_ a: Int, with b: Int) {
    let (a, b) = (root(a), root(b))
    guard a != b else { return }
    parent[b] = a
    members[a] += members[b]
    registers[a]!.formUnion(registers.removeValue(forKey: b)!)
  }

  // MARK: Kernels

  private mutating func emitKernels() {
    var clusters: [Int: [Int]] = [:]
    for id in graph.nodes.indices where iteration(id) != nil {
      clusters[root(id), default: []].append(id)
    }
    var emitted: [(position: Int, Kernel)] = []
    var selectedWithIndex: Set<Int> = []
    for (id, node) in graph.nodes.enumerated() where !selectedWithIndex.contains(id) {
      if iteration(id) != nil {
        guard let members = clusters.removeValue(forKey: root(id)) else { continue }
        emitted.append((members.last!, kernel(of: members)))
        continue
      }
      guard kind(id) == .other,
        !isAbsorbed[id] || epilogue[id] != nil || following[id] != nil
      else { continue }
      if let convolution = node.operation as? Convolution {
        let (end, taken) = epilogue[id] ?? (id, Kernel.Epilogue())
        let following = [taken.bias, taken.residual].compactMap { $0 }
        var stored = taken
        stored.bias = taken.bias.map { storage[$0] }
        stored.residual = taken.residual.map { storage[$0] }
        emitted.append((id, kernel(.convolution(convolution, stored), node, following, [end])))
      } else if let gradient = node.operation as? ConvolutionInputGradient {
        let taken = following[id]
        let results = [taken?.end ?? id] + [taken?.channelSums].compactMap { $0 }
        let work = Kernel.Work.inputGradient(gradient, taken.map(finish))
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

  private func finish(_ taken: Following) -> Kernel.Finish {
    let shape = graph.nodes[taken.end].shape
    var builder = ClusterBuilder(shape: shape)
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
    return Kernel.Finish(
      residual: taken.residual.map { storage[$0] }, mask: taken.mask.map { storage[$0] },
      channelSums: taken.channelSums, cluster: builder.finished())
  }

  private func kernel(
    _ work: Kernel.Work, _ operands: [Int], _ results: [Int], filterScale: Int? = nil
  ) -> Kernel {
    Kernel(
      work: work, reads: operands.map { storage[$0] }, writes: results,
      readShapes: operands.map { graph.nodes[$0].shape },
      writeShapes: results.map { graph.nodes[$0].shape },
      filterScale: filterScale.map { storage[$0] })
  }

  /// A convolution or the gradient in its image, which reads what follows as well.
  private func kernel(
    _ work: Kernel.Work, _ node: Node, _ following: [Int], _ results: [Int]
  ) -> Kernel {
    guard let (filter, scale) = scaled[node.operands[1]] else {
      return kernel(work, node.operands + following, results)
    }
    return kernel(
      work, [node.operands[0], filter] + following + [scale], results, filterScale: scale)
  }

  /// Whether a cluster member's value is read by anybody outside its cluster.
  private func leavesCluster(_ id: Int, _ cluster: Int) -> Bool {
    if isNeeded[id] { return true }
    return users[id].contains { user in readsAsOutsider(user, cluster) }
  }

  private func readsAsOutsider(_ user: Int, _ cluster: Int) -> Bool {
    if isInlined[user] { return users[user].contains { readsAsOutsider($0, cluster) } }
    if iteration(user) == nil { return true }
    return root(user) != cluster
  }

  private func kernel(of members: [Int]) -> Kernel {
    var builder = ClusterBuilder(shape: iteration(members[0])!)
    let cluster = root(members[0])
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
        if leavesCluster(id, cluster) {
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

  private func register(
    of id: Int, in builder: inout ClusterBuilder, _ known: inout [Int: Int]
  ) -> Int {
    if let found = known[id] { return found }
    if let number = number(id) { return builder.scalar(number) }
    if isInlined[id] { return compute(id, in: &builder, &known) }
    let loaded = builder.input(isNeeded[id] || kind(id) != .view ? dense(id) : view(id))
    known[id] = loaded
    return loaded
  }

  private func compute(
    _ id: Int, in builder: inout ClusterBuilder, _ known: inout [Int: Int]
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

  // MARK: Views

  private func dense(_ id: Int) -> View {
    View(storage: storage[id], offset: 0, strides: graph.nodes[id].shape.strides)
  }

  /// How a broadcast, slice or transposition (or a chain of them) reads what is stored under it.
  private func view(_ id: Int) -> View {
    let node = graph.nodes[id]
    let source = node.operands[0]
    let under = kind(source) == .view && !isNeeded[source] ? view(source) : dense(source)
    let shape = graph.nodes[source].shape
    switch node.operation {
    case let spread as Broadcast:
      let lead = spread.shape.rank - shape.rank
      let strides = (0..<spread.shape.rank).map { axis in
        axis < lead || shape[axis - lead] == 1 ? 0 : under.strides[axis - lead]
      }
      return View(storage: under.storage, offset: under.offset, strides: strides)
    case let slice as Slice:
      let offset = zip(slice.start, under.strides).reduce(under.offset) { $0 + $1.0 * $1.1 }
      return View(
        storage: under.storage, offset: offset, strides: zip(slice.step, under.strides).map(*))
    case let transpose as Transpose:
      return View(
        storage: under.storage, offset: under.offset,
        strides: transpose.order.map { under.strides[$0] })
    default: preconditionFailure("\(node.operation.name) is no view")
    }
  }
}

/// Collects the registers and instructions of one cluster.
private struct ClusterBuilder {
  let shape: Shape
  var inputs: [View] = []
  var outputs: [PointwiseCluster.Output] = []
  var reductions: [PointwiseCluster.Reduction] = []
  private var scalars: [(value: Double, placeholder: Int)] = []
  private var instructions: [PointwiseCluster.Instruction] = []
  // Until the number of inputs is known, registers are: inputs -1, -2, …; the rest 0, 1, ….
  private var next = 0

  init(shape: Shape) { self.shape = shape }

  mutating func input(_ view: View) -> Int {
    if let index = inputs.firstIndex(of: view) { return -1 - index }
    inputs.append(view)
    return -inputs.count
  }

  mutating func scalar(_ value: Double) -> Int {
    if let known = scalars.first(where: { $0.value.bitPattern == value.bitPattern }) {
      return known.placeholder
    }
    scalars.append((value, next))
    next += 1
    return next - 1
  }

  mutating func instruction(_ make: (Int) -> PointwiseCluster.Instruction) -> Int {
    instructions.append(make(next))
    next += 1
    return next - 1
  }

  /// Renumbers registers: inputs first; a register is used again after its last reader.
  func finished() -> PointwiseCluster {
    var lastUse: [Int: Int] = [:]
    for (position, instruction) in instructions.enumerated() {
      for source in instruction.sources { lastUse[source] = position }
    }
    var pinned = Set(outputs.map(\.register) + reductions.map(\.register))
    for scalar in scalars { pinned.insert(scalar.placeholder) }
    var names: [Int: Int] = [:]
    for index in inputs.indices { names[-1 - index] = index }
    var count = inputs.count
    for scalar in scalars {
      names[scalar.placeholder] = count
      count += 1
    }
    var free: [Int] = []
    var renumbered: [PointwiseCluster.Instruction] = []
    for (position, instruction) in instructions.enumerated() {
      let sources = instruction.sources.map { names[$0]! }
      let target: Int
      if !pinned.contains(instruction.target), let reused = free.popLast() {
        target = reused
      } else {
        target = count
        count += 1
      }
      names[instruction.target] = target
      switch instruction {
      case .copy: renumbered.append(.copy(into: target, sources[0]))
      case .unary(let function, _, _):
        renumbered.append(.unary(function, into: target, sources[0]))
      case .binary(let function, _, _, _):
        renumbered.append(.binary(function, into: target, sources[0], sources[1]))
      case .select:
        renumbered.append(.select(into: target, mask: sources[0], sources[1], sources[2]))
      }
      for source in Set(instruction.sources)
      where source >= 0 && !pinned.contains(source) && lastUse[source] == position {
        free.append(names[source]!)
      }
    }
    return PointwiseCluster(
      shape: shape, inputs: inputs,
      scalars: scalars.map { (names[$0.placeholder]!, $0.value) }, instructions: renumbered,
      outputs: outputs.map { .init(register: names[$0.register]!, storage: $0.storage) },
      reductions: reductions.map {
        .init(
          register: names[$0.register]!, function: $0.function, strides: $0.strides,
          count: $0.count, storage: $0.storage)
      },
      registerCount: count)
  }
}
