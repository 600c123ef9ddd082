import TensorGraph

/// Where a fusion group reads: element `index` of the iteration space is
/// `storage[offset + Σ index·strides]`.
public struct View: Hashable, Sendable {
  public let storage: Int
  public let offset: Int
  public let strides: [Int]
}

/// A straight-line program over registers, run for every element of `shape`.
///
/// Registers `0 ..< inputs.count` hold the inputs.
public struct FusionGroup: Sendable {
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

extension FusionGroup.Instruction {
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
