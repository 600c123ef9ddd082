import TensorGraph

/// Groups the nodes of a graph into kernels.
///
/// - A convolution takes the bias, residual and ReLU that follow it, if nobody else sees what is
///   between; the input gradient a residual, the mask of a ReLU and the sum over all pixels.
/// - Filters that are multiplied with a number each, and read by convolutions alone, are multiplied when
///   they are packed, if the executor packs filters anyway.
/// - Pointwise operations of one shape that feed each other become one fusion group, with the reductions
///   that read them. Broadcasts, slices and transpositions in front of a fusion group are ways of
///   reading, not work.
/// - A cheap pointwise operation of one large operand is computed again by each consumer instead of
///   being stored: reading its operand costs what reading its result would.
///
/// That no cycle can arise follows from levels: a node's level grows by one across everything but
/// an edge within a fusion group, and only nodes of one level are joined.
struct Fusion {
  let graph: Graph
  let users: [[Int]]
  let isOutput: [Bool]

  /// The node whose memory holds this node's value.
  var storage: [Int]
  /// Convolution to the last node it absorbs, and the inverse for all absorbed nodes.
  var epilogue: [Int: (end: Int, Kernel.Epilogue)] = [:]
  /// Input gradient to the last node it absorbs, and the sum that it takes as well.
  var backwardPostOps: [Int: TakenPostOps] = [:]
  /// Scaled filters to the filters and the scale.
  var scaled: [Int: (filter: Int, scale: Int)] = [:]
  var isAbsorbed: [Bool]
  var isInlined: [Bool]
  var isNeeded: [Bool]
  var parent: [Int]
  var members: [Int]
  /// Of a fusion group's root: the nodes that may take a register.
  var registers: [Int: Set<Int>] = [:]
  var level: [Int]

  var kernels: [Kernel] = []

  /// More nodes than this never form one fusion group: registers must stay in the first-level cache.
  static let memberLimit = 48
  /// What a fusion group reads and computes stands in at most this many registers.
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
    absorbBackwardPostOps()
    findNeeded()
    inlineCheapNodes()
    joinGroups()
    emitKernels()
  }

  enum Kind { case source, alias, view, pointwise, reduction, other }

  func kind(_ id: Int) -> Kind {
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
  func number(_ id: Int) -> Double? {
    switch graph.nodes[id].operation {
    case let scalar as Scalar: scalar.value
    case is Broadcast, is Reshape, is StopGradient: number(graph.nodes[id].operands[0])
    default: nil
    }
  }

  mutating func findStorage() {
    for (id, node) in graph.nodes.enumerated() where kind(id) == .alias {
      storage[id] = storage[node.operands[0]]
    }
  }
}
