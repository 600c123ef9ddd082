import CTensorKernels
import Foundation
import TensorGraph
import TensorPlan

/// A graph compiled for this machine's processor cores.
///
/// Not for use from two threads at once. Runs that follow each other should come from one thread:
/// the pool of worker threads belongs to the thread that calls.
public final class Executable {
  /// In what convolutions multiply, and activations between them are kept.
  public enum Precision: String, CaseIterable, Codable, Sendable {
    case float32 = "fp32"
    /// The upper half of a float: 8 bits of mantissa, the range of a float. Sums, parameters and
    /// their derivatives stay floats.
    case bfloat16 = "bf16"
  }

  public struct Options: Sendable {
    /// Worker threads; results depend on their number in the last digits.
    public var threads: Int
    /// Keep what follows from parameters alone (folded and packed weights) until a parameter
    /// changes. Costs memory; right for evaluation.
    public var keepsParameterWork: Bool
    /// Compute 3×3 convolutions and their gradients by Winograd's minimal filtering, F(4×4, 3×3): a
    /// quarter of the multiplications; and 1×1 convolutions by his inner product: 11 for 16, beside
    /// additions. A relative rounding error of about 1e-6 to 1e-5 instead of 1e-7 to 1e-6.
    public var usesWinograd: Bool
    /// Compute every image of a batch as it would be alone, to the last bit: how is chosen without
    /// regard to their number. Right for evaluation. Sums over images (gradients in weights, batch
    /// statistics) are not of one image.
    public var isBatchInvariant: Bool
    /// Keep activations between convolutions in blocks of 16 channels, as wide as an AVX-512
    /// register, where the processor has those.
    public var blocksChannels: Bool
    /// Where the processor has no arithmetic in bfloat16, asking for it is an error.
    public var precision: Precision
    /// Compute again what would be kept from a forward pass for a backward pass, where that makes
    /// the peak of memory smaller, and pack filters again for the same reason. Results are the same
    /// up to rounding.
    public var recomputes: Bool

    /// Whether filters are multiplied with a folded batch norm when they are packed: our own kernels
    /// pack all of them, while a primitive of oneDNN would need another copy.
    private var scalesFilters: Bool { blocksChannels && usesWinograd && precision == .float32 }

    /// What a plan has to know.
    var traits: BackendTraits {
      var traits = BackendTraits(blocksChannels: blocksChannels, scalesFilters: scalesFilters)
      if precision == .bfloat16 {
        traits.multipliesInBFloat16 = { kernel in
          ConvolutionWork(kernel)?.gainsByBFloat16(self) == true
        }
      }
      return traits
    }

    public init(
      threads: Int = Executable.defaultThreads, keepsParameterWork: Bool = false,
      usesWinograd: Bool = true, isBatchInvariant: Bool = false,
      blocksChannels: Bool = Executable.hasOwnConvolutions,
      precision: Precision = .float32, recomputes: Bool = false
    ) {
      (self.precision, self.recomputes) = (precision, recomputes)
      (self.threads, self.keepsParameterWork) = (threads, keepsParameterWork)
      (self.usesWinograd, self.isBatchInvariant) = (usesWinograd, isBatchInvariant)
      self.blocksChannels = blocksChannels
    }
  }

  /// What a placeholder is given.
  public enum Input {
    case floats([Float])
    case indices([Int32])
  }

  /// One thread for each core that this process may use.
  public static var defaultThreads: Int { max(1, Int(trompe_processor_count())) }

  /// Whether this processor has AVX-512.
  public static let hasWideVectors = String(cString: trompe_instruction_set()) == "avx512"

  /// Whether convolutions can be kernels of our own, which work on blocks of 16 channels.
  public static let hasOwnConvolutions = trompe_has_packed_products() != 0

  /// Whether this processor has Winograd's minimal filtering, of ours or of this version of oneDNN.
  public static let hasWinograd: Bool = {
    (try? ConvolutionPrimitive(.probe(size: 56, channels: 64)))?.isWinograd == true
  }()

  /// Whether this processor has units for the additions of Winograd's inner product.
  public static let hasWinogradProducts = trompe_pairs_save_products() != 0

  /// Whether this processor and this version of oneDNN multiply in bfloat16.
  public static let hasBFloat16: Bool = {
    let primitive = try? ConvolutionPrimitive(
      .probe(size: 14, channels: 32), usesBFloat16: true)
    return primitive?.implementation.contains("bf16") == true
  }()

  public let plan: ProgramPlan
  public let options: Options
  /// Arena of intermediate results, packed weights and scratch.
  public let arenaBytes: Int
  /// Placeholders and constants.
  public let inputBytes: Int
  /// Arithmetic and memory traffic of one run.
  public let cost: Cost
  /// Filled by `run(profiling: true)`.
  public private(set) var profile: Profile

  let parameters: ParameterStore
  private var steps: [Step] = []
  private let arena: AlignedMemory
  private var fixed: [Int: AlignedMemory] = [:]
  private var address: [Int: UnsafeMutableRawPointer] = [:]
  private var workedVersion = -1

  private struct Step {
    let kernel: Int
    let isParameterOnly: Bool
    let run: () -> Int32
  }

  /// Memory that one run needs beside the parameters, known before the first run.
  public var plannedPeakBytes: Int { arenaBytes + inputBytes }

  /// - Throws: `ExecutionError` if a parameter is missing or misshapen, an operation is not
  ///   supported, or memory is short.
  public convenience init(
    _ graph: Graph, parameters: ParameterStore, options: Options = Options()
  ) throws(ExecutionError) {
    guard options.precision == .float32 || Self.hasBFloat16 else {
      throw ExecutionError(
        "this processor has no arithmetic in bfloat16 (AVX-512 BF16); use precision fp32")
    }
    let plan = ProgramPlan(graph, for: options.traits, recomputes: options.recomputes)
    try self.init(plan, parameters: parameters, options: options)
  }

  public init(
    _ plan: ProgramPlan, parameters: ParameterStore, options: Options = Options()
  ) throws(ExecutionError) {
    let graph = plan.graph
    self.plan = plan
    self.parameters = parameters
    self.options = options
    cost = plan.cost
    profile = Profile(plan)

    var inputBytes = 0
    for (id, node) in graph.nodes.enumerated() {
      switch node.operation {
      case let parameter as Parameter:
        guard let shape = parameters.shape(of: parameter.label) else {
          throw ExecutionError("the program's parameter \(parameter.label) is not in the store")
        }
        guard shape == parameter.shape else {
          throw ExecutionError(
            "parameter \(parameter.label): the program has \(parameter.shape), the store \(shape)")
        }
        address[id] = UnsafeMutableRawPointer(parameters.pointer(to: parameter.label)!)
      case is Placeholder, is Constant, is Scalar:
        let memory = try AlignedMemory(byteCount: node.byteCount)
        inputBytes += node.byteCount
        fixed[id] = memory
        address[id] = memory.base
        if let constant = node.operation as? Constant {
          constant.tensor.values.withUnsafeBufferPointer {
            memory.floats.update(from: $0.baseAddress!, count: $0.count)
          }
        }
        if let scalar = node.operation as? Scalar { memory.floats.pointee = Float(scalar.value) }
      default: break
      }
    }
    self.inputBytes = inputBytes

    // oneDNN divides the work when it makes a primitive: whatever ran before, the number of threads
    // must be this program's own.
    trompe_set_thread_count(Int32(options.threads))
    // Which primitives there are decides how much scratch and packed weights need.
    var preparation = Preparation(plan, options)
    try preparation.prepare()
    let memoryPlan = MemoryPlan(preparation.requests)
    arenaBytes = memoryPlan.peakBytes
    arena = try AlignedMemory(byteCount: arenaBytes)
    for (storage, request) in preparation.storageRequest {
      address[storage] = arena.base + memoryPlan.offsets[request]
    }
    func arenaAddress(_ request: Int?) -> UnsafeMutableRawPointer {
      arena.base + (request.map { memoryPlan.offsets[$0] } ?? 0)
    }

    for (index, kernel) in plan.kernels.enumerated() {
      let prepared = preparation.kernels[index]
      let scratch = arenaAddress(prepared.scratch)
      if let pack = prepared.pack, pack.firstKernel == index {
        let primitive = pack.primitive
        let from = floats(pack.filter)
        let scale = pack.scale.map { UnsafePointer(floats($0)) }
        let to = arenaAddress(pack.request)
        steps.append(
          Step(kernel: index, isParameterOnly: pack.isParameterOnly) {
            trompe_convolution_reorder_filter(primitive.handle, from, scale, to, scratch)
          })
      }
      let packed = prepared.pack.map { arenaAddress($0.request) }
      let run = try lower(kernel, prepared, packed: packed, scratch: scratch)
      steps.append(
        Step(kernel: index, isParameterOnly: preparation.isParameterOnly(kernel), run: run))
    }
  }

  private func floats(_ storage: Int) -> UnsafeMutablePointer<Float> {
    precondition(!plan.rounded.contains(storage), "%\(storage) holds no floats")
    guard let address = address[storage] else { preconditionFailure("%\(storage) has no memory") }
    return address.assumingMemoryBound(to: Float.self)
  }

  /// An image in the order and type in which it stands.
  private func image(_ storage: Int) -> UnsafePointer<Float> {
    UnsafePointer(address[storage]!.assumingMemoryBound(to: Float.self))
  }

  // MARK: Running

  /// Runs the program once. Results are read with `output(_:)` until the next run.
  ///
  /// - Parameters:
  ///   - inputs: a value for every placeholder, by name.
  ///   - profiling: adds the time of every kernel to `profile`.
  public func run(
    _ inputs: [String: Input] = [:], profiling: Bool = false
  ) throws(ExecutionError) {
    for (name, id) in plan.graph.placeholders {
      let node = plan.graph.nodes[id]
      guard let input = inputs[name] else { throw ExecutionError("no value for \(name)") }
      let count: Int
      switch (input, node.type) {
      case (.floats(let values), .float32):
        count = values.count
        if count == node.shape.count {
          values.withUnsafeBytes {
            address[id]!.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
          }
        }
      case (.indices(let values), .int32):
        count = values.count
        if count == node.shape.count {
          values.withUnsafeBytes {
            address[id]!.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
          }
        }
      default: throw ExecutionError("\(name) is \(node.type)")
      }
      guard count == node.shape.count else {
        throw ExecutionError(
          "\(name): \(count) values for \(node.shape), expected \(node.shape.count)")
      }
    }
    trompe_set_thread_count(Int32(options.threads))
    let skips = options.keepsParameterWork && workedVersion == parameters.version
    for step in steps where !(skips && step.isParameterOnly) {
      let begin = profiling ? DispatchTime.now().uptimeNanoseconds : 0
      let status = step.run()
      if profiling {
        profile.add(step.kernel, nanoseconds: DispatchTime.now().uptimeNanoseconds - begin)
      }
      guard status == 0 else {
        throw ExecutionError("\(plan.kernels[step.kernel].name) failed in the executor")
      }
    }
    if profiling { profile.runs += 1 }
    workedVersion = parameters.version
  }

  /// A copy of the `index`-th output; indices come back as floats.
  public func output(_ index: Int) -> Tensor {
    let node = plan.graph.nodes[plan.graph.outputs[index]]
    switch node.type {
    case .float32:
      return Tensor(shape: node.shape, values: withOutput(index) { Array($0) })
    case .int32:
      let pointer = address[plan.storage[plan.graph.outputs[index]]]!
        .assumingMemoryBound(to: Int32.self)
      return Tensor(shape: node.shape, values: (0..<node.shape.count).map { Float(pointer[$0]) })
    case .uint8:
      let pointer = address[plan.storage[plan.graph.outputs[index]]]!
        .assumingMemoryBound(to: UInt8.self)
      return Tensor(shape: node.shape, values: (0..<node.shape.count).map { Float(pointer[$0]) })
    }
  }

  /// Calls `body` with a float output in place.
  public func withOutput<Result>(
    _ index: Int, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    let id = plan.graph.outputs[index]
    let pointer = floats(plan.storage[id])
    return try body(UnsafeBufferPointer(start: pointer, count: plan.graph.nodes[id].shape.count))
  }

  // MARK: Lowering

  private func lower(
    _ kernel: Kernel, _ prepared: Preparation.Prepared, packed: UnsafeMutableRawPointer?,
    scratch: UnsafeMutableRawPointer
  ) throws(ExecutionError) -> () -> Int32 {
    let threads = Int32(options.threads)
    // What is packed is scaled already.
    let scale = packed == nil ? kernel.filterScale.map { UnsafePointer(floats($0)) } : nil
    switch kernel.work {
    case .convolution(_, let epilogue):
      let primitive = prepared.convolution!
      let (x, y) = (address[kernel.reads[0]]!, address[kernel.writes[0]]!)
      let filter = packed ?? address[kernel.reads[1]]!
      var after = trompe_epilogue()
      after.bias = epilogue.bias.map { UnsafePointer(floats($0)) }
      after.residual = epilogue.residual.map(image)
      after.has_relu = epilogue.hasReLU ? 1 : 0
      return { trompe_convolution_run(primitive.handle, x, filter, scale, &after, y, scratch) }
    case .inputGradient(_, let postOps):
      let primitive = prepared.convolution!
      let (dx, dy) = (address[kernel.writes[0]]!, address[kernel.reads[0]]!)
      let filter = packed ?? address[kernel.reads[1]]!
      if let program = prepared.pointwise {
        program.bind { self.address[$0]! }
        return {
          let status = trompe_convolution_run(primitive.handle, dx, filter, scale, nil, dy, scratch)
          if status == 0 { program.run(scratch: scratch, threads: Int(threads)) }
          return status
        }
      }
      var after = trompe_epilogue()
      after.residual = postOps?.residual.map(image)
      after.mask = postOps?.mask.map(image)
      after.sums = postOps?.channelSums.map { floats($0) }
      return { trompe_convolution_run(primitive.handle, dx, filter, scale, &after, dy, scratch) }
    case .maxPool(let window):
      var pool = poolShape(
        window, kernel, image: kernel.readShapes[0], result: kernel.writeShapes[0])
      let (x, y) = (floats(kernel.reads[0]), floats(kernel.writes[0]))
      let index = address[kernel.writes[1]]!.assumingMemoryBound(to: UInt8.self)
      return {
        trompe_max_pool(&pool, x, y, index, threads)
        return 0
      }
    case .pointwise:
      let program = prepared.pointwise!
      program.bind { self.address[$0]! }
      return {
        program.run(scratch: scratch, threads: Int(threads))
        return 0
      }
    case .operation(let operation):
      return try lower(operation, kernel, prepared, packed: packed, scratch: scratch)
    }
  }

  /// The axes of an array as they stand in memory; those of blocked images are N, block, and
  /// everything of a block.
  private func axesInMemory(_ shape: Shape, _ storage: Int) -> Shape {
    guard plan.blocked.contains(storage) else { return shape }
    let block = Int(TROMPE_CHANNEL_BLOCK)
    return [shape[0], shape[3] / block, shape[1] * shape[2] * block]
  }

  /// Blocked images are as many more of 16 channels.
  private func poolShape(
    _ window: Window2D, _ kernel: Kernel, image x: Shape, result y: Shape
  ) -> trompe_pool {
    let channels = plan.blocked.contains(kernel.reads[0]) ? Int(TROMPE_CHANNEL_BLOCK) : x[3]
    return trompe_pool(
      n: Int64(x[0] * x[3] / max(channels, 1)), h: Int64(x[1]), w: Int64(x[2]),
      c: Int64(channels), p: Int64(y[1]), q: Int64(y[2]), height: Int64(window.height),
      width: Int64(window.width),
      stride_y: Int64(window.strideY), stride_x: Int64(window.strideX),
      dilation_y: Int64(window.dilationY), dilation_x: Int64(window.dilationX),
      top: Int64(window.top), left: Int64(window.left))
  }

  private func lower(
    _ operation: any TensorGraph.Operation, _ kernel: Kernel, _ prepared: Preparation.Prepared,
    packed: UnsafeMutableRawPointer?, scratch: UnsafeMutableRawPointer
  ) throws(ExecutionError) -> () -> Int32 {
    let threads = Int32(options.threads)
    let graph = plan.graph
    // Results that are not floats are not looked at as such.
    let y = address[kernel.writes[0]]!.assumingMemoryBound(to: Float.self)
    switch operation {
    case is ConvolutionFilterGradient:
      let primitive = prepared.convolution!
      let (x, dy) = (address[kernel.reads[0]]!, address[kernel.reads[1]]!)
      if primitive.filterIsPlain {
        return { trompe_convolution_run(primitive.handle, x, y, nil, nil, dy, scratch) }
      }
      let inOrder = scratch + Preparation.aligned(primitive.scratchBytes)
      return {
        let status = trompe_convolution_run(primitive.handle, x, inOrder, nil, nil, dy, scratch)
        return status != 0
          ? status : trompe_convolution_reorder_filter(primitive.handle, inOrder, nil, y, nil)
      }
    case let product as MatrixProduct:
      let (a, b) = (floats(kernel.reads[0]), floats(kernel.reads[1]))
      let result = kernel.writeShapes[0]
      let inner = kernel.readShapes[0][product.transposesLeft ? 0 : 1]
      let (m, n, k) = (Int64(result[0]), Int64(result[1]), Int64(inner))
      let left: Int32 = product.transposesLeft ? 1 : 0
      let right: Int32 = product.transposesRight ? 1 : 0
      let isBatchInvariant: Int32 = options.isBatchInvariant ? 1 : 0
      return { trompe_matrix_product(left, right, m, n, k, a, b, y, isBatchInvariant, threads) }
    case let index as MaxPoolIndex:
      var pool = poolShape(
        index.window, kernel, image: kernel.readShapes[0], result: kernel.writeShapes[0])
      let x = floats(kernel.reads[0])
      let result = address[kernel.writes[0]]!.assumingMemoryBound(to: UInt8.self)
      return {
        trompe_max_pool(&pool, x, nil, result, threads)
        return 0
      }
    case let select as MaxPoolSelect:
      var pool = poolShape(
        select.window, kernel, image: kernel.readShapes[0], result: kernel.writeShapes[0])
      let x = floats(kernel.reads[0])
      let index = address[kernel.reads[1]]!.assumingMemoryBound(to: UInt8.self)
      return {
        trompe_max_pool_select(&pool, x, index, y, threads)
        return 0
      }
    case let scatter as MaxPoolScatter:
      var pool = poolShape(
        scatter.window, kernel, image: kernel.writeShapes[0], result: kernel.readShapes[0])
      let dy = floats(kernel.reads[0])
      let index = address[kernel.reads[1]]!.assumingMemoryBound(to: UInt8.self)
      return {
        trompe_max_pool_scatter(&pool, dy, index, y, threads)
        return 0
      }
    case let average as AveragePool:
      var pool = poolShape(
        average.window, kernel, image: kernel.readShapes[0], result: kernel.writeShapes[0])
      let x = floats(kernel.reads[0])
      let counts: Int32 = average.countsPadding ? 1 : 0
      return {
        trompe_average_pool(&pool, counts, x, y, threads)
        return 0
      }
    case let gradient as AveragePoolGradient:
      var pool = poolShape(
        gradient.window, kernel, image: kernel.writeShapes[0], result: kernel.readShapes[0])
      let dy = floats(kernel.reads[0])
      let counts: Int32 = gradient.countsPadding ? 1 : 0
      return {
        trompe_average_pool_gradient(&pool, counts, dy, y, threads)
        return 0
      }
    case let pad as Pad:
      let from = axesInMemory(kernel.readShapes[0], kernel.reads[0])
      let result = axesInMemory(kernel.writeShapes[0], kernel.writes[0])
      // Only whole blocks are added to blocked images.
      let isBlocked = plan.blocked.contains(kernel.writes[0])
      let low = isBlocked ? [0, pad.low[3] / Int(TROMPE_CHANNEL_BLOCK), 0] : pad.low
      let interior = isBlocked ? [0, 0, 0] : pad.interior
      let x = floats(kernel.reads[0])
      let strides = result.strides
      let first: Int = low.indices.reduce(0) { $0 + low[$1] * strides[$1] }
      let target = y + first
      let extents = from.dimensions.map(Int64.init)
      let fromStrides = from.strides.map(Int64.init)
      let toStrides = strides.indices.map { Int64((interior[$0] + 1) * strides[$0]) }
      let bytes = graph.nodes[kernel.writes[0]].byteCount
      return {
        memset(y, 0, bytes)
        trompe_copy_strided(
          Int32(extents.count), extents, x, fromStrides, target, toStrides, threads)
        return 0
      }
    case let concatenation as Concatenation:
      let result = axesInMemory(kernel.writeShapes[0], kernel.writes[0])
      let axis = plan.blocked.contains(kernel.writes[0]) ? 1 : concatenation.axis
      let inner = result.dimensions[(axis + 1)...].reduce(1, *)
      let outer = result.dimensions[..<axis].reduce(1, *)
      var begin = 0
      var parts: [(from: UnsafeMutablePointer<Float>, begin: Int, width: Int)] = []
      for (storage, shape) in zip(kernel.reads, kernel.readShapes) {
        let width = shape.count / max(outer, 1)
        parts.append((floats(storage), begin, width))
        begin += width
      }
      let total = result[axis] * inner
      return {
        for part in parts {
          trompe_copy_strided(
            2, [Int64(outer), Int64(part.width)], part.from, [Int64(part.width), 1],
            y + part.begin, [Int64(total), 1], threads)
        }
        return 0
      }
    case is ArgMax:
      let x = floats(kernel.reads[0])
      let columns = kernel.readShapes[0][-1]
      let rows = kernel.writeShapes[0].count
      let index = address[kernel.writes[0]]!.assumingMemoryBound(to: Int32.self)
      return {
        trompe_argmax(Int64(rows), Int64(columns), x, index)
        return 0
      }
    case let mask as TopKMask:
      let x = floats(kernel.reads[0])
      let columns = kernel.readShapes[0][-1]
      let rows = kernel.readShapes[0].count / max(columns, 1)
      return {
        trompe_top_k_mask(Int64(rows), Int64(columns), Int64(mask.count), x, y)
        return 0
      }
    case let oneHot as OneHot:
      let index = address[kernel.reads[0]]!.assumingMemoryBound(to: Int32.self)
      let rows = kernel.readShapes[0].count
      return {
        trompe_one_hot(Int64(rows), Int64(oneHot.depth), index, y)
        return 0
      }
    default:
      throw ExecutionError("the CPU executor has no kernel for \(operation.name)")
    }
  }
}
