import CTensorKernels
import TensorGraph
import TensorPlan
import TensorRuntime

/// What must be known before memory is laid out: the primitive of every kernel, the scratch it
/// needs, and which weights are packed for whom.
struct Preparation {
  /// A filter in the layout that primitives read; made before its first consumer, shared by all
  /// that read the same layout within reach.
  final class Pack {
    let filter: Int
    /// What its filters are multiplied with.
    let scale: Int?
    let primitive: ConvolutionPrimitive
    let firstKernel: Int
    let isParameterOnly: Bool
    var lastKernel: Int
    var request = -1

    init(
      filter: Int, scale: Int?, primitive: ConvolutionPrimitive, kernel: Int, isParameterOnly: Bool
    ) {
      (self.filter, self.scale, self.primitive, firstKernel) = (filter, scale, primitive, kernel)
      (self.isParameterOnly, lastKernel) = (isParameterOnly, kernel)
    }
  }

  struct Prepared {
    var convolution: ConvolutionPrimitive?
    var pointwise: PointwiseProgram?
    var pack: Pack?
    /// Index of the memory request for scratch.
    var scratch: Int?
  }

  let plan: ProgramPlan
  let settings: CPUSettings
  private(set) var kernels: [Prepared] = []
  private(set) var requests: [MemoryPlan.Request] = []
  /// Storage to the memory request in which it stands.
  private(set) var storageRequest: [Int: Int] = [:]
  private let parameterOnly: Set<Int>
  private var packs: [Int: [Pack]] = [:]

  init(_ plan: ProgramPlan, _ settings: CPUSettings) {
    self.plan = plan
    self.settings = settings
    parameterOnly = plan.parameterOnly
  }

  static func aligned(_ bytes: Int) -> Int { (bytes + 63) & ~63 }

  func isParameterOnly(_ kernel: Kernel) -> Bool {
    kernel.writes.allSatisfy(parameterOnly.contains)
  }

  mutating func prepare() throws(ExecutionError) {
    let last = plan.kernels.count
    let kept = settings.policy.keepsParameterWork ? parameterOnly : []
    let lifetimes = Lifetimes(plan, persistent: kept)
    for (index, kernel) in plan.kernels.enumerated() {
      try kernels.append(prepare(kernel, index, lifetimes))
    }
    for buffer in lifetimes.spans.keys.sorted() {
      let span = lifetimes.spans[buffer]!
      storageRequest[buffer] = requests.count
      requests.append(
        .init(
          bytes: plan.byteCount(buffer), first: span.lowerBound, last: span.upperBound))
    }
    for (storage, buffer) in lifetimes.place { storageRequest[storage] = storageRequest[buffer] }
    for pack in packs.keys.sorted().flatMap({ packs[$0]! }) {
      let stays = settings.policy.keepsParameterWork && pack.isParameterOnly
      pack.request = requests.count
      requests.append(
        .init(
          bytes: pack.primitive.filterBytes, first: stays ? 0 : pack.firstKernel,
          last: stays ? last : pack.lastKernel))
    }
    for index in kernels.indices {
      let bytes = scratchBytes(kernels[index], plan.kernels[index])
      guard bytes > 0 else { continue }
      kernels[index].scratch = requests.count
      requests.append(.init(bytes: bytes, first: index, last: index))
    }
  }

  private func scratchBytes(_ prepared: Prepared, _ kernel: Kernel) -> Int {
    let fused = prepared.pointwise.map { $0.scratchBytes(threads: settings.threads) } ?? 0
    guard let convolution = prepared.convolution else { return fused }
    guard case .operation(let operation) = kernel.work, operation is ConvolutionFilterGradient,
      !convolution.filterIsPlain
    else {
      let copy = kernel.filterScale == nil ? 0 : convolution.scalingBytes
      return max(convolution.scratchBytes, fused, copy)
    }
    return Self.aligned(convolution.scratchBytes) + convolution.filterBytes
  }

  private mutating func prepare(
    _ kernel: Kernel, _ index: Int, _ lifetimes: Lifetimes
  ) throws(ExecutionError) -> Prepared {
    try checkTypes(of: kernel)
    var prepared = Prepared()
    switch kernel.work {
    case .pointwise(let fused):
      prepared.pointwise = try PointwiseProgram(
        fused, name: kernel.name, rounded: plan.rounded)
    case .convolution, .inputGradient, .operation, .maxPool:
      guard var work = ConvolutionWork(kernel) else { break }
      if let residual = work.epilogue.residual {
        work.residualIsApart = lifetimes.place[residual] != lifetimes.place[kernel.writes[0]]
      }
      let primitive = try ConvolutionPrimitive(
        work, order: order,
        usesBFloat16: settings.policy.precision == .bfloat16 && work.gainsByBFloat16(settings),
        settings: settings)
      prepared.convolution = primitive
      if work.kind != TROMPE_CONVOLUTION_FILTER_GRADIENT {
        prepared.pack = pack(kernel.reads[1], kernel.filterScale, primitive, index)
      }
      if case .inputGradient(_, let postOps?) = kernel.work,
        !primitive.finishesGradients || !standAlike(postOps.reads + [kernel.writes[0]])
      {
        prepared.pointwise = try PointwiseProgram(
          postOps.fused, name: kernel.name, rounded: plan.rounded)
      }
    }
    return prepared
  }

  /// Whether all are floats in the same order.
  private func standAlike(_ storages: [Int]) -> Bool {
    Set(storages.map(plan.blocked.contains)).count == 1
      && !storages.contains(where: plan.rounded.contains)
  }

  private func order(_ storage: Int) -> trompe_image_order {
    trompe_image_order(
      blocks: plan.blocked.contains(storage) ? 1 : 0,
      is_bf16: plan.rounded.contains(storage) ? 1 : 0)
  }

  /// Kernels read floats, but for the indices that pooling and one-hot rows go by.
  private func checkTypes(of kernel: Kernel) throws(ExecutionError) {
    for (position, storage) in kernel.reads.enumerated() {
      var expected = ElementType.float32
      if case .operation(let operation) = kernel.work {
        if operation is OneHot { expected = .int32 }
        if operation is MaxPoolSelect || operation is MaxPoolScatter, position == 1 {
          expected = .uint8
        }
      }
      let node = plan.graph.nodes[storage]
      guard node.type == expected else {
        throw ExecutionError(
          "\(kernel.name) reads \(node.operation.name) \(node.shape), which is \(node.type), "
            + "as \(expected)")
      }
    }
  }

  /// Over how many kernels a packed filter waits for its next consumer; packing is a copy, and what
  /// is computed again for the sake of memory may as well be copied again.
  private var reach: Int {
    settings.policy.recomputes && !settings.policy.keepsParameterWork ? 8 : plan.kernels.count
  }

  private mutating func pack(
    _ filter: Int, _ scale: Int?, _ primitive: ConvolutionPrimitive, _ kernel: Int
  ) -> Pack? {
    if primitive.filterIsPlain, scale == nil || primitive.scalesFilters { return nil }
    if let known = packs[filter]?.last(where: {
      $0.scale == scale && $0.primitive.hasSameFilterLayout(as: primitive)
    }),
      kernel - known.lastKernel <= reach
    {
      known.lastKernel = kernel
      return known
    }
    let pack = Pack(
      filter: filter, scale: scale, primitive: primitive, kernel: kernel,
      isParameterOnly: parameterOnly.isSuperset(of: [filter, scale ?? filter]))
    packs[filter, default: []].append(pack)
    return pack
  }
}
