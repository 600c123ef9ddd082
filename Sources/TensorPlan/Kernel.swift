import TensorGraph

/// A piece of work that an executor does in one go: one or many nodes of the graph.
public struct Kernel: Sendable {
  public enum Work: Sendable {
    /// One operation as it stands, e.g. a filter gradient or a pooling.
    case operation(any Operation)
    /// A convolution with what follows it.
    case convolution(Convolution, Epilogue)
    /// The gradient in a convolution's image with what follows it, if anything does.
    case inputGradient(ConvolutionInputGradient, Finish?)
    /// The maximum of every window and which tap holds it, written in that order.
    case maxPool(Window2D)
    /// Pointwise operations and the reductions that read them.
    case pointwise(PointwiseCluster)
  }

  /// What a convolution adds to its sums before it stores them: `max(conv + bias + residual, 0)`.
  public struct Epilogue: Hashable, Sendable {
    /// Storage of a vector over the output channels.
    public var bias: Int?
    /// Storage of an array of the result's shape.
    public var residual: Int?
    public var hasReLU = false

    public init() {}
  }

  /// What follows the sums of a gradient in an image before they are stored, `(sums + residual) ·
  /// [mask > 0]`, and the sums of that over all pixels: the way back through a ReLU, and the
  /// derivative of the bias before it.
  public struct Finish: Sendable {
    /// Storage of an array of the result's shape.
    public internal(set) var residual: Int?
    /// Storage of an array of the result's shape.
    public internal(set) var mask: Int?
    /// Storage of a vector over the channels of the result.
    public internal(set) var channelSums: Int?
    /// The same as a cluster that reads the bare sums where the result stands and replaces them:
    /// for an executor that cannot do it on the way.
    public internal(set) var cluster: PointwiseCluster

    /// Storages that are read beside the convolution's own.
    public var reads: [Int] { [residual, mask].compactMap { $0 } }
  }

  public let work: Work
  /// Storages that are read, in the operation's own order for `.operation`, `.convolution` and
  /// `.inputGradient` (what follows last).
  public let reads: [Int]
  /// Storages that are written.
  public let writes: [Int]
  /// For each entry of `reads` the shape under which it is read; a storage may be known by several.
  public let readShapes: [Shape]
  /// For each entry of `writes` its shape.
  public let writeShapes: [Shape]
  /// Storage of a vector [K, 1, 1, 1] with which a convolution's filters are multiplied before they
  /// are used, each with its number: a folded batch norm. It is read last.
  public internal(set) var filterScale: Int?

  /// The name used in profiles.
  public var name: String {
    switch work {
    case .operation(let operation): operation.name
    case .convolution(_, let epilogue):
      "convolution" + (epilogue.bias == nil ? "" : " + bias")
        + (epilogue.residual == nil ? "" : " + residual") + (epilogue.hasReLU ? " + relu" : "")
    case .inputGradient(let gradient, let finish):
      gradient.name + (finish?.residual == nil ? "" : " + residual")
        + (finish?.mask == nil ? "" : " + mask") + (finish?.channelSums == nil ? "" : " + sums")
    case .maxPool: "max pool"
    case .pointwise(let cluster):
      cluster.reductions.isEmpty
        ? "pointwise" : (cluster.instructions.isEmpty ? "reduction" : "pointwise + reduction")
    }
  }
}

/// Where a pointwise cluster reads: element `index` of the iteration space is
/// `storage[offset + Σ index·strides]`.
public struct View: Hashable, Sendable {
  public let storage: Int
  public let offset: Int
  public let strides: [Int]
}

/// A straight-line program over registers, run for every element of `shape`.
///
/// Registers `0 ..< inputs.count` hold the inputs.
public struct PointwiseCluster: Sendable {
  public enum Instruction: Sendable {
    case copy(into: Int, Int)
    case unary(Unary.Function, into: Int, Int)
    case binary(Binary.Function, into: Int, Int, Int)
    case select(into: Int, mask: Int, Int, Int)
  }
  public struct Output: Sendable {
    public let register: Int
    public let storage: Int
  }
  public struct Reduction: Sendable {
    public let register: Int
    public let function: TensorGraph.Reduction.Function
    /// Along each axis of the iteration space, in elements of the result; 0 along those reduced.
    public let strides: [Int]
    /// Elements of the result.
    public let count: Int
    public let storage: Int
  }

  /// The iteration space. Outputs stand in its own dense order.
  public let shape: Shape
  public let inputs: [View]
  public let scalars: [(register: Int, value: Double)]
  public let instructions: [Instruction]
  public let outputs: [Output]
  public let reductions: [Reduction]
  public let registerCount: Int

  /// Whether `output` may stand in the memory of input register `input`: every read of the input
  /// comes no later than the instruction that writes the output, and at the same element.
  func canOverwrite(input: Int, by output: Output) -> Bool {
    guard inputs[input].offset == 0, inputs[input].strides == shape.strides,
      let written = instructions.firstIndex(where: { $0.target == output.register }),
      !reductions.contains(where: { $0.register == input })
    else { return false }
    for (position, instruction) in instructions.enumerated() where position > written {
      if instruction.sources.contains(input) { return false }
    }
    // The same storage read in another way as well (e.g. repeated) would see new values.
    return inputs.filter { $0.storage == inputs[input].storage }.count == 1
  }
}

extension PointwiseCluster.Instruction {
  public var target: Int {
    switch self {
    case .copy(let d, _), .unary(_, let d, _), .binary(_, let d, _, _), .select(let d, _, _, _): d
    }
  }
  public var sources: [Int] {
    switch self {
    case .copy(_, let a), .unary(_, _, let a): [a]
    case .binary(_, _, let a, let b): [a, b]
    case .select(_, let mask, let a, let b): [mask, a, b]
    }
  }
}
