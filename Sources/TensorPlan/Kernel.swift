import TensorGraph

/// A piece of work that an executor does in one go: one or many nodes of the graph.
public struct Kernel: Sendable {
  public enum Work: Sendable {
    /// One operation as it stands, e.g. a filter gradient or a pooling.
    case operation(any Operation)
    /// A convolution with what follows it.
    case convolution(Convolution, Epilogue)
    /// The input gradient of a convolution with what follows it, if anything does.
    case inputGradient(ConvolutionInputGradient, BackwardPostOps?)
    /// The maximum of every window and which tap holds it, written in that order.
    case maxPool(Window2D)
    /// Pointwise operations and the reductions that read them.
    case pointwise(FusionGroup)
  }

  /// What a convolution does to its sums before it stores them:
  /// `min(max(conv + bias + residual, 0), limit)`. What is not a number stays so.
  public struct Epilogue: Hashable, Sendable {
    /// Storage of a vector over the output channels.
    public var bias: Int?
    /// Storage of an array of the result's shape.
    public var residual: Int?
    public var hasReLU = false
    /// Above 0, of `hasReLU`: 6 of a ReLU6.
    public var limit: Float?

    public init() {}
  }

  /// What follows the sums of an input gradient before they are stored, `(sums + residual) ·
  /// [mask > 0]`, and the sums of that over all pixels: the way back through a ReLU, and the
  /// derivative of the bias before it.
  public struct BackwardPostOps: Sendable {
    /// Storage of an array of the result's shape.
    public internal(set) var residual: Int?
    /// Storage of an array of the result's shape.
    public internal(set) var mask: Int?
    /// Storage of a vector over the channels of the result.
    public internal(set) var channelSums: Int?
    /// The same as a fusion group that reads the bare sums where the result stands and replaces them:
    /// for an executor that cannot do it on the way.
    public internal(set) var fused: FusionGroup

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
        + (epilogue.limit == nil ? "" : " + limit")
    case .inputGradient(let gradient, let postOps):
      gradient.name + (postOps?.residual == nil ? "" : " + residual")
        + (postOps?.mask == nil ? "" : " + mask") + (postOps?.channelSums == nil ? "" : " + sums")
    case .maxPool: "max pool"
    case .pointwise(let fused):
      fused.reductions.isEmpty
        ? "pointwise" : (fused.instructions.isEmpty ? "reduction" : "pointwise + reduction")
    }
  }
}
